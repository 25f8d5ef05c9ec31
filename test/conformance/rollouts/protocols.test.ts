import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RolloutInput } from '../../../src/core/rollout/rollout-input.ts'
import { loadRoom } from '../../../src/core/rollout/room.ts'
import { tendRollouts } from '../../../src/core/rollout/tend.ts'
import type { Scope } from '../../../src/core/service.ts'
import { iotaapProtocol } from '../../../src/protocols/iotaap/protocol.ts'
import { nativeProtocol } from '../../../src/protocols/native/protocol.ts'
import { issueDeviceToken } from '../../../src/protocols/spoke-zone/device-token.ts'
import { spokeZoneProtocol } from '../../../src/protocols/spoke-zone/protocol.ts'
import { rawRequest } from '../../support/raw-client.ts'
import { STORAGES } from '../../support/storages.ts'
import { newScope, pushFirmware } from '../../support/test-core.ts'
import { startTestServer, type TestServer } from '../../support/test-server.ts'

const MINUTE = 60_000

describe.each(STORAGES)('devices of every protocol under a rollout, $name', ({ open }) => {
  let server: TestServer
  let scope: Scope

  beforeEach(async () => {
    server = await startTestServer({
      protocols: (host) => [nativeProtocol(host), iotaapProtocol(host), spokeZoneProtocol(host)],
      storage: await open(),
      listen: true,
    })
    scope = await newScope(server.core)
    await server.core.products.create(scope, { key: 'panel', distribution: 'managed' })
    for (const version of ['1.0.0', '1.1.0']) await pushFirmware(server.core, scope, 'panel', version)
  })
  afterEach(() => server.close())

  async function addDevice(
    key: string,
    credential: { scheme: string; secret?: string; details?: Record<string, string> },
  ) {
    const { serial: product } = await server.core.products.get(scope.organisation, 'panel')
    return server.core.devices.create(scope, { key, product, credentials: [credential] })
  }

  async function start(input: Partial<RolloutInput> = {}) {
    const release = { product: 'panel', version: '1.1.0' }
    await server.core.rollouts.create(scope, { key: 'spring', release, ...input })
    await server.core.rolloutControl.start(scope, 'spring')
  }

  async function counted() {
    const { serial } = await server.core.rollouts.get(scope.organisation, 'spring')
    const room = await loadRoom(server.core.deps.storage.read, serial)
    const outcomes = Object.entries(room?.whole.outcomes ?? {}).filter(([, count]) => count > 0)
    const { granted, settled, failed } = room?.whole.counts ?? { granted: 0, settled: 0, failed: 0 }
    return { ...Object.fromEntries(outcomes), granted, settled, failed, unverifiable: room?.whole.unverifiable }
  }

  it('native: granted by its check, and done when it runs the release', async () => {
    await addDevice('d1', { scheme: 'native', secret: 'token-of-d1-token-of-d1-token-of-d1-00001' })
    await start()
    const check = async (version: string) => {
      const reply = await server.app.inject({
        method: 'POST',
        url: '/device/v1/check',
        headers: { authorization: 'Bearer token-of-d1-token-of-d1-token-of-d1-00001' },
        payload: { running: { main: version } },
      })
      return reply.json() as { action: string; update?: { version: string } }
    }
    expect(await check('1.0.0')).toMatchObject({ action: 'update', update: { version: '1.1.0' } })
    expect(await counted()).toMatchObject({ open: 1, granted: 1 })
    expect(await check('1.1.0')).toMatchObject({ action: 'none', because: 'up-to-date' })
    expect(await counted()).toMatchObject({ succeeded: 1, granted: 1, failed: 0 })
  })

  it('IoTaaP: the question shows the offer and claims nothing; the download does, and quiet means success', async () => {
    const device = await addDevice('d1', { scheme: 'iotaap', secret: 'FSXuSmJRiJ4v' })
    await start()
    const { port } = new URL(server.url)
    const get = (path: string) => rawRequest(Number(port), [`GET ${path} HTTP/1.1`, 'Host: ota', 'Connection: close'])
    const latest = async () => (await get(`/v1/ota/device/latest/${device.id}`)).body.toString()
    expect(await latest()).toBe('{"ver":"1.1.0"}')
    expect(await counted()).toMatchObject({ granted: 0 })
    const image = await get(`/v1/ota/device/download/${device.id}FSXuSmJRiJ4v`)
    expect(image.body.toString()).toBe('panel 1.1.0')
    await expect.poll(counted).toMatchObject({ open: 1, granted: 1 })
    await expect
      .poll(async () => {
        await latest()
        server.clock.advance(2 * MINUTE)
        await server.core.updates.settleQuiet()
        return counted()
      })
      .toMatchObject({ succeeded: 1, granted: 1, failed: 0 })
    expect(await latest()).toBe('{"ver":"1.1.0"}')
  })

  it('Spoke.Zone: a managed product lists what is granted, and what became of it cannot be verified', async () => {
    const device = await addDevice('d1', { scheme: 'spoke-zone', details: { cpuId: 'c-1', uuid: 'u-1' } })
    const facts = await server.core.gateway.find({ by: 'serial', serial: device.serial })
    if (!facts) throw new Error('no device')
    const token = await issueDeviceToken(server.host, facts)
    const get = (url: string) => server.app.inject({ url, headers: { 'x-access-token': token } })
    const list = async () => (await get('/api/v2/ota-files?module=main')).json() as { id: string; version: string }[]
    expect(await list()).toEqual([])
    await start()
    const [file] = await list()
    expect(file).toMatchObject({ version: '1.1.0' })
    expect(await counted()).toMatchObject({ open: 1, granted: 0, unverifiable: 1 })
    expect(await list()).toHaveLength(1)
    expect((await get(`/api/v2/ota-files/${file?.id}/file`)).body).toBe('panel 1.1.0')
    await expect.poll(counted).toMatchObject({ delivered: 1, granted: 0, unverifiable: 1, failed: 0 })
    server.clock.advance(120 * MINUTE)
    await tendRollouts(server.core.deps)
    expect(await counted()).toMatchObject({ delivered: 1, settled: 0, failed: 0 })
  })

  it('what a rollout does not grant, no protocol shows', async () => {
    const iotaap = await addDevice('d1', { scheme: 'iotaap', secret: 'FSXuSmJRiJ4v' })
    await start({ stages: [{ percent: 100, approvals: 1 }] })
    const reply = await server.app.inject({ url: `/v1/ota/device/latest/${iotaap.id}` })
    expect(reply.statusCode).toBe(404)
    expect((await server.app.inject({ url: `/v1/ota/device/download/${iotaap.id}FSXuSmJRiJ4v` })).statusCode).toBe(404)
  })
})
