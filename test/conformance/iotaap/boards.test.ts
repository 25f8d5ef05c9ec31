import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { IotaapEsp32, type IotaapMode } from '../../../src/simulator/devices/iotaap-esp32.ts'
import { IotaapEsp8266 } from '../../../src/simulator/devices/iotaap-esp8266.ts'
import { STORAGES } from '../../support/storages.ts'
import { type Iotaap, imageOf, latestPath, PATIENTLY, sha256, startIotaap, type Tenant, type Wire } from './fixture.ts'

// Rows 46 to 49, and the broker's part of row 26, need an MQTT broker: this server has none to talk to, so there is
// nothing that could send or take those messages, and /v1/mqtt is an unknown route (row 3).

describe.each(STORAGES)('IoTaaP boards over $name', ({ open }) => {
  let iotaap: Iotaap
  let acme: Tenant

  beforeAll(async () => {
    iotaap = await startIotaap({ storage: await open() })
    acme = iotaap.tenant
  })
  afterAll(() => iotaap.close())

  const identity = (wire: Wire) => ({ id: wire._id, token: wire.token })
  const board = (wire: Wire, options: { version?: string; group?: Wire; slash?: boolean } = {}) =>
    new IotaapEsp32({
      url: options.slash ? `${iotaap.server.url}/` : iotaap.server.url,
      device: identity(wire),
      version: options.version ?? '1.0.0',
      ...(options.group && { group: identity(options.group) }),
    })

  test.each([false, true])(
    'row 43: reaches the new version with one download and stays (slash at the end: %s)',
    async (slash) => {
      const device = await acme.device()
      const esp = board(device, { slash })
      expect(await esp.run()).toMatchObject({ kind: 'nothing', responses: [203], downloads: 0 })
      const image = imageOf('1.1.0')
      await acme.deploy('device', { to: device, version: '1.1.0', image })
      expect(await esp.run()).toMatchObject({
        kind: 'updated',
        version: '1.1.0',
        downloads: 1,
        responses: [201],
        sha256: sha256(image),
      })
      expect(await esp.run()).toMatchObject({ kind: 'up-to-date', downloads: 0, responses: [202] })
    },
  )

  test('row 22: the same version again leaves the board as it is, an older one is flashed', async () => {
    const device = await acme.device()
    const esp = board(device, { version: '1.1.0' })
    await acme.deploy('device', { to: device, version: '1.1.0', image: imageOf('1.1.0', 'other bytes') })
    expect(await esp.run()).toMatchObject({ kind: 'up-to-date', downloads: 0 })
    await acme.deploy('device', { to: device, version: '1.0.9' })
    expect(await esp.run()).toMatchObject({ kind: 'updated', version: '1.0.9', downloads: 1 })
  })

  test('row 43: mode a asks for its group alone', async () => {
    const device = await acme.device()
    const group = await acme.group()
    await acme.deploy('device', { to: device, version: '9.9.9' })
    const esp = board(device, { group })
    expect(await esp.run()).toMatchObject({ kind: 'nothing', downloads: 0 })
    await acme.deploy('group', { to: group, version: '2.0.0' })
    expect(await esp.run()).toMatchObject({ kind: 'updated', version: '2.0.0', downloads: 1 })
    expect(await esp.run()).toMatchObject({ kind: 'up-to-date', downloads: 0 })
  })

  test.each<IotaapMode>(['poll', 'triggered', 'triggered-new-socket'])(
    'row 43: mode %s forced does no harm, and the next normal check succeeds',
    async (mode) => {
      const device = await acme.device()
      await acme.deploy('device', { to: device, version: '1.1.0' })
      const esp = board(device)
      const forced = await esp.run({ mode })
      expect((await iotaap.get(latestPath(device))).status).toBe(200)
      esp.reboot()
      const next = await esp.run()
      expect(esp.version).toBe('1.1.0')
      expect(next.kind).toBe(forced.kind === 'updated' ? 'up-to-date' : 'updated')
    },
  )

  test('R4: a wrong version string is a loop, and is recorded', async () => {
    const device = await acme.device()
    await acme.deploy('device', { to: device, version: '2.0.0', image: imageOf('1.1.0') })
    const esp = board(device)
    expect(await esp.run()).toMatchObject({ kind: 'updated', version: '1.1.0' })
    expect(await esp.run()).toMatchObject({ kind: 'updated', version: '1.1.0', downloads: 1 })
    const filter = { organisation: acme.organisation.serial, type: 'device.version-mismatch', subjectId: device._id }
    const { events } = iotaap.server.core.deps.storage.management
    await expect.poll(() => events.list(filter, { limit: 9 }), PATIENTLY).toHaveLength(1)
  })

  test('row 44: an ESP8266 updates by latest and by mode version', async () => {
    for (const ask of ['latest', 'version'] as const) {
      const device = await acme.device()
      const image = imageOf('1.1.0')
      await acme.deploy('device', { to: device, version: '1.1.0', image })
      const esp = new IotaapEsp8266({ url: iotaap.server.url, device: identity(device), version: '1.0.0', ask })
      expect(await esp.serverVersion()).toEqual({ kind: 'version', version: '1.1.0' })
      expect(await esp.run()).toMatchObject({ kind: 'updated', version: '1.1.0', sha256: sha256(image) })
      expect(await esp.run()).toMatchObject({ kind: 'up-to-date' })
    }
  })
})
