import { describe, expect, test } from 'vitest'
import { CHECK, IMAGE, onEveryStorage, sha256, tokenOf } from './fixture.ts'

onEveryStorage((useFixture) => {
  describe('a check', () => {
    const fixture = useFixture()

    test('needs nothing but the token, and is answered with when to come again', async () => {
      const { status, headers, json } = await fixture().call(CHECK, { method: 'POST' })
      expect(status).toBe(200)
      expect(json).toEqual({
        action: 'none',
        because: 'nothing-assigned',
        detail: 'Nothing is assigned to the device or its group.',
        retryAfter: expect.any(Number),
      })
      expect(headers.get('retry-after')).toBe(String(json.retryAfter))
      expect(headers.get('cache-control')).toBe('no-store')
      expect(json.retryAfter).toBeGreaterThanOrEqual(240)
      expect(json.retryAfter).toBeLessThanOrEqual(360)
    })

    test('comes at a pace of the device\u2019s own, for ever the same', async () => {
      const pace = async (key: string) => (await fixture().check({}, { token: tokenOf(key) })).json.retryAfter
      expect(await pace('truck-1')).toBe(await pace('truck-1'))
      const paces = new Set<number>()
      for (let index = 0; index < 8; index++) {
        await fixture().addDevice(`spread-${index}`)
        paces.add(await pace(`spread-${index}`))
      }
      expect(paces.size).toBeGreaterThan(4)
    })

    test('stores what runs and what the device says of itself', async () => {
      await fixture().check({ running: { main: '1.0.0', modem: '7.0', other: '1' }, attributes: { imei: '35' } })
      const { running, device } = await fixture().factsOf('truck-1')
      expect(running.map(({ version }) => version).sort()).toEqual(['1.0.0', '7.0'])
      expect(device.attributes).toEqual({ imei: '35' })
    })

    test('ignores members that this server does not know', async () => {
      const body = { running: { main: '1.0.0' }, capabilities: ['delta'], baseHash: sha256(IMAGE), tea: true }
      expect((await fixture().check(body)).status).toBe(200)
    })

    test('is answered with the update, the same one until it is over', async () => {
      await fixture().assign('1.1.0')
      const first = await fixture().check({ running: { main: '1.0.0' } })
      expect(first.json).toEqual({
        action: 'update',
        because: 'assigned',
        retryAfter: 60,
        update: {
          id: expect.stringMatching(/^[0-9a-f]{24}$/),
          attempt: 1,
          version: '1.1.0',
          modules: [
            {
              module: 'main',
              version: '1.1.0',
              size: IMAGE.length,
              sha256: sha256(IMAGE),
              url: `${fixture().server.url}/device/v1/artifacts/${sha256(IMAGE)}`,
            },
          ],
        },
      })
      expect(await fixture().latest()).toMatchObject({ state: 'offered', via: 'native' })
      expect(await fixture().offered()).toEqual(first.json.update)
    })

    test('is answered 304 while nothing changed, and what it says of itself counts all the same', async () => {
      const etag = (await fixture().check()).headers.get('etag') ?? ''
      expect(etag).toMatch(/^"[0-9a-f]{32}"$/)
      const again = await fixture().check({ attributes: { uptime: '9' } }, { headers: { 'If-None-Match': etag } })
      expect([again.status, again.bytes.length, again.headers.get('etag')]).toEqual([304, 0, etag])
      expect(again.headers.get('retry-after')).toBe('60')
      expect((await fixture().factsOf('truck-1')).device.attributes).toMatchObject({ uptime: '9' })
      await fixture().assign('1.2.0')
      const changed = await fixture().check({}, { headers: { 'If-None-Match': etag } })
      expect([changed.status, changed.json.update.version]).toEqual([200, '1.2.0'])
      expect(changed.headers.get('etag')).not.toBe(etag)
    })

    test('ends the update as soon as its version runs', async () => {
      const { json } = await fixture().check({ running: { main: '1.2.0' } })
      expect(json).toMatchObject({ action: 'none', because: 'up-to-date', detail: 'It runs 1.2.0 already.' })
      expect(await fixture().latest()).toMatchObject({ state: 'succeeded', progress: 100 })
    })

    test('carries notes for those that want them, and the signature', async () => {
      const file = await fixture().addFirmware('main', '1.3.0')
      const { core } = fixture().server
      await core.firmware.update(fixture().scope, file.firmware.id, { notes: 'Fixes the clock.' })
      await fixture().assign('1.3.0')
      expect((await fixture().offered()).modules[0]).not.toHaveProperty('notes')
      const told = await fixture().offered({ capabilities: ['notes'] })
      expect(told.modules[0]).toMatchObject({ notes: 'Fixes the clock.' })
    })
  })

  describe('a release of several modules', () => {
    const fixture = useFixture()

    test('names every module, then those that are left', async () => {
      await fixture().assignBoth()
      const update = await fixture().offered({ running: { main: '1.0.0', modem: '7.0' } })
      expect(update.version).toBe('2026.1')
      expect(update.modules.map(({ module, version }) => [module, version])).toEqual([
        ['main', '2.0.0'],
        ['modem', '8.0'],
      ])
      for (const { url, size } of update.modules) expect((await fixture().call(url)).bytes.length).toBe(size)
      const rest = await fixture().offered({ running: { main: '2.0.0', modem: '7.0' } })
      expect([rest.id, rest.modules.map(({ module }) => module)]).toEqual([update.id, ['modem']])
      const { json } = await fixture().check({ running: { main: '2.0.0', modem: '8.0' } })
      expect(json).toMatchObject({ action: 'none', because: 'up-to-date' })
      expect((await fixture().latest())?.state).toBe('succeeded')
    })
  })

  describe('what a device is offered', () => {
    const fixture = useFixture()
    const because = async (body: object = {}) => (await fixture().check(body)).json.because

    test('waits while it spares its battery or its contract', async () => {
      await fixture().assign('1.1.0')
      const spared = await fixture().check({ battery: 19.5 })
      expect(spared.json).toMatchObject({ action: 'none', because: 'held-back' })
      expect(spared.json.retryAfter).toBeGreaterThanOrEqual(960)
      expect(await because({ metered: true })).toBe('held-back')
      expect(await fixture().latest()).toBeUndefined()
      expect((await fixture().check({ battery: 20, metered: false })).json.action).toBe('update')
      expect((await fixture().check({ battery: 1, metered: true })).json).toMatchObject({ action: 'update' })
    })

    test('goes on while another release is wanted meanwhile', async () => {
      const update = await fixture().offered()
      await fixture().report({ update: update.id, state: 'downloading', progress: 10 })
      await fixture().assign('1.2.0')
      const still = await fixture().check()
      expect(still.json).toMatchObject({ action: 'update', because: 'under-way', update: { id: update.id } })
      expect((await fixture().call(still.json.update.modules[0].url)).bytes).toEqual(IMAGE)
      await fixture().report({ update: update.id, state: 'failed', reason: 'no space' })
      expect(await fixture().offered()).toMatchObject({ version: '1.2.0', attempt: 1 })
    })

    test('waits after a failure, no longer than it must', async () => {
      const update = await fixture().offered()
      await fixture().report({ update: update.id, state: 'failed', reason: 'bad flash' })
      const { json } = await fixture().check()
      expect(json).toMatchObject({ action: 'none', because: 'retry-later', retryAfter: 60 })
      fixture().clock.advance(60_000)
      expect(await fixture().offered()).toMatchObject({ version: '1.2.0', attempt: 2 })
    })

    test('is nothing new while the organisation is frozen, nor while the device is disabled', async () => {
      const { core } = fixture().server
      await core.organisations.update(fixture().scope, { frozen: true })
      expect((await fixture().check()).json.action).toBe('update')
      const { id } = await fixture().offered()
      await fixture().report({ update: id, state: 'failed' })
      await fixture().assign('1.1.0')
      expect(await because()).toBe('frozen')
      await core.organisations.update(fixture().scope, { frozen: false })
      await core.devices.update(fixture().scope, 'truck-1', { status: 'disabled' })
      expect(await because()).toBe('disabled')
      await core.devices.update(fixture().scope, 'truck-1', { status: 'active' })
      expect((await fixture().check()).json.action).toBe('update')
    })
  })

  describe('an update that is taken back', () => {
    const fixture = useFixture()

    test('by withdrawing its firmware, is gone before it began', async () => {
      await fixture().assign('1.1.0')
      await fixture().offered()
      const firmware = (await fixture().factsOf('truck-1')).own?.files[0]?.firmware.id ?? ''
      const { core } = fixture().server
      await core.firmware.update(fixture().scope, firmware, { withdrawn: true })
      expect((await fixture().check()).json).toMatchObject({ action: 'none', because: 'withdrawn' })
      expect((await fixture().latest())?.state).toBe('superseded')
      await core.firmware.update(fixture().scope, firmware, { withdrawn: false })
      expect((await fixture().check()).json.action).toBe('update')
    })

    test('by withdrawing its firmware, asks a device at work to stop', async () => {
      const update = await fixture().offered()
      await fixture().report({ update: update.id, state: 'downloading' })
      const firmware = (await fixture().factsOf('truck-1')).own?.files[0]?.firmware.id ?? ''
      await fixture().server.core.firmware.update(fixture().scope, firmware, { withdrawn: true })
      const { json } = await fixture().check()
      expect(json).toMatchObject({
        action: 'cancel',
        because: 'withdrawn',
        retryAfter: 60,
        update: { id: update.id, attempt: update.attempt, version: '1.1.0', modules: [] },
      })
      expect((await fixture().call(update.modules[0]?.url ?? '')).status).toBe(404)
      expect(await fixture().report({ update: update.id, state: 'cancelled' })).toMatchObject([
        { result: 'accepted', state: 'cancelled' },
      ])
      expect((await fixture().check()).json).toMatchObject({ action: 'none', because: 'withdrawn' })
    })

    test('by an operator, is not offered again until it is assigned again', async () => {
      await fixture().assign('1.2.0')
      const update = await fixture().offered()
      await fixture().report({ update: update.id, state: 'installing', progress: 5 })
      await fixture().server.core.updates.cancel(fixture().scope, update.id)
      expect((await fixture().check()).json).toMatchObject({
        action: 'cancel',
        because: 'cancelled',
        update: { id: update.id },
      })
      await fixture().report({ update: update.id, state: 'cancelled' })
      expect((await fixture().check()).json).toMatchObject({ action: 'none', because: 'called-off' })
      await fixture().assign('1.2.0')
      expect((await fixture().check()).json).toMatchObject({ action: 'update', update: { attempt: 1 } })
    })

    test('too late, ends as what runs', async () => {
      const update = await fixture().offered()
      await fixture().report({ update: update.id, state: 'installing' })
      await fixture().server.core.updates.cancel(fixture().scope, update.id)
      expect((await fixture().check({ running: { main: '1.2.0' } })).json).toMatchObject({ action: 'none' })
      expect((await fixture().latest())?.state).toBe('succeeded')
    })
  })

  describe('an update over another protocol', () => {
    const fixture = useFixture()

    test('must end first', async () => {
      await fixture().assign('1.1.0')
      const facts = await fixture().factsOf('truck-1')
      await fixture().server.core.gateway.grant(facts, { via: 'enos', reporting: 'progress' })
      expect((await fixture().check()).json).toMatchObject({ action: 'none', because: 'busy' })
      const firmware = facts.own?.files[0]?.firmware.id ?? ''
      await fixture().server.core.firmware.update(fixture().scope, firmware, { withdrawn: true })
      expect((await fixture().check()).json).toMatchObject({ action: 'none', because: 'busy' })
      expect((await fixture().latest())?.state).toBe('offered')
    })
  })

  describe('sixteen checks of one device at once', () => {
    const fixture = useFixture()

    test('find one update', async () => {
      await fixture().assign('1.1.0')
      const answers = await Promise.all(Array.from({ length: 16 }, () => fixture().check()))
      expect(new Set(answers.map(({ json }) => json.update?.id)).size).toBe(1)
    })
  })
})
