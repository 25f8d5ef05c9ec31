import { SignJWT, UnsecuredJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { SYSTEM } from '../../../src/core/event/event.ts'
import { DAY, L, onEveryStorage, PASSWORD } from './fixture.ts'

function refused(reason: string, message: string) {
  return { errors: [{ type: 'unauthenticated', message, details: { reason } }] }
}
const MISSING = refused('missing', 'Access token is missing.')
const MALFORMED = refused('malformed', 'Access token is malformed.')
const INVALID = refused('invalid', 'Access token is invalid.')
const EXPIRED = refused('expired', 'Access token is expired.')
const REVOKED = refused('revoked', 'Access token is revoked.')

onEveryStorage((useFixture) => {
  describe('a call without a good token', () => {
    const fixture = useFixture()

    test.each([L, `${L}/12345`, `${L}/12345/file`, '/api/v2/devices/501'])('row 16: of %s is told so', async (path) => {
      const answer = await fixture().call(path, { token: null })
      expect(answer.status).toBe(401)
      expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
      expect(answer.json).toEqual(MISSING)
    })

    test('row 17: is told whether it is malformed, foreign or unsigned', async () => {
      const claims = { kind: 'device', device_id: 501, org_id: fixture().a.serial, generation: 1, jti: 'x' }
      const foreign = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256' })
        .setIssuedAt()
        .setExpirationTime('7d')
        .sign(new Uint8Array(32))
      const unsigned = new UnsecuredJWT(claims).setIssuedAt().setExpirationTime('7d').encode()
      const changed = tampered(fixture().token)
      for (const [token, expected] of [
        ['abc', MALFORMED],
        [foreign, INVALID],
        [unsigned, INVALID],
        [changed, INVALID],
      ] as const) {
        const answer = await fixture().call(L, { token })
        expect([answer.status, answer.json]).toEqual([401, expected])
      }
    })

    test('row 18: is not helped by other headers or the query', async () => {
      const { token } = fixture()
      for (const [path, headers] of [
        [L, { Authorization: `Bearer ${token}` }],
        [`${L}?x-access-token=${token}&token=${token}`, {}],
      ] as const) {
        const answer = await fixture().call(path, { token: null, headers })
        expect([answer.status, answer.json]).toEqual([401, MISSING])
      }
    })

    test('is refused before its parameters are looked at', async () => {
      expect((await fixture().call(`${L}?isActive=x`, { token: null })).status).toBe(401)
      expect((await fixture().post('/api/v2/data-files', { type: 'exe' })).status).toBe(401)
    })

    test('row 20: POST is no method of the list, whatever the token', async () => {
      for (const token of [fixture().token, null]) {
        const answer = await fixture().call(L, { method: 'POST', token })
        expect(answer.status).toBe(405)
        expect(answer.headers.get('allow')?.split(', ')).toContain('GET')
        expect(answer.json).toMatchObject({ errors: [{ type: 'method-not-allowed' }] })
      }
    })

    test.each([
      ['/api/v2/nothing', 404],
      ['/api/v1/deviceUser', 404],
      ['/loginDevice', 405],
    ])('of %s gets the shape of the protocol', async (path, status) => {
      const answer = await fixture().call(path)
      expect(answer.status).toBe(status)
      expect(answer.json).toMatchObject({ errors: [{ message: expect.any(String), details: {} }] })
    })

    test('GET /login is left to the host', async () => {
      const answer = await fixture().call('/login')
      expect(answer.body.toString()).not.toContain('"errors"')
    })

    test('never brings a token into the log', async () => {
      await fixture().call(`${L}?x-access-token=${fixture().token}`)
      expect(fixture().server.log()).not.toContain(fixture().token)
    })
  })

  describe('a token that was good', () => {
    const fixture = useFixture()

    test('row 17: is expired at the second of its exp, even when it was seen before', async () => {
      const { token } = fixture()
      fixture().clock.set(Math.floor(fixture().clock.now() / 1000) * 1000)
      const exp = expiryOf(token)
      fixture().clock.set(exp - 1)
      expect((await fixture().call(L, { token })).status).toBe(200)
      fixture().clock.set(exp)
      const answer = await fixture().call(L, { token })
      expect([answer.status, answer.json]).toEqual([401, EXPIRED])
      fixture().clock.advance(1000)
      expect((await fixture().call(L, { token })).json).toEqual(EXPIRED)
    })

    test('row 19: is forbidden while its device is disabled and revoked when the device is gone', async () => {
      const { core } = fixture().server
      const token = await fixture().tokenOf(501)
      await core.devices.update(fixture().scope, 'truck-17', { status: 'disabled' })
      const disabled = await fixture().call(L, { token })
      expect(disabled.status).toBe(403)
      expect(disabled.json).toEqual({
        errors: [{ type: 'not-authorized', message: 'The device is disabled.', details: {} }],
      })
      await core.devices.update(fixture().scope, 'truck-17', { status: 'active' })
      expect((await fixture().call(L, { token })).status).toBe(200)
      await core.devices.delete(fixture().scope, 'truck-17')
      const deleted = await fixture().call(L, { token })
      expect([deleted.status, deleted.json]).toEqual([401, REVOKED])
    })

    test('is revoked by a raised generation and stays so after a rotation', async () => {
      const { credentials } = fixture().server.core
      const token = await fixture().tokenOf(502)
      expect((await fixture().call(L, { token })).status).toBe(200)
      await credentials.revokeSigned(fixture().scope, { device: 502 }, 'spoke-zone')
      expect((await fixture().call(L, { token })).json).toEqual(REVOKED)
      expect((await fixture().call(L, { token: await fixture().tokenOf(502) })).status).toBe(200)
      const details = { cpuId: 'new', uuid: 'new' }
      await credentials.rotate(fixture().scope, { device: 502 }, { scheme: 'spoke-zone', details }, 0)
      expect((await fixture().call(L, { token })).json).toEqual(REVOKED)
    })

    test('of a user is revoked by a new password or the end of the membership', async () => {
      const { core } = fixture().server
      const token = await fixture().userToken()
      expect((await fixture().call(L, { token })).status).toBe(200)
      const account = await core.accounts.findByEmail('ops@a.example')
      if (!account) throw new Error('no account')
      await core.accounts.setPassword(SYSTEM, account.id, `${PASSWORD} 2`)
      expect((await fixture().call(L, { token })).json).toEqual(REVOKED)

      const other = await fixture().userToken('two@a.example')
      const member = await core.accounts.findByEmail('two@a.example')
      await core.accounts.setRole(fixture().scope, account.id, 'owner')
      await core.accounts.removeMember(fixture().scope, member?.id ?? '')
      expect((await fixture().call(L, { token: other })).json).toEqual(REVOKED)
    })

    test('of a user lasts seven days', async () => {
      const token = await fixture().userToken('three@a.example')
      fixture().clock.advance(7 * DAY - 1000)
      expect((await fixture().call(L, { token })).status).toBe(200)
      fixture().clock.advance(1000)
      expect((await fixture().call(L, { token })).json).toEqual(EXPIRED)
    })
  })
})

function expiryOf(token: string): number {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  return claims.exp * 1000
}

/** The same claims under a signature of which one character differs. */
function tampered(token: string): string {
  const at = token.length - 10
  return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
}
