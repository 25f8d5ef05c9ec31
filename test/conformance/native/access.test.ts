import { describe, expect, test } from 'vitest'
import { PROBLEMS } from '../../../src/protocols/native/errors.ts'
import { CHECK, IMAGE, onEveryStorage, REPORTS, sha256, tokenOf, WAIT } from './fixture.ts'

const ARTIFACT = `/device/v1/artifacts/${sha256(IMAGE)}`

onEveryStorage((useFixture) => {
  describe('access', () => {
    const fixture = useFixture()

    test('is refused alike without token, with a wrong one and with one of another scheme', async () => {
      const { core } = fixture().server
      const { device } = await fixture().factsOf('truck-2')
      await core.credentials.rotate(fixture().scope, { device: device.serial }, { scheme: 'hawkbit', secret: 'h' })
      for (const token of [null, 'wrong', 'h', tokenOf('truck-1').toUpperCase()])
        for (const [path, method] of [
          [CHECK, 'POST'],
          [REPORTS, 'POST'],
          [ARTIFACT, 'GET'],
          [WAIT, 'GET'],
        ] as const) {
          const { status, json, headers } = await fixture().call(path, { method, token })
          expect([status, json.code]).toEqual([401, 'unauthenticated'])
          expect(headers.get('www-authenticate')).toBe('Bearer realm="godwit"')
          expect(headers.get('content-type')).toMatch(/^application\/problem\+json/)
        }
    })

    test('is by the header alone, whose scheme has no case', async () => {
      const token = tokenOf('truck-1')
      const query = await fixture().call(`${CHECK}?token=${token}`, { method: 'POST', token: null })
      expect(query.status).toBe(401)
      const headers = { authorization: `bearer ${token}` }
      expect((await fixture().call(CHECK, { method: 'POST', token: null, headers })).status).toBe(200)
    })

    test('goes with a token that was replaced, after its overlap', async () => {
      const { core } = fixture().server
      const { device } = await fixture().factsOf('truck-2')
      const old = tokenOf('truck-2')
      await core.credentials.rotate(fixture().scope, { device: device.serial }, { scheme: 'native', secret: 'new' }, 60)
      for (const token of [old, 'new']) expect((await fixture().check({}, { token })).status).toBe(200)
      fixture().clock.advance(60_000)
      expect((await fixture().check({}, { token: old })).status).toBe(401)
      expect((await fixture().check({}, { token: 'new' })).status).toBe(200)
    })

    test('writes no token into the log', () => {
      for (const key of ['truck-1', 'truck-2']) expect(fixture().server.log()).not.toContain(tokenOf(key))
    })
  })

  describe('refusals', () => {
    const fixture = useFixture()

    test('name every fault of a body', async () => {
      const body = { running: { 'a b': '1', main: 'x y' }, battery: 101, metered: 'yes', attributes: { 'a b': '' } }
      const { status, json } = await fixture().check(body)
      expect(status).toBe(400)
      expect(json).toMatchObject({
        type: 'urn:godwit:device:invalid',
        title: PROBLEMS.invalid.title,
        status: 400,
        code: 'invalid',
      })
      const pointers = json.errors.map(({ pointer }: { pointer: string }) => pointer)
      expect(pointers.sort()).toEqual(['/attributes/a b', '/battery', '/metered', '/running/a b', '/running/main'])
    })

    test('of a body that is no JSON object, or of another type', async () => {
      for (const body of ['{', '[]', '7', '"x"', '{"__proto__":{"a":"b"}}'])
        expect((await fixture().call(CHECK, { body })).json).toMatchObject({ code: 'invalid', status: 400 })
      const form = { body: 'battery=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } }
      expect((await fixture().call(CHECK, form)).json).toMatchObject({ code: 'unsupported-media-type', status: 415 })
      const large = { body: { attributes: { a: 'x'.repeat(70_000) } } }
      expect((await fixture().call(CHECK, large)).json).toMatchObject({ code: 'too-large', status: 413 })
    })

    test('of attributes beyond the limit, over several checks too', async () => {
      const some = (from: number, count: number) =>
        Object.fromEntries(Array.from({ length: count }, (_, index) => [`n${from + index}`, 'x']))
      expect((await fixture().check({ attributes: some(0, 101) })).status).toBe(400)
      expect((await fixture().check({ attributes: some(0, 100) })).status).toBe(200)
      expect((await fixture().check({ attributes: some(99, 2) })).json).toMatchObject({ code: 'invalid' })
      expect((await fixture().check({ attributes: some(50, 50) })).status).toBe(200)
    })

    test('of unknown paths, methods and addresses', async () => {
      expect((await fixture().call('/device/v1/nothing')).json).toMatchObject({ code: 'not-found', status: 404 })
      expect((await fixture().call('/device')).json).toMatchObject({ code: 'not-found' })
      const wrong = await fixture().call(CHECK)
      expect([wrong.status, wrong.headers.get('allow'), wrong.json.code]).toEqual([405, 'POST', 'method-not-allowed'])
      expect((await fixture().call('/device/v1/%ff')).json).toMatchObject({ code: 'invalid', status: 400 })
    })
  })

  describe('the rate of one device', () => {
    const fixture = useFixture({ config: { callsPerMinute: 2, artifactCallsPerMinute: 1 } })

    test('is limited, apart for calls and for artifacts, and says when to come again', async () => {
      expect((await fixture().check()).status).toBe(200)
      expect((await fixture().check()).status).toBe(200)
      const { status, json, headers } = await fixture().check()
      expect([status, json.code, headers.get('retry-after'), json.retryAfter]).toEqual([429, 'too-many', '60', 60])
      expect((await fixture().check({}, { token: tokenOf('truck-2') })).status).toBe(200)
      expect((await fixture().call(ARTIFACT)).status).toBe(404)
      expect((await fixture().call(ARTIFACT)).status).toBe(429)
      fixture().clock.advance(60_000)
      expect((await fixture().check()).status).toBe(200)
    })
  })
})
