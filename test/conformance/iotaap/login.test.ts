import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SYSTEM } from '../../../src/core/event/event.ts'
import { STORAGES } from '../../support/storages.ts'
import { form, type Iotaap, imageOf, ND, PASSWORD, startIotaap } from './fixture.ts'

describe.each(STORAGES)('IoTaaP login over $name', ({ open }) => {
  let iotaap: Iotaap

  beforeAll(async () => {
    iotaap = await startIotaap({ storage: await open(), limits: { loginFailures: 3 } })
  })
  afterAll(() => iotaap.close())

  const login = (body: unknown) => iotaap.call('POST', '/v1/auth/login', { body })
  const payload = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())

  test('row 1: the right pair gets user and token, whatever rememberMe is', async () => {
    for (const rememberMe of ['false', false, true, undefined]) {
      const answer = await login({ email: 'Ops@acme.example', password: PASSWORD, rememberMe })
      expect(answer.status).toBe(200)
      expect(answer.type).toBe('application/json; charset=utf-8')
      const { organisation } = iotaap.tenant
      expect(answer.text).toBe(
        JSON.stringify({ user: { id: organisation.id, role: 'user' }, token: answer.json.token }),
      )
      const { id, role, iat, exp } = payload(answer.json.token)
      expect({ id, role, life: exp - iat }).toEqual({ id: organisation.id, role: 'user', life: 2_592_000 })
      const header = JSON.parse(Buffer.from(answer.json.token.split('.')[0], 'base64url').toString())
      expect(header.alg).toBe('HS256')
    }
  })

  test('row 1: a form instead of JSON is taken too', async () => {
    const answer = await iotaap.call('POST', '/v1/auth/login', {
      body: new URLSearchParams({ email: iotaap.tenant.email, password: PASSWORD }).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    expect(answer.status).toBe(200)
  })

  test.each([
    ['wrong password', { email: 'ops@acme.example', password: 'wrong' }],
    ['unknown e-mail', { email: 'nobody@acme.example', password: PASSWORD }],
    ['no password', { email: 'ops@acme.example' }],
    ['empty password', { email: 'ops@acme.example', password: '' }],
    ['no e-mail', { password: PASSWORD }],
    ['objects for text', { email: { $ne: '' }, password: { $ne: '' } }],
    ['a list for a body', []],
  ])('row 1: %s is 401 with the key error', async (_name, body) => {
    const answer = await login(body)
    expect(answer.status).toBe(401)
    expect(answer.text).toBe('{"error":"Login or password is wrong"}')
    await login({ email: iotaap.tenant.email, password: PASSWORD })
  })

  test('a locked account gets the same 401, and none of its organisations is told', async () => {
    const tenant = await iotaap.newTenant('locked')
    for (let round = 0; round < 3; round++) await login({ email: tenant.email, password: 'wrong' })
    const answer = await login({ email: tenant.email, password: PASSWORD })
    expect(answer).toMatchObject({ status: 401, text: '{"error":"Login or password is wrong"}' })
  })

  test('an account of several organisations gets the one that was made first; one of none cannot log in', async () => {
    const { core } = iotaap.server
    const first = await iotaap.newTenant('first')
    const second = await core.organisations.create(SYSTEM, { key: 'second' })
    const account = await core.accounts.findByEmail(first.email)
    await core.accounts.setRole({ actor: SYSTEM, organisation: second.serial }, account?.id ?? '', 'viewer')
    const answer = await login({ email: first.email, password: PASSWORD })
    expect(answer.json.user).toEqual({ id: first.organisation.id, role: 'user' })
    await core.accounts.create(SYSTEM, { email: 'alone@example.com', password: PASSWORD, isAdministrator: true })
    expect((await login({ email: 'alone@example.com', password: PASSWORD })).status).toBe(401)
  })

  test('invalid JSON is 400 in the shape of the API', async () => {
    const answer = await iotaap.call('POST', '/v1/auth/login', {
      body: '{"email":',
      headers: { 'content-type': 'application/json' },
    })
    expect(answer).toMatchObject({ status: 400, text: '{"message":"Request body is not valid JSON"}' })
  })

  test('a body over the limit is 413 and no stack', async () => {
    const answer = await login({ email: 'a'.repeat(2 ** 20), password: PASSWORD })
    expect(answer.status).toBe(413)
    expect(Object.keys(answer.json)).toEqual(['message'])
  })

  describe('row 2: without a good token every other call is 401 as bare text', () => {
    const unauthorized = { status: 401, type: 'text/plain; charset=utf-8', text: 'Unauthorized' }
    const calls = [
      ['GET', '/v1/devices'],
      ['POST', '/v1/devices'],
      ['GET', '/v1/devices/5e1b57808711f904f5df4bad'],
      ['PUT', '/v1/devices/5e1b57808711f904f5df4bad'],
      ['DELETE', '/v1/devices/5e1b57808711f904f5df4bad'],
      ['GET', '/v1/groups'],
      ['POST', '/v1/groups'],
      ['GET', '/v1/groups/devices/5e1b57808711f904f5df4bad'],
      ['DELETE', '/v1/groups/xyz'],
      ['GET', '/v1/ota/device'],
      ['POST', '/v1/ota/device'],
      ['GET', '/v1/ota/group'],
      ['POST', '/v1/ota/group'],
    ] as const

    test.each(calls)('row 2: %s %s without a header', async (method, path) => {
      expect(await iotaap.call(method, path)).toMatchObject(unauthorized)
    })

    test.each([
      ['no scheme', (token: string) => token],
      ['another scheme', (token: string) => `Basic ${token}`],
      ['no token', () => 'Bearer '],
      ['rubbish', () => 'Bearer a.b.c'],
      ['a bad signature', (token: string) => `Bearer ${token.slice(0, -4)}AAAA`],
      ['alg none', (token: string) => `Bearer ${unsigned(token)}`],
    ])('row 2: %s', async (_name, header) => {
      const headers = { authorization: header(iotaap.tenant.token) }
      expect(await iotaap.call('GET', '/v1/devices', { headers })).toMatchObject(unauthorized)
    })

    test('row 2: another algorithm under the same claims, and a token of another family', async () => {
      const claims = payload(iotaap.tenant.token)
      const { secrets, tokens } = iotaap.server.core.deps
      const other = await new SignJWT(claims).setProtectedHeader({ alg: 'HS512' }).sign(secrets.derive('jwt/iotaap'))
      expect(await iotaap.call('GET', '/v1/devices', { token: other })).toMatchObject(unauthorized)
      const foreign = await tokens.sign('other', claims, 60)
      expect(await iotaap.call('GET', '/v1/devices', { token: foreign })).toMatchObject(unauthorized)
    })

    test('row 2: an expired token, one second after its last', async () => {
      const tenant = await iotaap.newTenant('expiring')
      const start = iotaap.server.clock.now()
      iotaap.server.clock.set(start + 2_591_999_000)
      expect((await tenant.call('GET', '/v1/devices')).status).toBe(200)
      iotaap.server.clock.set(start + 2_592_001_000)
      expect(await tenant.call('GET', '/v1/devices')).toMatchObject(unauthorized)
      iotaap.server.clock.set(start)
    })

    test('row 2: a token from before a new password, or of an account that left', async () => {
      const { core } = iotaap.server
      const tenant = await iotaap.newTenant('leaving')
      const account = await core.accounts.findByEmail(tenant.email)
      await core.accounts.setPassword(SYSTEM, account?.id ?? '', 'another password')
      expect(await tenant.call('GET', '/v1/devices')).toMatchObject(unauthorized)
      const again = await login({ email: tenant.email, password: 'another password' })
      expect((await iotaap.call('GET', '/v1/devices', { token: again.json.token })).status).toBe(200)
      await core.deps.storage.transaction((stores) =>
        stores.memberships.remove(account?.serial ?? 0, tenant.organisation.serial),
      )
      expect(await iotaap.call('GET', '/v1/devices', { token: again.json.token })).toMatchObject(unauthorized)
    })

    test('the scheme word matches in any case', async () => {
      for (const scheme of ['bearer', 'BEARER', 'Bearer']) {
        const headers = { authorization: `${scheme} ${iotaap.tenant.token}` }
        expect((await iotaap.call('GET', '/v1/devices', { headers })).status).toBe(200)
      }
    })
  })

  test('who may only look sees everything and changes nothing', async () => {
    const viewer = await iotaap.newTenant('looking', 'viewer')
    const id = '5e1b57808711f904f5df4bad'
    expect((await viewer.call('GET', '/v1/devices')).status).toBe(200)
    for (const [method, path] of [
      ['POST', '/v1/devices'],
      ['PUT', `/v1/devices/${id}`],
      ['DELETE', `/v1/devices/${id}`],
      ['POST', '/v1/groups'],
      ['PUT', `/v1/groups/${id}`],
      ['DELETE', `/v1/groups/${id}`],
    ] as const)
      expect(await viewer.call(method, path, { body: {} })).toMatchObject({
        status: 403,
        json: { message: 'You are not allowed to change this' },
      })
    const parts = [{ name: 'firmware', value: imageOf('1'), filename: 'firmware.bin' }]
    expect(await viewer.call('POST', '/v1/ota/device', form(parts))).toMatchObject({
      status: 403,
      json: { message: 'You are not allowed to deploy firmware' },
    })
    expect(await viewer.call('GET', `/v1/devices/${id}`)).toMatchObject({ status: 404, json: ND })
  })
})

function unsigned(token: string): string {
  const header = Buffer.from(JSON.stringify({ alg: 'none', typ: 'JWT' })).toString('base64url')
  return `${header}.${token.split('.')[1]}.`
}
