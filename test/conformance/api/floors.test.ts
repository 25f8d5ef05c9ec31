import { beforeAll, describe, expect, it } from 'vitest'
import { type Client, expectDone, expectProblem, type Tenant, useApi } from './fixture.ts'
import { STORAGES } from './storages.ts'

describe.each(STORAGES)('floors on $name', (storage) => {
  const api = useApi(storage, { limits: { floorsPerOrganisation: 4 } })
  let acme: Tenant
  const FLOORS = '/products/panel/floors'
  const push = async (client: Client, query: string) =>
    expectDone(
      await client.call('POST', `/firmware?${query}`, {
        payload: Buffer.from(query),
        headers: { 'content-type': 'application/octet-stream' },
      }),
      201,
    )
  beforeAll(async () => {
    acme = await api().tenant('acme')
    const modules = [{ key: 'app' }, { key: 'can' }]
    expectDone(await acme.operator.post('/products', { key: 'panel', modules }), 201)
    expectDone(await acme.operator.post('/products', { key: 'pump' }), 201)
    for (const version of ['1.0.0', '2.0.0', '3.0.0']) await push(acme.operator, `product=panel&version=${version}`)
    await push(acme.operator, 'product=panel&module=can&version=rev-b&sequence=20')
    await push(acme.operator, 'product=pump&version=1.0.0')
  })
  const floors = async () => expectDone(await acme.viewer.get(FLOORS)).items
  const firmware = async (reference: string) =>
    expectDone(await acme.viewer.get(`/firmware/${encodeURIComponent(reference)}`))

  it('are made by version, seal their firmware, and are shown and listed', async () => {
    const reply = await acme.operator.post(FLOORS, { version: '2.0.0', reason: 'moves the partitions' })
    const made = expectDone(reply, 201)
    expect(reply.headers['etag']).toBe('"1"')
    const { id } = await firmware('panel@2.0.0')
    expect(made).toMatchObject({
      product: { key: 'panel' },
      module: { key: 'app' },
      version: '2.0.0',
      firmware: { id, sequence: null, withdrawn: false },
      reason: 'moves the partitions',
      warnings: [],
    })
    const { warnings, ...floor } = made
    expect(warnings).toEqual([])
    expect(expectDone(await acme.viewer.get(`/floors/${made.id}`))).toEqual(floor)
    expect(await floors()).toEqual([floor])
    expect((await firmware('panel@2.0.0')).sealed).toBe(true)
    expect((await firmware('panel@1.0.0')).sealed).toBe(false)
  })

  it('are made of another module’s firmware, and by id', async () => {
    const body = { module: 'can', version: 'rev-b', reason: 'new boot loader', id: 'a'.repeat(24) }
    expect(expectDone(await acme.operator.post(FLOORS, body), 201)).toMatchObject({
      id: body.id,
      module: { key: 'can' },
      firmware: { sequence: 20 },
    })
    const { id } = await firmware('panel@3.0.0')
    const made = expectDone(await acme.operator.post(FLOORS, { firmware: id, reason: 'x' }), 201)
    expect(made).toMatchObject({ version: '3.0.0', module: { key: 'app' } })
    const versions = (await floors()).map((one: { version: string }) => one.version)
    expect(versions).toEqual(['2.0.0', 'rev-b', '3.0.0'])
    const first = expectDone(await acme.viewer.get(`${FLOORS}?limit=2`))
    expect(first.items).toHaveLength(2)
    const rest = expectDone(await acme.viewer.get(`${FLOORS}?limit=2&cursor=${first.nextCursor}`))
    expect([rest.items.length, rest.nextCursor]).toEqual([1, null])
    expect(expectDone(await acme.viewer.get('/products/pump/floors')).items).toEqual([])
  })

  it('warn of a version that nothing orders', async () => {
    await push(acme.operator, 'product=panel&version=rev-x')
    const made = expectDone(await acme.operator.post(FLOORS, { version: 'rev-x', reason: 'x' }), 201)
    expect(made.warnings).toEqual([expect.stringContaining('Nothing orders rev-x')])
    expectDone(await acme.operator.call('DELETE', `/floors/${made.id}`), 204)
  })

  it('change their reason from their revision', async () => {
    const [{ id }] = await floors()
    const change = { reason: 'moves the partitions; takes 60 s' }
    const match = { 'if-match': '"1"' }
    expect(expectDone(await acme.operator.patch(`/floors/${id}`, change, match))).toMatchObject({
      ...change,
      revision: 2,
    })
    expectProblem(await acme.operator.patch(`/floors/${id}`, change, match), 412, 'precondition-failed')
    expectProblem(await acme.operator.patch(`/floors/${id}`, { version: '1.0.0' }), 400, 'invalid')
    const { items } = expectDone(await acme.viewer.get(`/events?subjectId=${id}&type=floor.changed`))
    expect(items).toMatchObject([
      { details: { before: { reason: 'moves the partitions' }, after: change }, subject: { kind: 'floor', id } },
    ])
  })

  it('are refused where they make no sense', async () => {
    const { id: pump } = await firmware('pump@1.0.0')
    const attempts: Array<[unknown, number, string]> = [
      [{ version: '2.0.0', reason: 'x' }, 409, 'conflict'],
      [{ version: '9.0.0', reason: 'x' }, 404, 'not-found'],
      [{ version: '1.0.0', module: 'can', reason: 'x' }, 404, 'not-found'],
      [{ version: '1.0.0', module: 'nope', reason: 'x' }, 404, 'not-found'],
      [{ firmware: 'f'.repeat(24), reason: 'x' }, 404, 'not-found'],
      [{ firmware: pump, reason: 'x' }, 400, 'invalid'],
      [{ firmware: pump, module: 'app', reason: 'x' }, 400, 'invalid'],
      [{ firmware: pump, version: '1.0.0', reason: 'x' }, 400, 'invalid'],
      [{ reason: 'x' }, 400, 'invalid'],
      [{ version: '1.0.0' }, 400, 'invalid'],
      [{ version: '1.0.0', reason: '' }, 400, 'invalid'],
      [{ version: '1.0.0', reason: 'x'.repeat(501) }, 400, 'invalid'],
    ]
    for (const [body, status, code] of attempts) expectProblem(await acme.operator.post(FLOORS, body), status, code)
    expectProblem(await acme.operator.post('/products/none/floors', { version: '1', reason: 'x' }), 404, 'not-found')
    expectProblem(await acme.viewer.post(FLOORS, { version: '1.0.0', reason: 'x' }), 403, 'forbidden')
    expect(await floors()).toHaveLength(3)
  })

  it('are limited in number', async () => {
    const made = expectDone(await acme.operator.post(FLOORS, { version: '1.0.0', reason: 'x' }), 201)
    await push(acme.operator, 'product=panel&version=4.0.0')
    expectProblem(await acme.operator.post(FLOORS, { version: '4.0.0', reason: 'x' }), 409, 'limit-reached')
    expect((await firmware('panel@4.0.0')).sealed).toBe(false)
    expectDone(await acme.operator.call('DELETE', `/floors/${made.id}`), 204)
  })

  it('hold their firmware until they are deleted', async () => {
    const { id } = await firmware('panel@3.0.0')
    const refused = await acme.operator.call('DELETE', `/firmware/${id}`)
    expectProblem(refused, 409, 'in-use')
    expect(refused.json.detail).toContain('is a floor')
    const floor = (await floors()).find((one: { version: string }) => one.version === '3.0.0')
    expectDone(await acme.operator.call('DELETE', `/floors/${floor.id}`), 204)
    expectProblem(await acme.viewer.get(`/floors/${floor.id}`), 404, 'not-found')
    expectProblem(await acme.operator.call('DELETE', `/floors/${floor.id}`), 404, 'not-found')
    expectDone(await acme.operator.call('DELETE', `/firmware/${id}`), 204)
  })

  it('show that their firmware was withdrawn, and withdrawn firmware becomes none', async () => {
    const { id } = await firmware('panel@2.0.0')
    expectDone(await acme.operator.patch(`/firmware/${id}`, { withdrawn: true }))
    expect((await floors())[0]).toMatchObject({ version: '2.0.0', firmware: { withdrawn: true } })
    const { id: other } = await firmware('panel@1.0.0')
    expectDone(await acme.operator.patch(`/firmware/${other}`, { withdrawn: true }))
    expectProblem(await acme.operator.post(FLOORS, { firmware: other, reason: 'x' }), 403, 'forbidden')
  })
})
