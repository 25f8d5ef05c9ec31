import { beforeAll, describe, expect, it } from 'vitest'
import { expectDone, expectProblem, type Tenant, useApi } from './fixture.ts'
import { STORAGES } from './storages.ts'

describe.each(STORAGES)('events on $name', (storage) => {
  const api = useApi(storage)
  let acme: Tenant
  let noon: string
  beforeAll(async () => {
    acme = await api().tenant('acme')
    expectDone(await acme.operator.post('/groups', { key: 'one' }), 201)
    expectDone(await acme.operator.patch('/groups/one', { name: 'First' }))
    api().server.clock.advance(60_000)
    noon = new Date(api().server.clock.now()).toISOString()
    expectDone(await acme.owner.post('/products', { key: 'panel' }), 201)
  })
  const types = async (query: string) =>
    expectDone(await acme.viewer.get(`/events?${query}`)).items.map((one: { type: string }) => one.type)

  it('are told newest first or oldest first, page by page', async () => {
    const first = expectDone(await acme.viewer.get('/events?limit=2'))
    expect(first.items.map((one: { type: string }) => one.type)).toEqual(['product.created', 'group.changed'])
    expect((await types(`limit=1&cursor=${first.nextCursor}`))[0]).toBe('group.created')
    expect((await types('order=asc&limit=1'))[0]).toBe('organisation.created')
    expectProblem(await acme.viewer.get(`/events?order=asc&cursor=${first.nextCursor}`), 400, 'invalid')
  })

  it('are filtered by type, subject, actor and time', async () => {
    expect(await types('type=group.changed')).toEqual(['group.changed'])
    expect(await types('type=group.*')).toEqual(['group.changed', 'group.created'])
    expect(await types('subjectKind=product')).toEqual(['product.created'])
    const [{ actor, subject }] = expectDone(await acme.viewer.get('/events?type=group.created')).items
    expect(actor).toMatchObject({ kind: 'account', name: 'operator@acme.example' })
    expect(await types(`actorKind=account&actorId=${actor.id}`)).toEqual(['group.changed', 'group.created'])
    expect(await types(`subjectId=${subject.id}`)).toEqual(['group.changed', 'group.created'])
    expect(await types(`from=${noon}`)).toEqual(['product.created'])
    expect(await types(`until=${noon}&type=group&limit=1`)).toEqual(['group.changed'])
    expectProblem(await acme.viewer.get('/events?type=*.created'), 400, 'invalid')
    expectProblem(await acme.viewer.get('/events?from=yesterday'), 400, 'invalid')
  })

  it('say what was before and after', async () => {
    const [event] = expectDone(await acme.viewer.get('/events?type=group.changed')).items
    expect(event.details).toEqual({ before: { name: 'one' }, after: { name: 'First' } })
  })
})
