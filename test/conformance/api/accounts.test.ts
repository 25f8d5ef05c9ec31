import { beforeAll, describe, expect, it } from 'vitest'
import { type Client, expectDone, expectProblem, PASSWORD, type Tenant, useApi } from './fixture.ts'
import { STORAGES } from './storages.ts'

describe.each(STORAGES)('accounts on $name', (storage) => {
  const api = useApi(storage)
  let acme: Tenant
  let beta: Tenant
  beforeAll(async () => {
    acme = await api().tenant('acme')
    beta = await api().tenant('beta')
  })
  const put = (client: Client, path: string, body: unknown) => client.call('PUT', path, { body })
  const login = (email: string, password: string) => api().client('').post('/login', { email, password })

  it('are made by owners with a role and can log in', async () => {
    const made = expectDone(await acme.owner.post('/accounts', { email: 'New@Acme.example', password: PASSWORD }), 201)
    expect(made).toMatchObject({ email: 'new@acme.example', role: 'operator', isAdministrator: false })
    const { organisations } = expectDone(await login('new@acme.example', PASSWORD))
    expect(organisations).toMatchObject([{ key: 'acme', role: 'operator' }])
    expectProblem(
      await acme.owner.post('/accounts', { email: 'new@acme.example', password: PASSWORD }),
      409,
      'conflict',
    )
    expectProblem(await acme.owner.post('/accounts', { email: 'nobody@acme.example' }), 400, 'invalid')
    expectProblem(await acme.owner.post('/accounts', { email: 'a@b', password: 'short' }), 400, 'invalid')
    expectProblem(await acme.owner.post('/accounts', { email: 'no address', password: PASSWORD }), 400, 'invalid')
  })

  it('are listed and shown by id and by address', async () => {
    const first = expectDone(await acme.viewer.get('/accounts?limit=2'))
    const second = expectDone(await acme.viewer.get(`/accounts?limit=2&cursor=${first.nextCursor}`))
    const members = [...first.items, ...second.items]
    expect(members.map((one) => one.role)).toEqual(['owner', 'operator', 'viewer', 'operator'])
    const [owner] = members
    expect(expectDone(await acme.viewer.get(`/accounts/${owner.id}`))).toEqual(owner)
    expect(expectDone(await acme.viewer.get('/accounts/owner@acme.example'))).toEqual(owner)
  })

  it('change role and leave, but never the last owner', async () => {
    const role = await put(acme.owner, '/accounts/new@acme.example/role', { role: 'viewer' })
    expect(expectDone(role).role).toBe('viewer')
    expectDone(await acme.owner.call('DELETE', '/accounts/new@acme.example'), 204)
    expectProblem(await acme.owner.get('/accounts/new@acme.example'), 404, 'not-found')
    expectProblem(await put(acme.owner, '/accounts/owner@acme.example/role', { role: 'viewer' }), 409, 'in-use')
    expectProblem(await acme.owner.call('DELETE', '/accounts/owner@acme.example'), 409, 'in-use')
  })

  it('are not taken in from elsewhere by an owner who has nothing to say there', async () => {
    const stolen = { email: 'owner@beta.example', role: 'viewer' }
    expectProblem(await acme.owner.post('/accounts', stolen), 403, 'forbidden')
    await api().account('admin@server.example', { isAdministrator: true })
    const administrator = { email: 'admin@server.example', role: 'viewer' }
    expectProblem(await acme.owner.post('/accounts', administrator), 403, 'forbidden')
    const text = `organisations: [{ key: acme, accounts: [{ email: owner@beta.example, role: viewer }] }]`
    const applied = await acme.owner.post('/apply', { text })
    expect([applied.status, applied.json.detail]).toEqual([400, expect.stringContaining('must take it in')])
    expectDone(await beta.owner.get('/devices'))
  })

  it('are taken in from elsewhere, and their password stays their own', async () => {
    const administrator = await api().account('root@server.example', { isAdministrator: true })
    const taken = await administrator.post('/accounts?organisation=acme', {
      email: 'owner@beta.example',
      role: 'viewer',
    })
    const shared = expectDone(taken, 201)
    const password = { password: 'taken over by acme' }
    expectProblem(await put(acme.owner, `/accounts/${shared.id}/password`, password), 403, 'forbidden')
    expectProblem(
      await put(beta.owner, '/accounts/operator@acme.example/password?organisation=beta', password),
      404,
      'not-found',
    )
    const both = await beta.owner.get('/devices')
    expectProblem(both, 400, 'organisation-required')
    expect(both.json.facts.organisations.sort()).toEqual(['acme', 'beta'])
    expectProblem(await beta.owner.post('/groups?organisation=acme', { key: 'x' }), 403, 'forbidden')
    expectDone(await beta.owner.post('/groups?organisation=beta', { key: 'x' }), 201)
  })

  it('get a new password from their owner, which ends their logins', async () => {
    const { token } = expectDone(await login('viewer@acme.example', PASSWORD))
    expectDone(await put(acme.owner, '/accounts/viewer@acme.example/password', { password: 'new password' }), 204)
    expectProblem(await api().client(token).get('/me'), 401, 'unauthenticated')
    expectProblem(await login('viewer@acme.example', PASSWORD), 401, 'unauthenticated')
    expectDone(await login('viewer@acme.example', 'new password'))
  })

  it('leave events without a password', async () => {
    const { items } = expectDone(await acme.owner.get('/events?subjectKind=account'))
    expect(items.map((one: { type: string }) => one.type)).toContain('membership.set')
    expect(JSON.stringify(items)).not.toMatch(/password"|correct horse/)
  })
})

describe.each(STORAGES)('access keys on $name', (storage) => {
  const api = useApi(storage)
  let acme: Tenant
  let beta: Tenant
  beforeAll(async () => {
    acme = await api().tenant('acme')
    beta = await api().tenant('beta')
  })
  const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

  it('are made with a secret that is shown once', async () => {
    const made = expectDone(await acme.owner.post('/access-keys', { name: 'app', permissions: ['write'] }), 201)
    expect([made.key, made.secret]).toEqual([expect.stringMatching(UUID), expect.stringMatching(UUID)])
    expect(made).toMatchObject({ permissions: ['write'], disabled: false, hasProof: false })
    expect(made.grants).toEqual([{ organisation: { id: acme.organisation.id, key: 'acme' }, permissions: ['write'] }])
    const shown = await acme.owner.get(`/access-keys/${made.id}`)
    expect(shown.text).not.toContain(made.secret)
    expect(expectDone(await acme.owner.get(`/access-keys/${made.key}`))).toEqual(shown.json)
    const row = await api().core.accessKeys.findByKey(made.key)
    expect(row && api().core.accessKeys.secretOf(row)).toBe(made.secret)
  })

  it('take a given key and secret; a key is unique on the server', async () => {
    const body = { key: 'burnt-in', secret: 'known' }
    expect(expectDone(await acme.owner.post('/access-keys', body), 201)).toMatchObject(body)
    expectProblem(await beta.owner.post('/access-keys', body), 409, 'conflict')
  })

  it('change from their revision, get a proof, and are deleted', async () => {
    const shown = await acme.owner.get('/access-keys/burnt-in')
    const etag = { 'if-match': String(shown.headers['etag']) }
    const changed = expectDone(await acme.owner.patch('/access-keys/burnt-in', { disabled: true, name: 'old' }, etag))
    expect(changed).toMatchObject({ disabled: true, name: 'old', permissions: ['read'] })
    expectProblem(
      await acme.owner.patch('/access-keys/burnt-in', { disabled: false }, etag),
      412,
      'precondition-failed',
    )
    const { proof } = expectDone(await acme.owner.post('/access-keys/burnt-in/proof'), 201)
    expect(proof).toMatch(/^[A-Za-z0-9]{40}$/)
    expect(expectDone(await acme.owner.get('/access-keys/burnt-in')).hasProof).toBe(true)
    expectDone(await acme.owner.call('DELETE', '/access-keys/burnt-in'), 204)
    expectProblem(await acme.owner.get('/access-keys/burnt-in'), 404, 'not-found')
  })

  it('reach another organisation where an administrator says so', async () => {
    const administrator = await api().account('root@example.org', { isAdministrator: true })
    const { key } = expectDone(await acme.owner.post('/access-keys', {}), 201)
    const granted = await administrator.call('PUT', `/access-keys/${key}/grants/beta`, {
      body: { permissions: ['read'] },
    })
    expectDone(granted, 204)
    const { grants } = expectDone(await acme.owner.get(`/access-keys/${key}`))
    expect(grants.map((grant: { organisation: { key: string } }) => grant.organisation.key)).toEqual(['acme', 'beta'])
    expectProblem(await beta.owner.get(`/access-keys/${key}`), 404, 'not-found')
  })
})
