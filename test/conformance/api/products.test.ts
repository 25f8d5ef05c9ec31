import { beforeAll, describe, expect, it } from 'vitest'
import { expectDone, expectProblem, type Tenant, useApi } from './fixture.ts'
import { STORAGES } from './storages.ts'

describe.each(STORAGES)('products on $name', (storage) => {
  const api = useApi(storage)
  let acme: Tenant
  beforeAll(async () => {
    acme = await api().tenant('acme')
  })

  it('are made with modules, fixed numbers and vendor names; the first module is the primary one', async () => {
    const body = {
      key: 'panel',
      name: 'Display panel',
      number: 501,
      distribution: 'managed',
      downgrades: 'forbidden',
      aliases: { 'enos/product-key': 'BXwU4kMk' },
      modules: [
        { key: 'display-app', number: 77 },
        { key: 'can-controller', name: 'CAN' },
      ],
    }
    const made = expectDone(await acme.operator.post('/products', body), 201)
    expect(made).toMatchObject({
      ...body,
      modules: [
        { isPrimary: true, number: 77 },
        { isPrimary: false, name: 'CAN' },
      ],
    })
    expect(expectDone(await acme.viewer.get(`/products/${made.id}`))).toEqual(made)
    expectProblem(await acme.operator.post('/products', { key: 'panel' }), 409, 'conflict')
    const plain = expectDone(await acme.operator.post('/products', { key: 'plain' }), 201)
    expect(plain).toMatchObject({
      name: 'plain',
      distribution: 'catalogue',
      downgrades: 'guarded',
      modules: [{ key: 'main', isPrimary: true }],
    })
  })

  it('change from their revision', async () => {
    const shown = await acme.viewer.get('/products/panel')
    const etag = { 'if-match': String(shown.headers['etag']) }
    const change = {
      distribution: 'catalogue',
      downgrades: 'guarded',
      aliases: { 'enos/product-key': null, 'x/y': 'z' },
    }
    const changed = expectDone(await acme.operator.patch('/products/panel', change, etag))
    expect(changed).toMatchObject({ ...change, aliases: { 'x/y': 'z' }, name: 'Display panel' })
    expectProblem(await acme.operator.patch('/products/panel', { downgrades: 'never' }), 400, 'invalid')
    expectProblem(await acme.operator.patch('/products/panel', { name: 'x' }, etag), 412, 'precondition-failed')
  })

  it('gain, rename and lose modules, but never the primary one', async () => {
    const made = expectDone(await acme.operator.post('/products/panel/modules', { key: 'radio' }), 201)
    expect(made).toMatchObject({ key: 'radio', isPrimary: false })
    expectProblem(await acme.operator.post('/products/panel/modules', { key: 'radio' }), 409, 'conflict')
    const path = '/products/panel/modules/radio'
    const renamed = expectDone(await acme.operator.patch(path, { name: 'Radio' }, { 'if-match': '"1"' }))
    expect(renamed).toMatchObject({ name: 'Radio', revision: 2 })
    expectProblem(await acme.operator.patch(path, { name: 'x' }, { 'if-match': '"1"' }), 412, 'precondition-failed')
    const { items } = expectDone(await acme.viewer.get('/products/panel/modules'))
    expect(items.map((one: { key: string }) => one.key)).toEqual(['display-app', 'can-controller', 'radio'])
    expectDone(await acme.operator.call('DELETE', path), 204)
    expectProblem(await acme.viewer.get(path), 404, 'not-found')
    expectProblem(await acme.operator.call('DELETE', '/products/panel/modules/display-app'), 409, 'in-use')
  })

  it('stay while devices refer to them', async () => {
    expectDone(await acme.operator.post('/devices', { key: 'd', product: 'plain' }), 201)
    expectProblem(await acme.operator.call('DELETE', '/products/plain'), 409, 'in-use')
    expectDone(await acme.operator.call('DELETE', '/devices/d'), 204)
    expectDone(await acme.operator.call('DELETE', '/products/plain'), 204)
    const { items } = expectDone(await acme.viewer.get('/products'))
    expect(items.map((one: { key: string }) => one.key)).toEqual(['panel'])
  })
})

describe.each(STORAGES)('groups on $name', (storage) => {
  const api = useApi(storage)
  let acme: Tenant
  beforeAll(async () => {
    acme = await api().tenant('acme')
    for (const key of ['a', 'b', 'c']) expectDone(await acme.operator.post('/devices', { key }), 201)
  })

  it('are made, renamed and found', async () => {
    const body = { key: 'pilot', name: 'Pilot fleet', id: '5e24a2d05cde30ff0a1ed6aa' }
    expect(expectDone(await acme.operator.post('/groups', body), 201)).toMatchObject({ ...body, members: 0 })
    const nameless = expectDone(await acme.operator.post('/groups', {}), 201)
    expect([nameless.key, nameless.name]).toEqual([nameless.id, nameless.id])
    const renamed = await acme.operator.patch('/groups/pilot', { name: 'Trial' }, { 'if-match': '"1"' })
    expect(expectDone(renamed)).toMatchObject({ name: 'Trial', revision: 2 })
    expectProblem(
      await acme.operator.patch('/groups/pilot', { name: 'x' }, { 'if-match': '"1"' }),
      412,
      'precondition-failed',
    )
    const { items } = expectDone(await acme.viewer.get('/groups?search=RIA'))
    expect(items.map((one: { key: string }) => one.key)).toEqual(['pilot'])
  })

  it('take devices in and out, all or none', async () => {
    const change = (body: unknown) => acme.operator.post('/groups/pilot/members', body)
    expect(expectDone(await change({ add: ['a', 'b'] })).members).toBe(2)
    expectProblem(await change({ add: ['c', 'nobody'] }), 404, 'not-found')
    expect(expectDone(await change({ remove: ['a'], add: ['b'] })).members).toBe(1)
    const { items } = expectDone(await acme.viewer.get('/groups/pilot/members'))
    expect(items).toMatchObject([{ key: 'b', group: { key: 'pilot' } }])
    const events = expectDone(await acme.viewer.get('/events?type=group.member-removed'))
    expect(events.items).toMatchObject([{ details: { key: 'a' } }])
  })

  it('have a token of their own: made, rotated with overlap, taken away', async () => {
    const path = '/groups/pilot/credentials/iotaap'
    const given = await acme.operator.call('PUT', path, { body: { token: '0123456789abcdef' } })
    expect(expectDone(given)).toMatchObject({ secret: null, credential: { scheme: 'iotaap', isRecoverable: true } })
    const made = expectDone(await acme.operator.call('PUT', path, { body: { overlapSeconds: 60 } }))
    expect(made.secret).toMatch(/^[A-Za-z0-9]{16}$/)
    const { items } = expectDone(await acme.viewer.get('/groups/pilot/credentials'))
    const until = new Date(api().server.clock.now() + 60_000).toISOString()
    expect(items.map((one: { expiresAt: string }) => one.expiresAt)).toEqual([until, null])
    expectProblem(await acme.operator.call('PUT', path, { body: { token: 'short' } }), 400, 'invalid')
    expectDone(await acme.operator.call('DELETE', path), 204)
    expectProblem(await acme.operator.call('DELETE', path), 404, 'not-found')
  })

  it('go, and their members stay', async () => {
    expectDone(await acme.operator.call('DELETE', '/groups/pilot'), 204)
    expect(expectDone(await acme.viewer.get('/devices/b')).group).toBeNull()
  })
})
