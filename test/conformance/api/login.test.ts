import { beforeAll, describe, expect, it } from 'vitest'
import { expectDone, expectProblem, PASSWORD, type Tenant, useApi } from './fixture.ts'
import { STORAGES } from './storages.ts'

const HOUR = 3_600_000

describe.each(STORAGES)('logging in on $name', (storage) => {
  const api = useApi(storage, { limits: { loginFailures: 3, lockSeconds: 60 } })
  let acme: Tenant
  const login = (email: string, password = PASSWORD) => api().client('').post('/login', { email, password })
  beforeAll(async () => {
    acme = await api().tenant('acme')
  })

  it('gives a bearer token for 12 hours, with the account and its organisations', async () => {
    const reply = await login('Owner@Acme.example')
    const body = expectDone(reply)
    expect(body.token).toMatch(/^gdw_[A-Za-z0-9]{40}$/)
    expect(Date.parse(body.expiresAt) - api().server.clock.now()).toBe(12 * HOUR)
    expect(body.account).toMatchObject({ email: 'owner@acme.example', isAdministrator: false })
    expect(body.organisations).toEqual([{ id: acme.organisation.id, key: 'acme', name: 'acme', role: 'owner' }])
    expect(reply.headers['cache-control']).toBe('no-store')
    const me = expectDone(await api().client(body.token).get('/me'))
    expect(me).toMatchObject({ account: { email: 'owner@acme.example' }, token: { name: 'login', scope: 'admin' } })
  })

  it('refuses a wrong password and an unknown address alike', async () => {
    const [wrong, unknown] = [await login('viewer@acme.example', 'wrong'), await login('nobody@acme.example')]
    expectProblem(wrong, 401, 'unauthenticated')
    expect(unknown.text).toBe(wrong.text)
    expect(wrong.headers['www-authenticate']).toBe('Bearer realm="godwit"')
  })

  it('locks the account after repeated failures, says until when, and an owner unlocks it', async () => {
    const { json: account } = await acme.owner.post('/accounts', { email: 'lock@acme.example', password: PASSWORD })
    for (let failure = 0; failure < 3; failure += 1)
      expectProblem(await login('lock@acme.example', 'wrong'), 401, 'unauthenticated')
    const locked = await login('lock@acme.example')
    expectProblem(locked, 423, 'locked')
    expect(Number(locked.headers['retry-after'])).toBe(60)
    expect(Date.parse(locked.json.facts.until)).toBe(api().server.clock.now() + 60_000)
    const shown = expectDone(await acme.owner.get(`/accounts/${account.id}`))
    expect(shown.lockedUntil).toBe(locked.json.facts.until)
    expectDone(await acme.owner.post(`/accounts/${account.id}/unlock`), 204)
    expectDone(await login('lock@acme.example'))
  })

  it('ends with the token: logout, expiry, a new password', async () => {
    const { token } = expectDone(await login('operator@acme.example'))
    expectDone(await api().client(token).post('/logout'), 204)
    expectProblem(await api().client(token).get('/me'), 401, 'unauthenticated')

    const { token: second } = expectDone(await login('operator@acme.example'))
    const wrong = await api()
      .client(second)
      .call('PUT', '/me/password', { body: { current: 'no', password: PASSWORD } })
    expectProblem(wrong, 403, 'forbidden')
    const body = { current: PASSWORD, password: 'another password' }
    expectDone(await api().client(second).call('PUT', '/me/password', { body }), 204)
    expectProblem(await api().client(second).get('/me'), 401, 'unauthenticated')
    expectDone(await acme.operator.get('/me'))

    const { token: third } = expectDone(await login('operator@acme.example', 'another password'))
    api().server.clock.advance(12 * HOUR - 1)
    expectDone(await api().client(third).get('/me'))
    api().server.clock.advance(1)
    const late = await api().client(third).get('/me')
    expectProblem(late, 401, 'expired')
    expect(late.headers['www-authenticate']).toBe('Bearer realm="godwit", error="invalid_token"')
  })

  it('refuses what is no bearer token', async () => {
    expectProblem(await api().client('').get('/me'), 401, 'unauthenticated')
    expectProblem(await api().client('gdw_nonsense').get('/me'), 401, 'unauthenticated')
    const basic = await api().client('').get('/me', { authorization: 'Basic YTpi' })
    expectProblem(basic, 401, 'unauthenticated')
  })

  it('leaves no password and no token in the log', async () => {
    const { token } = expectDone(await login('viewer@acme.example'))
    await api().client(token).get('/me?token=secret-in-query')
    expect(api().server.log()).not.toContain(PASSWORD)
    expect(api().server.log()).not.toContain(token)
    expect(api().server.log()).not.toContain('secret-in-query')
  })
})

describe.each(STORAGES)('API tokens on $name', (storage) => {
  const api = useApi(storage)
  let acme: Tenant
  beforeAll(async () => {
    acme = await api().tenant('acme')
  })

  it('are made with a scope and an expiry, shown once, listed without secret, and revoked', async () => {
    const made = expectDone(
      await acme.owner.post('/tokens', { name: 'ci', scope: 'write', expiresInSeconds: 3600 }),
      201,
    )
    expect(made).toMatchObject({ name: 'ci', scope: 'write', organisation: null, revokedAt: null, isCurrent: false })
    const client = api().client(made.token)
    expectDone(await client.get('/devices'))
    const { items } = expectDone(await acme.owner.get('/tokens'))
    expect(items.map((one: { name: string }) => one.name)).toEqual(['test', 'ci'])
    expect(items[1].lastUsedAt).toBe(new Date(api().server.clock.now()).toISOString())
    expect(JSON.stringify(items)).not.toContain(made.token)
    expectDone(await acme.owner.call('DELETE', `/tokens/${made.id}`), 204)
    expectProblem(await client.get('/devices'), 401, 'unauthenticated')
  })

  it('are nobody else’s: another account cannot revoke or see them', async () => {
    const made = expectDone(await acme.owner.post('/tokens', { name: 'mine', scope: 'read' }), 201)
    expectProblem(await acme.operator.call('DELETE', `/tokens/${made.id}`), 404, 'not-found')
    const { items } = expectDone(await acme.operator.get('/tokens'))
    expect(items).toHaveLength(1)
  })

  it('bound what the account may do', async () => {
    const client = async (scope: string) =>
      api().client(expectDone(await acme.owner.post('/tokens', { name: scope, scope }), 201).token)
    const [read, write] = [await client('read'), await client('write')]
    expectDone(await read.get('/devices'))
    expectProblem(await read.post('/groups', { key: 'g' }), 403, 'forbidden')
    expectDone(await write.post('/groups', { key: 'g' }), 201)
    expectProblem(await write.post('/access-keys', {}), 403, 'forbidden')
    expectProblem(await write.post('/tokens', { name: 'more', scope: 'admin' }), 403, 'forbidden')
  })

  it('may be bound to one organisation', async () => {
    const beta = await api().tenant('beta')
    const both = await api().account('both@example.org', { organisation: acme.organisation })
    const account = await api().core.accounts.findByEmail('both@example.org')
    await api().core.accounts.setRole(beta.scope, account?.id ?? '', 'owner')
    expectProblem(await both.get('/devices'), 400, 'organisation-required')
    const body = { name: 'beta', scope: 'admin', organisation: 'beta' }
    const bound = api().client(expectDone(await both.post('/tokens', body), 201).token)
    expectDone(await bound.post('/groups', { key: 'in-beta' }), 201)
    expectDone(await beta.viewer.get('/groups/in-beta'))
    expectProblem(await bound.get('/groups?organisation=acme'), 404, 'not-found')
    expectProblem(await bound.post('/tokens', { ...body, organisation: 'acme' }), 404, 'not-found')
    const child = expectDone(await bound.post('/tokens', { name: 'child', scope: 'read' }), 201)
    expect(child.organisation).toMatchObject({ key: 'beta' })
  })
})
