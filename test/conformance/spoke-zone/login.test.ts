import { describe, expect, test } from 'vitest'
import { SYSTEM } from '../../../src/core/event/event.ts'
import { DAY, DEVICE, fieldError, HOUR, L, onEveryStorage, PASSWORD } from './fixture.ts'

const LIFE = 604_800

onEveryStorage((useFixture) => {
  describe('POST /loginDevice', () => {
    const fixture = useFixture()
    const renew = (fields: Record<string, unknown>) => fixture().post('/loginDevice', fields)
    const tokenOf = (answer: { json: unknown }) => (answer.json as { token: string }).token

    test('row 35: leaves a token with days to live as it is', async () => {
      const token = await fixture().tokenOf(501)
      fixture().clock.advance(4 * DAY)
      const answer = await renew({ token, ...DEVICE })
      expect(answer.status).toBe(200)
      expect(answer.json).toEqual({ status: 'ok', message: 'Token is still valid' })
    })

    test.each([
      ['11 hours before its end', 7 * DAY - 11 * HOUR],
      ['12 hours before its end', 7 * DAY - 12 * HOUR],
      ['60 days after its end', 67 * DAY],
    ])('row 36: renews a token %s', async (_when, age) => {
      const token = await fixture().tokenOf(501)
      fixture().clock.advance(age)
      const answer = await renew({ token, ...DEVICE })
      expect(answer.status).toBe(201)
      expect(Object.keys(answer.json as object)).toEqual(['token'])
      const claims = claimsOf(tokenOf(answer))
      expect(claims).toEqual({
        kind: 'device',
        device_id: 501,
        org_id: fixture().a.serial,
        prefix: 'mrs/d/501',
        jti: expect.any(String),
        generation: 1,
        iat: Math.floor(fixture().clock.now() / 1000),
        exp: Math.floor(fixture().clock.now() / 1000) + LIFE,
      })
      expect((await fixture().call(L, { token: tokenOf(answer) })).status).toBe(200)
    })

    test('row 35: one second above 12 hours is still enough', async () => {
      const token = await fixture().tokenOf(501)
      fixture().clock.advance(7 * DAY - 12 * HOUR - 1000)
      expect((await renew({ token, ...DEVICE })).status).toBe(200)
    })

    test('row 37: renews from the same old token again and again, and all new ones work', async () => {
      const token = await fixture().tokenOf(501)
      fixture().clock.advance(8 * DAY)
      const first = await renew({ token, ...DEVICE })
      const second = await renew({ token, ...DEVICE })
      expect([first.status, second.status]).toEqual([201, 201])
      expect(tokenOf(first)).not.toBe(tokenOf(second))
      for (const answer of [first, second])
        expect((await fixture().call(L, { token: tokenOf(answer) })).status).toBe(200)
    })

    test('row 38: names missing and wrong fields', async () => {
      const token = await fixture().tokenOf(501)
      const missing = await renew({ token, cpu_id: DEVICE.cpu_id })
      expect([missing.status, missing.json]).toEqual([400, fieldError('required-field', 'uuid')])
      const wrong = await renew({ token, ...DEVICE, cpu_id: 'cpu-502' })
      expect([wrong.status, wrong.json]).toEqual([400, fieldError('invalid-field', 'cpu_id')])
      expect((await renew({})).json).toMatchObject({
        errors: [{ details: { field: 'token' } }, { details: { field: 'cpu_id' } }, { details: { field: 'uuid' } }],
      })
      expect((await renew({ token, cpu_id: 'x', uuid: '' })).json).toMatchObject({
        errors: [{ details: { field: 'cpu_id' } }, { details: { field: 'uuid' } }],
      })
      expect((await renew({ token, cpu_id: 7, uuid: 'x' })).json).toEqual(fieldError('invalid-field', 'cpu_id'))
    })

    test('row 38: reports a bad token alone', async () => {
      const user = await fixture().userToken()
      for (const token of ['abc', '', user, tampered(fixture().token)]) {
        const answer = await renew({ token, cpu_id: 'wrong', uuid: 'wrong' })
        expect([answer.status, answer.json]).toEqual([400, fieldError('invalid-field', 'token')])
      }
    })

    test('row 38: refuses a token that was revoked or whose device is gone', async () => {
      const { core } = fixture().server
      await fixture().addDevice(601, { key: 'gone', product: 7 })
      const token = await fixture().tokenOf(601)
      const identity = { cpu_id: 'cpu-601', uuid: 'uuid-601' }
      await core.credentials.revokeSigned(fixture().scope, { device: 601 }, 'spoke-zone')
      expect((await renew({ token, ...identity })).json).toEqual(fieldError('invalid-field', 'token'))
      const fresh = await fixture().tokenOf(601)
      expect((await renew({ token: fresh, ...identity })).status).toBe(200)
      await core.devices.delete(fixture().scope, 'gone')
      const answer = await renew({ token: fresh, ...identity })
      expect([answer.status, answer.json]).toEqual([400, fieldError('invalid-field', 'token')])
    })

    test('refuses a disabled device', async () => {
      const { core } = fixture().server
      const token = await fixture().tokenOf(502)
      await core.devices.update(fixture().scope, 'truck-18', { status: 'disabled' })
      const answer = await renew({ token, cpu_id: 'cpu-502', uuid: 'uuid-502' })
      expect(answer.status).toBe(403)
      expect(answer.json).toMatchObject({ errors: [{ type: 'not-authorized' }] })
    })

    test('row 39: takes nothing but JSON', async () => {
      const { token } = fixture()
      const bodies: readonly [string, string][] = [
        [
          'multipart/form-data; boundary=x',
          `--x\r\nContent-Disposition: form-data; name="token"\r\n\r\n${token}\r\n--x--\r\n`,
        ],
        ['application/x-www-form-urlencoded', `token=${token}&cpu_id=cpu-501&uuid=uuid-501`],
        ['application/json', '{"token":'],
        ['application/json', '["token"]'],
        ['application/json', 'null'],
      ]
      for (const [type, body] of bodies) {
        const headers = { 'Content-Type': type }
        const answer = await fixture().call('/loginDevice', { method: 'POST', token: null, headers, body })
        expect([answer.status, answer.json]).toEqual([400, fieldError('invalid-field', 'body')])
      }
    })

    test('never brings a token into the log', () => {
      expect(fixture().server.log()).not.toContain(fixture().token)
    })
  })

  describe('many logins of one device', () => {
    const fixture = useFixture()

    test('are refused from the 61st in a minute, with the time to wait', async () => {
      const login = () => fixture().post('/loginDevice', { token: fixture().token, ...DEVICE })
      for (let call = 1; call <= 60; call += 1) expect((await login()).status).toBe(200)
      fixture().clock.advance(20_000)
      const refused = await login()
      expect(refused.status).toBe(429)
      expect(refused.headers.get('retry-after')).toBe('40')
      expect(refused.json).toMatchObject({ errors: [{ type: 'limit-exceeded' }] })
      const token = await fixture().tokenOf(502)
      const other = await fixture().post('/loginDevice', { token, cpu_id: 'cpu-502', uuid: 'uuid-502' })
      expect(other.status).toBe(200)
      fixture().clock.advance(40_000)
      expect((await login()).status).toBe(200)
    })
  })

  describe('POST /login', () => {
    const fixture = useFixture({ limits: { loginFailures: 3 } })
    const login = (body: unknown) => fixture().post('/login', body)

    test('gives a member a token and the keys that the SDK knows', async () => {
      const { core } = fixture().server
      const account = await core.accounts.create(SYSTEM, { email: 'eve@a.example', password: PASSWORD })
      await core.accounts.setRole(fixture().scope, account.id, 'viewer')
      const answer = await login({ username: 'Eve@A.example', password: PASSWORD })
      expect(answer.status).toBe(200)
      const { token, expires, user } = answer.json as { token: string; expires: number; user: unknown }
      expect(claimsOf(token)).toMatchObject({ kind: 'user', org_id: fixture().a.serial, exp: expires })
      expect(expires).toBe(Math.floor(fixture().clock.now() / 1000) + LIFE)
      expect(user).toEqual({
        username: 'eve@a.example',
        user_id: account.serial,
        user_role: 'viewer',
        customer_id: fixture().a.serial,
        customer_role: null,
        oem_id: null,
        reset_required: null,
        customer_prefix: null,
        is_mobile_user: null,
        prefix: null,
        mqtt_permission: null,
      })
    })

    test('row 40: refuses a missing field and a wrong password alike, and a locked account', async () => {
      await fixture().userToken()
      const username = 'ops@a.example'
      const missing = await login({ username })
      expect(missing.status).toBe(401)
      expect(missing.json).toMatchObject({ errors: [{ type: 'unauthenticated' }] })
      for (let failure = 1; failure <= 3; failure += 1)
        expect((await login({ username, password: 'wrong password' })).status).toBe(401)
      const locked = await login({ username, password: PASSWORD })
      expect(locked.status).toBe(403)
      expect(locked.json).toMatchObject({ errors: [{ type: 'not-authorized' }] })
      expect((await login({ username: 'nobody@a.example', password: PASSWORD })).status).toBe(401)
    })

    test('refuses an account of no organisation', async () => {
      await fixture().server.core.accounts.create(SYSTEM, { email: 'alone@a.example', password: PASSWORD })
      expect((await login({ username: 'alone@a.example', password: PASSWORD })).status).toBe(403)
    })
  })
})

function claimsOf(token: string): unknown {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
}

/** The same claims under a signature of which one character differs. */
function tampered(token: string): string {
  const at = token.length - 10
  return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
}
