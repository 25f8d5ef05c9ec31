import { beforeAll, describe, expect, it } from 'vitest'
import { type Client, expectDone, expectProblem, type Tenant, useApi } from './fixture.ts'
import { STORAGES } from './storages.ts'

describe.each(STORAGES)('Idempotency-Key on $name', (storage) => {
  const api = useApi(storage)
  let acme: Tenant
  beforeAll(async () => {
    acme = await api().tenant('acme')
    expectDone(await acme.operator.post('/products', { key: 'panel' }), 201)
  })
  const post = (path: string, body: unknown, key: string, client: Client = acme.operator) =>
    client.post(path, body, { 'idempotency-key': key })

  it('does a request once and answers it alike, with its secret', async () => {
    const body = { credentials: { native: {} } }
    const first = await post('/devices', body, 'one')
    const second = await post('/devices', body, 'one')
    expect(expectDone(second, 201)).toEqual(expectDone(first, 201))
    expect(second.headers).toMatchObject({ 'idempotent-replayed': 'true', etag: '"1"' })
    expect(first.headers['idempotent-replayed']).toBeUndefined()
    expect(first.json.secrets.native.token).toHaveLength(40)
    expect(expectDone(await acme.viewer.get('/devices')).items).toHaveLength(1)
  })

  it('refuses another request under the same key', async () => {
    expectProblem(await post('/devices', { key: 'other' }, 'one'), 422, 'idempotency-key-reused')
    expectProblem(await post('/groups', { credentials: { native: {} } }, 'one'), 400, 'invalid')
    expectProblem(await post('/groups', {}, 'one'), 422, 'idempotency-key-reused')
    expectProblem(await post('/groups', {}, 'no blanks allowed'), 400, 'invalid')
  })

  it('keeps accounts apart', async () => {
    const made = expectDone(await post('/devices', { credentials: { native: {} } }, 'one', acme.owner), 201)
    const [first] = expectDone(await acme.viewer.get('/devices')).items
    expect(made.id).not.toBe(first.id)
  })

  it('makes one thing of many requests at once', async () => {
    const replies = await Promise.all(Array.from({ length: 8 }, () => post('/groups', {}, 'many')))
    expect(new Set(replies.map((reply) => expectDone(reply, 201).id)).size).toBe(1)
    const keyed = await Promise.all(Array.from({ length: 8 }, () => post('/groups', { key: 'keyed' }, 'keyed')))
    expect(new Set(keyed.map((reply) => expectDone(reply, 201).id)).size).toBe(1)
    expect(expectDone(await acme.viewer.get('/groups')).items).toHaveLength(2)
  })

  it('remembers nothing of a request that failed', async () => {
    const device = { key: 'late', product: 'not-yet' }
    expectProblem(await post('/devices', device, 'retry'), 404, 'not-found')
    expectDone(await acme.operator.post('/products', { key: 'not-yet' }), 201)
    expectDone(await post('/devices', device, 'retry'), 201)
  })

  it('holds for uploads, by their bytes', async () => {
    const upload = (content: string, key: string) =>
      acme.operator.call('POST', '/firmware?product=panel&version=1', {
        payload: content,
        headers: { 'content-type': 'application/octet-stream', 'idempotency-key': key },
      })
    const first = expectDone(await upload('bytes', 'upload'), 201)
    const second = await upload('bytes', 'upload')
    expect(expectDone(second, 201)).toEqual(first)
    expect(second.headers['idempotent-replayed']).toBe('true')
    expectProblem(await upload('other bytes', 'upload'), 422, 'idempotency-key-reused')
    expectProblem(await upload('bytes', 'another'), 409, 'conflict')
    const together = await Promise.all(
      Array.from({ length: 4 }, () =>
        acme.operator.call('POST', '/firmware?product=panel&version=2', {
          payload: 'two',
          headers: { 'content-type': 'application/octet-stream', 'idempotency-key': 'together' },
        }),
      ),
    )
    expect(new Set(together.map((reply) => expectDone(reply, 201).id)).size).toBe(1)
  })

  it('is forgotten after a day, and kept sealed until then', async () => {
    const account = await api().core.accounts.findByEmail('operator@acme.example')
    const row = await api().core.deps.storage.read.idempotency.find(account?.serial ?? 0, 'one')
    expect(row?.body).not.toContain('native')
    const before = expectDone(await post('/devices', { credentials: { native: {} } }, 'one'), 201)
    api().server.clock.advance(86_400_001)
    const after = expectDone(await post('/devices', { credentials: { native: {} } }, 'one'), 201)
    expect(after.id).not.toBe(before.id)
  })
})
