import { beforeAll, describe, expect, it } from 'vitest'
import { expectDone, expectProblem, type Tenant, useApi } from './fixture.ts'
import { STORAGES } from './storages.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

describe.each(STORAGES.slice(0, 1))('problem documents', (storage) => {
  const api = useApi(storage, { http: { jsonBodyBytes: 2000 } })
  let acme: Tenant
  beforeAll(async () => {
    acme = await api().tenant('acme')
  })

  it('point at each wrong member of a body', async () => {
    const body = {
      key: '-bad',
      name: '',
      tags: { site: 1 },
      colour: 'red',
      credentials: { iotaap: { token: 'short' } },
    }
    const reply = await acme.operator.post('/devices', body)
    expectProblem(reply, 400, 'invalid')
    const pointers = reply.json.errors.map((error: { pointer: string }) => error.pointer)
    expect(pointers.sort()).toEqual(['', '/credentials/iotaap/token', '/key', '/name', '/tags/site'])
    expect(reply.json.errors[0]).toMatchObject({ in: 'body' })
    expect(reply.text).toContain('colour')
  })

  it('say which query parameter is wrong or not known', async () => {
    const reply = await acme.viewer.get('/devices?limit=201&serach=x')
    expectProblem(reply, 400, 'invalid')
    expect(reply.json.errors.map((error: { in: string }) => error.in)).toEqual(['query', 'query'])
    expect(reply.text).toContain('serach')
    expectProblem(await acme.viewer.get('/devices?cursor=bm9uZQ'), 400, 'invalid')
  })

  it('name the member whose name is taken', async () => {
    expectDone(await acme.operator.post('/groups', { key: 'one' }), 201)
    const reply = await acme.operator.post('/groups', { key: 'one' })
    expectProblem(reply, 409, 'conflict')
    expect(reply.json.errors).toMatchObject([{ in: 'body', pointer: '/key' }])
  })

  it('answer what cannot be parsed, is too large or of another type', async () => {
    const send = (payload: string, headers = JSON_TYPE) => acme.operator.call('POST', '/groups', { payload, headers })
    expectProblem(await send('{"key":'), 400, 'invalid')
    expectProblem(await send('{"__proto__":{"a":1}}'), 400, 'invalid')
    expectProblem(await send(''), 400, 'invalid')
    expectProblem(await send(JSON.stringify({ key: 'x'.repeat(3000) })), 413, 'too-large')
    expectProblem(await send('key: a', { 'content-type': 'application/yaml' }), 415, 'unsupported-media-type')
  })

  it('answer unknown paths, other methods and broken addresses', async () => {
    expectProblem(await acme.owner.get('/nothing'), 404, 'not-found')
    expectProblem(await api().client('').get('/api/godwit/v2/devices'), 404, 'not-found')
    const reply = await acme.owner.call('PUT', '/devices')
    expectProblem(reply, 405, 'method-not-allowed')
    expect(reply.headers['allow']).toBe('GET, HEAD, POST')
    expectProblem(await acme.owner.get('/devices/%E0%A4%A'), 400, 'invalid')
  })

  it('hide what went wrong inside', async () => {
    const { core } = api()
    await core.deps.storage.transaction(async (stores) => {
      const row = await stores.firmware.insert({
        id: 'a'.repeat(24),
        createdAt: 0,
        organisation: acme.organisation.serial,
        product: null,
        module: null,
        version: '1',
        sequence: null,
        fromVersions: null,
        scope: 'library',
        sealed: false,
        active: false,
        withdrawn: false,
        name: { default: '1', locales: {} },
        description: null,
        notes: '',
        tags: {},
        verification: { enabled: false, verified: false, maxDevices: 5, minSucceeded: 1 },
        declaredDigest: { method: 'sha256', value: 'b'.repeat(64) },
        fileAlias: 'x.bin',
        warnings: [],
        releasedAt: null,
        signature: null,
      })
      await stores.artifacts.insert({
        id: 'b'.repeat(24),
        createdAt: 0,
        organisation: acme.organisation.serial,
        firmware: row.serial,
        sha256: 'b'.repeat(64),
        sha1: 'c'.repeat(40),
        md5: 'd'.repeat(32),
        size: 5,
        name: 'gone.bin',
        isPrimary: true,
      })
    })
    const reply = await acme.viewer.get(`/firmware/${'a'.repeat(24)}/file`)
    expectProblem(reply, 500, 'blob-missing')
    expect(reply.json.requestId).toMatch(/^req-/)
    expect(reply.json.detail).toBe('The server could not do it; its log says why.')
    expect(reply.text).not.toContain('bbbb')
    expect(api().server.log()).toContain('management API: request failed')
  })
})

describe('the reference', () => {
  const [memory] = STORAGES
  if (!memory) throw new Error('no storage')
  const api = useApi(memory)

  it('is an OpenAPI 3.1 document with the version of the server', async () => {
    const reply = await api().client('').get('/openapi.json')
    const document = expectDone(reply)
    expect(reply.headers['content-type']).toBe('application/json; charset=utf-8')
    expect(document).toMatchObject({ openapi: '3.1.0', info: { version: '1.2.3' } })
    expect(Object.keys(document.paths)).not.toContain('/docs')
    const create = document.paths['/api/godwit/v1/devices'].post
    expect(create.parameters.map((one: { name: string }) => one.name)).toContain('Idempotency-Key')
    expect(create.responses.default.content['application/problem+json'].schema).toEqual({
      $ref: '#/components/schemas/Problem',
    })
  })

  it('is a page without scripts or anything from elsewhere', async () => {
    const reply = await api().client('').get('/docs')
    expect([reply.status, reply.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
    expect(reply.headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-[^']+'/)
    expect(reply.text).not.toMatch(/<script|https?:\/\/|undefined|\[object/)
    expect(reply.text).toContain('id="devices.create"')
    expect(reply.text).toContain('id="problem-organisation-required"')
  })
})
