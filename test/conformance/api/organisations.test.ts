import { beforeAll, describe, expect, it } from 'vitest'
import { type Client, expectDone, expectProblem, type Tenant, useApi } from './fixture.ts'
import { STORAGES } from './storages.ts'

describe.each(STORAGES)('organisations on $name', (storage) => {
  const api = useApi(storage)
  let administrator: Client
  let acme: Tenant
  beforeAll(async () => {
    administrator = await api().account('root@example.org', { isAdministrator: true })
    acme = await api().tenant('acme')
  })

  it('are made by administrators, with a fixed id, vendor names and settings', async () => {
    const body = {
      key: 'globex',
      name: 'Globex',
      id: '5e10fc5e77ba18070312e171',
      aliases: { 'enos/org-id': 'o15504745674071' },
      settings: { 'spoke-zone/numeric-ids': true },
    }
    const made = expectDone(await administrator.post('/organisations', body), 201)
    expect(made).toMatchObject({ ...body, frozen: false, defaultProduct: null, revision: 1, role: 'owner' })
    expectProblem(await administrator.post('/organisations', { key: 'globex' }), 409, 'conflict')
    expectProblem(await administrator.post('/organisations', { key: 'device' }), 400, 'invalid')
    const { aliases } = body
    const taken = await administrator.post('/organisations', { key: 'other', aliases })
    expectProblem(taken, 409, 'conflict')
    expectProblem(await administrator.get('/organisations/other'), 404, 'not-found')
    expect(expectDone(await administrator.get('/organisations/globex')).id).toBe(body.id)
  })

  it('change by their owners: merged settings and names, a default product', async () => {
    expectDone(await acme.operator.post('/products', { key: 'panel' }), 201)
    const change = { name: 'Acme GmbH', defaultProduct: 'panel', settings: { 'x/a': 1, 'x/b': 'two' } }
    const changed = expectDone(await acme.owner.patch('/organisations/acme', change))
    expect(changed).toMatchObject({ name: 'Acme GmbH', defaultProduct: { key: 'panel' }, settings: change.settings })
    const again = expectDone(
      await acme.owner.patch('/organisations/acme', { settings: { 'x/a': null }, defaultProduct: null }),
    )
    expect(again).toMatchObject({ name: 'Acme GmbH', defaultProduct: null, settings: { 'x/b': 'two' } })
    expectProblem(await acme.operator.patch('/organisations/acme', { name: 'x' }), 403, 'forbidden')
    expectProblem(await acme.owner.patch('/organisations/acme', { key: 'x' }), 400, 'invalid')
    expectProblem(await acme.owner.patch('/organisations/acme', { settings: { 'NO WAY': 1 } }), 400, 'invalid')
  })

  it('change only from the revision that If-Match names', async () => {
    const shown = await acme.viewer.get('/organisations/acme')
    const etag = String(shown.headers['etag'])
    expect(etag).toBe(`"${shown.json.revision}"`)
    const changed = await acme.owner.patch('/organisations/acme', { name: 'One' }, { 'if-match': etag })
    expectDone(changed)
    expect(changed.headers['etag']).not.toBe(etag)
    const late = await acme.owner.patch('/organisations/acme', { name: 'Two' }, { 'if-match': etag })
    expectProblem(late, 412, 'precondition-failed')
    expectDone(await acme.owner.patch('/organisations/acme', { name: 'Three' }, { 'if-match': '*' }))
    expectProblem(await acme.owner.patch('/organisations/acme', { name: 'x' }, { 'if-match': 'W/"1"' }), 400, 'invalid')
    expect(expectDone(await acme.viewer.get('/organisations/acme')).name).toBe('Three')
  })

  it('freeze and thaw by operators, and devices are offered nothing meanwhile', async () => {
    expectDone(await acme.operator.post('/devices', { key: 'd', credentials: { native: {} } }), 201)
    expectProblem(await acme.viewer.post('/organisations/acme/freeze'), 403, 'forbidden')
    expect(expectDone(await acme.operator.post('/organisations/acme/freeze')).frozen).toBe(true)
    expect(expectDone(await acme.viewer.get('/devices/d/explain')).facts.organisationFrozen).toBe(true)
    expect(expectDone(await acme.operator.post('/organisations/acme/thaw')).frozen).toBe(false)
  })

  it('are listed to their members, and all of them to administrators, page by page', async () => {
    const keys = (items: Array<{ key: string }>) => items.map((one) => one.key)
    expect(keys(expectDone(await acme.viewer.get('/organisations')).items)).toEqual(['acme'])
    const first = expectDone(await administrator.get('/organisations?limit=1'))
    const second = expectDone(await administrator.get(`/organisations?limit=1&cursor=${first.nextCursor}`))
    expect(keys([...first.items, ...second.items])).toEqual(['acme', 'globex'])
    expect(second.nextCursor).toBeNull()
  })

  it('leave events', async () => {
    const { items } = expectDone(await acme.viewer.get('/events?subjectKind=organisation&limit=1'))
    expect(items).toMatchObject([
      {
        type: 'organisation.changed',
        actor: { kind: 'account', name: 'operator@acme.example' },
        subject: { kind: 'organisation', id: acme.organisation.id },
        details: { before: { frozen: true }, after: { frozen: false } },
      },
    ])
  })
})

describe.each(STORAGES)('the server on $name', (storage) => {
  const api = useApi(storage)
  let administrator: Client
  beforeAll(async () => {
    administrator = await api().account('root@example.org', { isAdministrator: true })
  })

  it('shows its state, freezes and thaws', async () => {
    expect(expectDone(await administrator.get('/server'))).toEqual({
      version: '1.2.3',
      now: new Date(api().server.clock.now()).toISOString(),
      frozen: false,
      accounts: 1,
    })
    expectDone(await administrator.post('/server/freeze'), 204)
    expect(expectDone(await administrator.get('/server')).frozen).toBe(true)
    expectDone(await administrator.post('/server/thaw'), 204)
    expect(expectDone(await administrator.get('/server')).frozen).toBe(false)
    const { items } = expectDone(await administrator.get('/server/events?limit=2'))
    expect(items.map((one: { type: string }) => one.type)).toEqual(['server.thawed', 'server.frozen'])
  })

  it('makes accounts without an organisation, and lists all', async () => {
    const body = { email: 'Second@example.org', password: 'long enough', isAdministrator: true }
    expect(expectDone(await administrator.post('/server/accounts', body), 201)).toMatchObject({
      email: 'second@example.org',
      isAdministrator: true,
      lockedUntil: null,
    })
    const { items } = expectDone(await administrator.get('/server/accounts'))
    expect(items.map((one: { email: string }) => one.email)).toEqual(['root@example.org', 'second@example.org'])
    expect(JSON.stringify(items)).not.toMatch(/argon2|passwordHash/)
  })
})
