import { beforeEach, describe, expect, it } from 'vitest'
import { STORAGES } from '../../support/storages.ts'
import { DeviceClient } from './device-client.ts'
import { type Enos, sharedEnos } from './fixture.ts'
import { expectOk } from './program.ts'

describe.each(STORAGES)('devices over HTTP on $name', ({ open }) => {
  const next = sharedEnos(open)
  let enos: Enos
  let device: DeviceClient
  beforeEach(async () => {
    enos = await next()
    await enos.newDevice('dk1')
    device = new DeviceClient(enos.server.url, 'dk1')
  })

  const state = async () => {
    const update = await enos.update('dk1')
    return update && { state: update.state, progress: update.progress, reason: update.reason }
  }
  const running = async (deviceKey = 'dk1') => {
    const { core } = enos.server
    const { serial } = await core.devices.get(enos.tenant.organisation.serial, deviceKey)
    return (await core.deps.storage.read.running.listByDevice(serial)).map(({ version }) => version)
  }

  it.each([
    [300_000, '35611fa487ddeaf00a3d692940e1f07ad9ebdbe468f5d9c519ddced51105386e'],
    [30_000, 'b325d3cec2447585d79f02196ff8eea16b13349bb26ba897f073ae7b0260574a'],
  ])('row 35 over HTTP: vector with lifetime %i, also in capitals', async (lifetime, sign) => {
    expect(device.sign(lifetime)).toBe(sign)
    for (const given of [sign, sign.toUpperCase()]) {
      const reply = await device.authenticate({ lifetime, sign: given })
      expect(reply.status).toBe(200)
      expect(reply.json).toEqual({ code: 200, message: 'success', data: { sessionId: expect.any(String) } })
      expect((await device.inform('1.0')).json).toEqual({ id: '1', code: 200, data: {} })
    }
  })

  it('row 35 over HTTP: wrong secret, wrong lifetime, other methods, unknown and disabled devices', async () => {
    const refused = { code: 401, message: 'authentication failed', data: {} }
    const expectRefused = async (client: DeviceClient, changes: Readonly<Record<string, unknown>> = {}) => {
      const reply = await client.authenticate(changes)
      expect(reply.status).toBe(401)
      expect(reply.json).toEqual(refused)
    }
    await expectRefused(new DeviceClient(enos.server.url, 'dk1', 'wrong'))
    await expectRefused(new DeviceClient(enos.server.url, 'dk2'))
    await expectRefused(new DeviceClient(enos.server.url, 'dk1', 's3cr3t', 'pk2'))
    await expectRefused(device, { lifetime: 1, sign: device.sign(2) })
    for (const changes of [
      { sign: undefined },
      { sign: 7 },
      { signMethod: 'sha1' },
      { lifetime: 'soon' },
      { lifetime: {} },
    ])
      await expectRefused(device, changes)
    for (const payload of ['', '[]', '{']) expect((await device.post('/auth/pk1/dk1', payload)).status).toBe(401)
    await enos.server.core.devices.update(enos.tenant.scope, 'dk1', { status: 'disabled' })
    await expectRefused(device)
  })

  it('lets devices of two organisations with the same keys in by their own secrets', async () => {
    const other = await enos.newTenant('org2')
    await enos.newDevice('dk1', { tenant: other, secret: 'other' })
    const twin = new DeviceClient(enos.server.url, 'dk1', 'other')
    expect((await twin.authenticate()).status).toBe(200)
    expect((await device.authenticate()).status).toBe(200)
    await twin.inform('9.9')
    expect(await running()).toEqual([])
    await device.inform('1.0')
    expect(await running()).toEqual(['1.0'])
  })

  it('finds a device by its names of EnOS, where it has some, and not by its keys', async () => {
    const { core } = enos.server
    await core.products.update(enos.tenant.scope, 'pk1', { aliases: { 'enos/product-key': 'BXwU4kMk' } })
    await core.devices.update(enos.tenant.scope, 'dk1', { aliases: { 'enos/device-key': 'burnt-in' } })
    expect((await device.authenticate()).status).toBe(401)
    const named = new DeviceClient(enos.server.url, 'burnt-in', 's3cr3t', 'BXwU4kMk')
    expect((await named.authenticate()).status).toBe(200)
    expect((await named.inform('1.0')).status).toBe(200)
  })

  it('row 37: id as a number, version as a number', async () => {
    await device.authenticate()
    expect((await device.publish('inform', { version: '1' }, { id: 5 })).json).toEqual({ id: '5', code: 200, data: {} })
    expect((await device.publishRaw('inform', '{"id": 5.0, "params": {"version": 1.0}}')).json.id).toBe('5.0')
    expect(await running()).toEqual(['1.0'])
    expect((await device.publishRaw('inform', '{"params": {"version": "1.0"}}')).json.id).toBe('')
    await device.publishRaw('inform', '{"id":"1","params":{"version":1.10}}')
    expect(await running()).toEqual(['1.10'])
  })

  it('row 37: a target version that the device reports as a number', async () => {
    await device.authenticate()
    await enos.assign('dk1', await enos.newFirmware('2.0'))
    await device.inform('1.0')
    await device.publishRaw('inform', '{"id":"2","params":{"version":2.0}}')
    expect(await state()).toMatchObject({ state: 'succeeded', progress: 100 })
  })

  it('ignores method and version beside params, which differ per SDK', async () => {
    await device.authenticate()
    await device.publish('inform', { version: '1.0' }, { method: 'ota.inform', version: 2 })
    expect(await running()).toEqual(['1.0'])
    await device.publish('progress', { step: '1' }, { method: 'ota.device.inform' })
    expect(await running()).toEqual(['1.0'])
  })

  describe('with an assignment', () => {
    beforeEach(async () => {
      await enos.assign('dk1', await enos.newFirmware('2.0'))
      await device.authenticate()
      await device.inform('1.0')
      expect(await state()).toEqual({ state: 'offered', progress: 0, reason: '' })
    })

    it('row 38: progress 50 and 100, then silence', async () => {
      await device.progress('50')
      expect(await state()).toMatchObject({ state: 'installing', progress: 50 })
      await device.progress(100, 'done')
      expect(await state()).toEqual({ state: 'installing', progress: 100, reason: 'done' })
      enos.server.clock.advance(3_600_000)
      expect(await state()).toMatchObject({ state: 'installing', progress: 100 })
      expect(expectOk(await enos.program.search('searchDeviceUpgrade'))).toMatchObject([
        { firmwareVersion: '1.0', isUpgrading: true },
      ])
      await device.authenticate()
      await device.inform('2.0')
      expect(await state()).toMatchObject({ state: 'succeeded', progress: 100 })
      expect(expectOk(await enos.program.search('searchDeviceUpgrade'))).toMatchObject([
        { firmwareVersion: '2.0', isUpgrading: false },
      ])
    })

    it('row 38: progress -2', async () => {
      expect((await device.progress('-2', 'x')).json).toMatchObject({ code: 200 })
      expect(await state()).toEqual({ state: 'failed', progress: -2, reason: 'x' })
    })

    it('row 38: a failure of the device makes a new attempt after a pause', async () => {
      await device.progress('-17', 'x')
      expect((await device.inform('1.0')).command).toBeUndefined()
      expect(await device.getversion()).toEqual([])
      enos.server.clock.advance(60_000)
      expect((await device.inform('1.0')).command?.payload.params.version).toBe('2.0')
      expect((await enos.update('dk1'))?.attempt).toBe(2)
    })

    it.each(['abc', '101', '', '1.5', null, [], {}, '1e1'])('row 39: progress %o', async (step) => {
      const reply = await device.publish('progress', { step })
      expect(reply.status).toBe(200)
      expect(reply.json).toEqual({ id: '1', code: 800, message: expect.any(String), data: {} })
      expect(await state()).toMatchObject({ state: 'offered' })
    })

    it('row 39: inform of the target while published, then progress', async () => {
      await device.inform('2.0')
      const ended = { state: 'succeeded', progress: 100, reason: '' }
      expect(await state()).toEqual(ended)
      for (const step of ['50', '-1'])
        expect((await device.progress(step)).json).toEqual({ id: '1', code: 200, data: {} })
      expect(await state()).toEqual(ended)
    })

    it('a late inform still updates the version', async () => {
      await device.progress('-1', 'x')
      await device.inform('2.0')
      expect(await running()).toEqual(['2.0'])
      expect(await state()).toMatchObject({ state: 'failed', progress: -1 })
    })

    it('a cancelled update ends with the next inform, and a late progress changes nothing', async () => {
      const { core } = enos.server
      const { serial } = await core.devices.get(enos.tenant.organisation.serial, 'dk1')
      const assignment = await core.deps.storage.read.assignments.findByDevice(serial)
      await core.assignments.remove(enos.tenant.scope, assignment?.id ?? '')
      await device.progress('50')
      await core.updates.cancel(enos.tenant.scope, (await enos.update('dk1'))?.id ?? '')
      expect(await state()).toMatchObject({ state: 'cancelling' })
      expect(await device.getversion()).toEqual([])
      expect((await device.inform('1.0')).command).toBeUndefined()
      expect(await state()).toMatchObject({ state: 'cancelled', progress: 50 })
      await device.progress('60')
      expect(await state()).toMatchObject({ state: 'cancelled', progress: 50 })
    })

    it('row 43 over HTTP: upgrade_reply is noted and changes nothing', async () => {
      for (const code of ['"1101"', '200'])
        expect((await device.publishRaw('upgrade_reply', `{"id":"77","code":${code},"data":{}}`)).json).toEqual({
          id: '77',
          code: 200,
          data: {},
        })
      expect(await state()).toMatchObject({ state: 'offered' })
      const events = await enos.server.core.deps.storage.read.events.list(
        { organisation: enos.tenant.organisation.serial, type: 'update.command-answered' },
        { limit: 9 },
      )
      expect(events.map(({ details }) => details)).toEqual([{ code: '1101' }, { code: '200' }])
    })
  })

  it('row 39: progress without a task', async () => {
    await device.authenticate()
    expect((await device.progress('50')).json).toEqual({ id: '1', code: 200, data: {} })
    expect(await state()).toBeUndefined()
  })

  it.each([{}, { version: '' }, { version: null }, { version: 'x'.repeat(65) }, { version: {} }])(
    'refuses an inform of %o',
    async (params) => {
      await device.authenticate()
      expect((await device.publish('inform', params)).json).toMatchObject({ id: '1', code: 800 })
      expect(await running()).toEqual([])
    },
  )

  it('answers a payload that is no JSON object', async () => {
    await device.authenticate()
    for (const payload of ['', 'x', '[]', '1'])
      expect((await device.publishRaw('inform', payload)).json).toMatchObject({ id: '', code: 800 })
  })

  it('row 40: getversion with a task waiting makes it published, and answers it again while it lives', async () => {
    await device.authenticate()
    const reply = await device.publish('getversion', {})
    expect(reply.json).toEqual({ id: '1', code: 200, data: [] })
    const file = await enos.newFirmware('2.0')
    await enos.assign('dk1', file)
    const offer = {
      version: '2.0',
      sign: file.artifact.sha256,
      signMethod: 'sha256',
      fileUrl: `enos-connect://${file.firmware.fileAlias}`,
      fileSize: file.artifact.size,
    }
    expect(await device.getversion()).toEqual([offer])
    expect(await state()).toMatchObject({ state: 'offered' })
    expect(await device.getversion()).toEqual([offer])
    await device.progress('1')
    expect(await device.getversion()).toEqual([offer])
    await device.inform('2.0')
    expect(await device.getversion()).toEqual([])
  })

  it('row 40: getversion while nothing may be offered', async () => {
    await enos.assign('dk1', await enos.newFirmware('2.0'))
    await device.authenticate()
    await enos.server.core.organisations.update(enos.tenant.scope, { frozen: true })
    expect(await device.getversion()).toEqual([])
    expect((await device.inform('1.0')).command).toBeUndefined()
    expect(await state()).toBeUndefined()
  })

  it('row 40: a task whose firmware is withdrawn is not offered again', async () => {
    const file = await enos.newFirmware('2.0')
    const { firmware } = file
    await enos.assign('dk1', file)
    await device.authenticate()
    expect(await device.getversion()).toHaveLength(1)
    await enos.server.core.firmware.update(enos.tenant.scope, firmware.id, { withdrawn: true })
    expect(await device.getversion()).toEqual([])
    expect((await device.download(`enos-connect://${firmware.fileAlias}`)).status).toBe(404)
  })

  describe('row 44: commands on replies', () => {
    it('on the first reply to a publish alone, and never on that of the authentication', async () => {
      const file = await enos.newFirmware('2.0')
      await enos.assign('dk1', file)
      expect((await device.authenticate()).command).toBeUndefined()
      const informed = await device.inform('1.0')
      expect(informed.json).toEqual({ id: '1', code: 200, data: {} })
      expect(informed.command).toEqual({
        topic: '/sys/pk1/dk1/ota/device/upgrade',
        payload: {
          id: expect.stringMatching(/^\d+$/),
          version: '1.0',
          method: 'ota.device.upgrade',
          params: {
            version: '2.0',
            sign: file.artifact.sha256,
            signMethod: 'sha256',
            fileUrl: `enos-connect://${file.firmware.fileAlias}`,
            fileSize: file.artifact.size,
          },
        },
      })
      expect(await state()).toMatchObject({ state: 'offered' })
      // From the handler, within the call that received the command.
      for (const step of ['0', '20', '100']) expect((await device.progress(step)).command).toBeUndefined()
    })

    it('not again while the session talks, again after 60 s of silence', async () => {
      await enos.assign('dk1', await enos.newFirmware('2.0'))
      await device.authenticate()
      expect((await device.inform('1.0')).command).toBeDefined()
      for (let time = 0; time < 4; time += 1) {
        enos.server.clock.advance(59_999)
        expect((await device.inform('1.0')).command).toBeUndefined()
      }
      enos.server.clock.advance(60_000)
      expect((await device.inform('1.0')).command).toBeDefined()
    })

    it('again in another session, while it is published', async () => {
      await enos.assign('dk1', await enos.newFirmware('2.0'))
      await device.authenticate()
      const first = await device.inform('1.0')
      await device.authenticate()
      const second = await device.inform('1.0')
      expect(second.command).toEqual(first.command)
      await device.progress('1')
      await device.authenticate()
      expect((await device.inform('1.0')).command).toBeUndefined()
    })

    it('on one line of ASCII, whatever the version reads', async () => {
      const { core } = enos.server
      const file = await enos.newFirmware('2.0')
      await core.deps.storage.transaction((stores) =>
        stores.firmware.update(file.firmware.serial, { declaredDigest: { method: 'md5', value: 'é\u007f\n固' } }),
      )
      await enos.assign('dk1', file)
      await device.authenticate()
      const { headers, command } = await device.inform('1.0')
      expect(headers.get('command-payload')).toMatch(/^[\x20-\x7e]+$/)
      expect(command?.payload.params.sign).toBe('é\u007f\n固')
    })

    it('with another firmware once the first is reassigned while published', async () => {
      await enos.assign('dk1', await enos.newFirmware('2.0'))
      await device.authenticate()
      expect((await device.inform('1.0')).command?.payload.params.version).toBe('2.0')
      await enos.assign('dk1', await enos.newFirmware('3.0'))
      expect((await device.inform('1.0')).command?.payload.params.version).toBe('3.0')
      await device.progress('1')
      await enos.assign('dk1', await enos.newFirmware('4.0'))
      expect((await device.inform('1.0')).command).toBeUndefined()
      expect(await device.getversion()).toMatchObject([{ version: '3.0' }])
    })
  })

  describe('sessions', () => {
    it('live for the lifetime and a minute, an older one beside a newer', async () => {
      await device.authenticate({ lifetime: 30_000, sign: device.sign(30_000) })
      const older = device.sessionId
      await device.authenticate()
      expect(device.sessionId).not.toBe(older)
      const inform = (sessionId: string) =>
        device.publishRaw('inform', '{"id":"9","params":{"version":"1"}}', sessionId)
      enos.server.clock.advance(89_999)
      expect((await inform(older)).status).toBe(200)
      enos.server.clock.advance(1)
      const over = await inform(older)
      expect(over.status).toBe(401)
      expect(over.json).toEqual({ id: '9', code: 401, message: 'session unknown or over', data: {} })
      expect((await inform(device.sessionId)).status).toBe(200)
    })

    it('are refused when forged, absent, or of another device', async () => {
      await enos.newDevice('dk2')
      const other = new DeviceClient(enos.server.url, 'dk2')
      await other.authenticate()
      for (const sessionId of ['', 'x', `${other.sessionId}x`, other.sessionId]) {
        expect((await device.publishRaw('inform', '{}', sessionId)).status).toBe(401)
        expect((await device.download('enos-connect://x', { sessionId })).status).toBe(401)
      }
    })

    it('end with the credential that opened them, and with the device', async () => {
      const { core } = enos.server
      await device.authenticate()
      const { serial } = await core.devices.get(enos.tenant.organisation.serial, 'dk1')
      await core.credentials.revokeSigned(enos.tenant.scope, { device: serial }, 'enos')
      expect((await device.inform('1')).status).toBe(401)
      await device.authenticate()
      expect((await device.inform('1')).status).toBe(200)
      await core.devices.update(enos.tenant.scope, 'dk1', { status: 'disabled' })
      expect((await device.inform('1')).status).toBe(401)
    })

    it('take either secret while one is rotated', async () => {
      const { core } = enos.server
      const { serial } = await core.devices.get(enos.tenant.organisation.serial, 'dk1')
      const input = { scheme: 'enos', secret: 'n3w', recoverable: true }
      await core.credentials.rotate(enos.tenant.scope, { device: serial }, input, 60)
      const renewed = new DeviceClient(enos.server.url, 'dk1', 'n3w')
      for (const client of [device, renewed]) expect((await client.authenticate()).status).toBe(200)
      enos.server.clock.advance(60_000)
      expect((await device.authenticate()).status).toBe(401)
      expect((await device.inform('1')).status).toBe(401)
      expect((await renewed.inform('1')).status).toBe(200)
    })
  })

  it('answers faults of the transport in the shape of devices', async () => {
    await device.authenticate()
    const topic = await device.publish('request', {})
    expect(topic.status).toBe(404)
    expect(topic.json).toEqual({ code: 404, message: 'Not found', data: {} })
    const method = await fetch(`${enos.server.url}/auth/pk1/dk1`)
    expect(method.status).toBe(405)
    expect(await method.json()).toEqual({ code: 405, message: 'Method not allowed', data: {} })
    expect((await fetch(`${enos.server.url}/topic/%zz`)).status).toBe(404)
  })

  it('logs no session', async () => {
    await device.authenticate()
    await device.inform('1.0')
    enos.server.app.log.info(`GET /topic/sys/pk1/dk1/ota/device/inform?sessionId=${device.sessionId}&a=b`)
    expect(enos.server.log()).toContain('sessionId=***&a=b')
    expect(enos.server.log()).not.toContain(device.sessionId)
  })
})
