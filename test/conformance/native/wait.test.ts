import { describe, expect, test, vi } from 'vitest'
import { onEveryStorage, tokenOf, WAIT } from './fixture.ts'

onEveryStorage((useFixture) => {
  describe('a wait', () => {
    const fixture = useFixture({ config: { wakeSpreadSeconds: 0.2 } })
    const wait = (query = '', options: object = {}) => fixture().call(`${WAIT}${query}`, options)

    test('ends without news when its time is over', async () => {
      const { status, json, headers } = await wait('?timeout=0.05')
      expect([status, json, headers.get('cache-control')]).toEqual([200, { changed: false }, 'no-store'])
    })

    test('ends as soon as the device is given something', async () => {
      const etag = (await fixture().check()).headers.get('etag') ?? ''
      const waiting = wait('?timeout=30', { headers: { 'If-None-Match': etag } })
      await fixture().assign('1.1.0')
      expect((await waiting).json).toEqual({ changed: true })
    })

    test('ends at once when a check would be answered otherwise already', async () => {
      expect((await wait('?timeout=30')).json).toEqual({ changed: true })
      const checked = await fixture().check()
      const known = { headers: { 'If-None-Match': checked.headers.get('etag') ?? '' } }
      expect((await wait('?timeout=0.05', known)).json).toEqual({ changed: false })
      expect((await wait('?timeout=30', { headers: { 'If-None-Match': '"old"' } })).json).toEqual({ changed: true })
    })

    test('is not ended by what changes nothing for the device', async () => {
      const known = { headers: { 'If-None-Match': (await fixture().check()).headers.get('etag') ?? '' } }
      let isOver = false
      const waiting = wait('?timeout=30', known).then(({ json }) => {
        isOver = true
        return json
      })
      await fixture().assign('1.1.0', 'truck-2')
      await fixture().addFirmware('modem', '7.5')
      await wait('?timeout=0.4', { token: tokenOf('foreign'), headers: { 'If-None-Match': '*' } })
      expect(isOver).toBe(false)
      await fixture().server.core.updates.cancel(fixture().scope, (await fixture().latest())?.id ?? '')
      expect(await waiting).toEqual({ changed: true })
    })

    test('hears of the whole organisation', async () => {
      await fixture().assign('1.2.0')
      const { json, headers } = await fixture().check()
      await fixture().report({ update: json.update.id, state: 'downloading' })
      const tag = (await fixture().check()).headers.get('etag') ?? headers.get('etag') ?? ''
      const waiting = wait('?timeout=30', { headers: { 'If-None-Match': tag } })
      const firmware = (await fixture().factsOf('truck-1')).own?.files[0]?.firmware.id ?? ''
      await fixture().server.core.firmware.update(fixture().scope, firmware, { withdrawn: true })
      expect((await waiting).json).toEqual({ changed: true })
    })

    test('minds the hints of a check', async () => {
      await fixture().report({ update: (await fixture().check()).json.update.id, state: 'cancelled' })
      await fixture().assign('1.1.0')
      const checked = await fixture().check({ metered: true, battery: 5 })
      expect(checked.json.because).toBe('held-back')
      const known = { headers: { 'If-None-Match': checked.headers.get('etag') ?? '' } }
      expect((await wait('?timeout=0.05&metered=true&battery=5', known)).json).toEqual({ changed: false })
      expect((await wait('?timeout=30', known)).json).toEqual({ changed: true })
    })

    test('ends at the moment at which a pause ends', async () => {
      const { id } = await fixture().offered()
      await fixture().report({ update: id, state: 'failed' })
      fixture().clock.advance(59_950)
      const checked = await fixture().check()
      expect(checked.json.because).toBe('retry-later')
      const waiting = wait('?timeout=30', { headers: { 'If-None-Match': checked.headers.get('etag') ?? '' } })
      expect((await waiting).json).toEqual({ changed: false })
      fixture().clock.advance(50)
      expect((await wait('?timeout=30')).json).toEqual({ changed: true })
    })
  })

  describe('waits', () => {
    const fixture = useFixture({ config: { waiters: 2, callsPerMinute: 1000 } })
    const wait = (query = '', options: object = {}) => fixture().call(`${WAIT}${query}`, options)

    const nothing = { headers: { 'If-None-Match': '*' } }

    /** Resolves when a wait of the device stands: one of two has ended the other. */
    async function stand(key: string, signal?: AbortSignal) {
      const options = { ...nothing, token: tokenOf(key), ...(signal && { signal }) }
      const both = [wait('?timeout=30', options), wait('?timeout=30', options)]
      for (const one of both) one.catch(() => undefined)
      expect(await Promise.race(both)).toMatchObject({ status: 200, json: { changed: false } })
      return both
    }

    test('of one device end each other, and there is room for so many', async () => {
      const stop = new AbortController()
      await stand('truck-1', stop.signal)
      await stand('truck-2', stop.signal)
      const foreign = () => wait('?timeout=0.01', { ...nothing, token: tokenOf('foreign') })
      const { status, json, headers } = await foreign()
      expect([status, json.code, headers.get('retry-after')]).toEqual([503, 'limit-reached', '30'])
      await stand('truck-2', stop.signal)
      stop.abort()
      await vi.waitFor(async () => expect((await foreign()).status).toBe(200), { timeout: 10_000 })
    })

    test('end when the server stops', async () => {
      const both = await stand('foreign')
      const begun = performance.now()
      await fixture().server.app.close()
      // No connection that turned idle meanwhile holds it up until its client loses patience.
      expect(performance.now() - begun).toBeLessThan(3_500)
      for (const { json } of await Promise.all(both)) expect(json).toEqual({ changed: false })
    })
  })
})
