import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { RawClient } from '../../support/raw-client.ts'
import { BASE, type Client, expectDone, expectProblem, type Tenant, useApi } from './fixture.ts'
import { STORAGES } from './storages.ts'

const BINARY = { 'content-type': 'application/octet-stream' }
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** Bytes that look like nothing else. */
function image(size: number, seed: number): Buffer {
  const bytes = Buffer.alloc(size)
  for (let index = 0; index < size; index += 1) bytes[index] = (index * 31 + seed * 7 + (index >> 8)) & 0xff
  return bytes
}

function form(parts: ReadonlyArray<{ name: string; content: Uint8Array | string; fileName?: string }>) {
  const boundary = '----godwit-test'
  const pieces = parts.flatMap(({ name, content, fileName }) => [
    Buffer.from(
      `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${fileName ? `; filename="${fileName}"` : ''}\r\n\r\n`,
    ),
    Buffer.from(content),
    Buffer.from('\r\n'),
  ])
  return {
    payload: Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]),
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  }
}

describe.each(STORAGES)('firmware on $name', (storage) => {
  const api = useApi(storage, { listen: true, limits: { firmwareBytes: 4_000_000 } })
  let acme: Tenant
  beforeAll(async () => {
    acme = await api().tenant('acme')
    const modules = [{ key: 'app' }, { key: 'can' }]
    expectDone(await acme.operator.post('/products', { key: 'panel', modules }), 201)
    expectDone(await acme.operator.post('/products', { key: 'pump' }), 201)
  })
  const upload = (query: string, bytes: Uint8Array, client: Client = acme.operator, headers = {}) =>
    client.call('POST', `/firmware?${query}`, { payload: Buffer.from(bytes), headers: { ...BINARY, ...headers } })

  it('is uploaded as a raw body with everything about it in the query', async () => {
    const bytes = image(3_000_000, 1)
    const tags = encodeURIComponent(JSON.stringify({ channel: 'stable' }))
    const query = `product=panel&module=can&version=1.2.3&fileName=can.hex&active=true&number=900&notes=Fixes&tags=${tags}&sha256=${sha256(bytes).toUpperCase()}`
    const reply = await upload(query, bytes)
    const made = expectDone(reply, 201)
    expect(reply.headers['etag']).toBe('"1"')
    expect(made).toMatchObject({
      product: { key: 'panel' },
      module: { key: 'can' },
      version: '1.2.3',
      number: 900,
      name: 'can 1.2.3',
      active: true,
      withdrawn: false,
      sealed: false,
      scope: 'library',
      notes: 'Fixes',
      tags: { channel: 'stable' },
      file: {
        name: 'can.hex',
        size: 3_000_000,
        sha256: sha256(bytes),
        sha1: createHash('sha1').update(bytes).digest('hex'),
        md5: createHash('md5').update(bytes).digest('hex'),
      },
    })
    expect(expectDone(await acme.viewer.get(`/firmware/${made.id}`))).toEqual(made)
    const file = await acme.viewer.get(`/firmware/${made.id}/file`)
    expect([file.status, sha256(file.bytes)]).toEqual([200, sha256(bytes)])
    expect(file.headers).toMatchObject({
      etag: `"${sha256(bytes)}"`,
      'content-length': '3000000',
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="can.hex"; filename*=UTF-8''can.hex`,
      'accept-ranges': 'bytes',
    })
  })

  it('is uploaded as a form with parts in any order; its fields win over the query', async () => {
    const bytes = image(100_000, 2)
    const parts = [
      { name: 'version', content: '2.0.0' },
      { name: 'file', content: bytes, fileName: 'Größe 2.bin' },
      { name: 'product', content: 'panel' },
      { name: 'active', content: 'false' },
      { name: 'tags', content: '{"a":"b"}' },
    ]
    const made = expectDone(await acme.operator.call('POST', '/firmware?active=true&module=app', form(parts)), 201)
    expect(made).toMatchObject({
      module: { key: 'app' },
      version: '2.0.0',
      active: false,
      tags: { a: 'b' },
      file: { sha256: sha256(bytes), size: 100_000, name: 'Größe 2.bin' },
    })
    const { headers } = await acme.viewer.get(`/firmware/${made.id}/file`)
    expect(headers['content-disposition']).toBe(
      `attachment; filename="Gr__e 2.bin"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%202.bin`,
    )
  })

  it('is refused with nothing stored when something is wrong with it', async () => {
    const before = expectDone(await acme.viewer.get('/firmware')).items.length
    const bytes = image(1000, 3)
    expectProblem(await upload('product=panel&version=2.0.0', bytes), 409, 'conflict')
    expectProblem(await upload('product=panel&version=3', Buffer.alloc(0)), 400, 'invalid')
    expectProblem(await upload('product=panel', bytes), 400, 'missing')
    expectProblem(await upload('version=3', bytes), 400, 'missing')
    expectProblem(await upload('product=none&version=3', bytes), 404, 'not-found')
    expectProblem(await upload('product=panel&module=none&version=3', bytes), 404, 'not-found')
    expectProblem(await upload('product=panel&version=a%20b', bytes), 400, 'invalid')
    expectProblem(await upload('product=panel&version=3&tags=nonsense', bytes), 400, 'invalid')
    const digest = await upload(`product=panel&version=3&sha256=${'0'.repeat(64)}`, bytes)
    expectProblem(digest, 400, 'invalid')
    expect(digest.json.errors).toMatchObject([{ pointer: '/sha256' }])
    expectProblem(await upload('product=panel&version=3', image(4_000_001, 3)), 413, 'too-large')
    const field = form([
      { name: 'file', content: bytes, fileName: 'x' },
      { name: 'version', content: '3' },
      { name: 'colour', content: 'red' },
    ])
    expectProblem(await acme.operator.call('POST', '/firmware?product=panel', field), 400, 'invalid')
    const noFile = form([{ name: 'version', content: '3' }])
    expectProblem(await acme.operator.call('POST', '/firmware?product=panel', noFile), 400, 'missing')
    const cut = { ...field, payload: field.payload.subarray(0, 300) }
    expectProblem(await acme.operator.call('POST', '/firmware?product=panel&version=3', cut), 400, 'invalid')
    expect(expectDone(await acme.viewer.get('/firmware')).items).toHaveLength(before)
  })

  it('is refused for who may not upload before its bytes are taken', async () => {
    const client = await RawClient.connect(Number(new URL(api().server.url).port))
    const token = `Authorization: Bearer ${acme.viewer.token}`
    client.send([`POST ${BASE}/firmware?product=panel&version=9 HTTP/1.1`, 'Host: x', token, 'Content-Length: 3000000'])
    const answer = await client.answer()
    expect([answer.status, JSON.parse(answer.body.toString()).code]).toEqual([403, 'forbidden'])
    client.socket.destroy()
  })

  it('is downloaded in ranges and conditionally', async () => {
    const bytes = image(1000, 2_000)
    const { id } = expectDone(await upload('product=pump&version=1', bytes), 201)
    const path = `/firmware/${id}/file`
    const part = await acme.viewer.get(path, { range: 'bytes=10-19' })
    expect([part.status, part.headers['content-range']]).toEqual([206, 'bytes 10-19/1000'])
    expect(part.bytes.equals(bytes.subarray(10, 20))).toBe(true)
    const etag = `"${sha256(bytes)}"`
    expect((await acme.viewer.get(path, { 'if-none-match': etag })).status).toBe(304)
    expectProblem(await acme.viewer.get(path, { 'if-match': '"other"' }), 412, 'precondition-failed')
    expectProblem(await acme.viewer.get(path, { range: 'bytes=5000-' }), 416, 'range-not-satisfiable')
    const head = await acme.viewer.call('HEAD', path)
    expect([head.status, head.headers['content-length'], head.bytes.length]).toEqual([200, '1000', 0])
  })

  it('has a place among versions: given at upload, changed even when sealed, taken away', async () => {
    const plain = expectDone(await acme.viewer.get('/firmware?version=1.2.3')).items[0]
    expect([plain.sequence, plain.fromVersions]).toEqual([null, null])
    const place = { sequence: 20, fromVersions: 'rev-a || >=1.0.0' }
    const range = encodeURIComponent(place.fromVersions)
    const made = expectDone(
      await upload(`product=pump&version=rev-b&sequence=20&fromVersions=${range}`, image(10, 9)),
      201,
    )
    expect(made).toMatchObject(place)
    const parts = [
      { name: 'file', content: image(10, 10), fileName: 'c.bin' },
      { name: 'version', content: 'rev-c' },
      { name: 'sequence', content: '0' },
      { name: 'fromVersions', content: 'rev-b' },
    ]
    const byForm = await acme.operator.call('POST', '/firmware?product=pump', form(parts))
    expect(expectDone(byForm, 201)).toMatchObject({ sequence: 0, fromVersions: 'rev-b' })

    expectDone(
      await acme.operator.post('/releases', { product: 'pump', version: 'r1', firmware: { main: 'rev-b' } }),
      201,
    )
    const changed = expectDone(await acme.operator.patch(`/firmware/${made.id}`, { sequence: 21, fromVersions: '^1' }))
    expect(changed).toMatchObject({ sealed: true, sequence: 21, fromVersions: '^1' })
    const cleared = await acme.operator.patch(`/firmware/${made.id}`, { sequence: null, fromVersions: null })
    expect(expectDone(cleared)).toMatchObject({ sequence: null, fromVersions: null })

    for (const [query, field] of [
      ['sequence=-1', 'sequence'],
      ['sequence=', 'sequence'],
      ['sequence=1.5', 'sequence'],
      ['sequence=9007199254740992', 'sequence'],
      ['fromVersions=', 'fromVersions'],
      ['fromVersions=%3E%3D1.0%2C%3C2', 'fromVersions'],
    ]) {
      const refused = await upload(`product=pump&version=rev-d&${query}`, image(10, 11))
      expectProblem(refused, 400, 'invalid')
      expect(refused.json.errors).toMatchObject([{ pointer: `/${field}` }])
    }
    for (const body of [{ sequence: -1 }, { sequence: '20' }, { fromVersions: '' }, { fromVersions: '1.0 ||' }])
      expectProblem(await acme.operator.patch(`/firmware/${made.id}`, body), 400, 'invalid')

    const { items: releases } = expectDone(await acme.viewer.get('/releases?product=pump'))
    expectDone(await acme.operator.call('DELETE', `/releases/${releases[0].id}`), 204)
    for (const version of ['rev-b', 'rev-c']) {
      const [{ id }] = expectDone(await acme.viewer.get(`/firmware?version=${version}`)).items
      expectDone(await acme.operator.call('DELETE', `/firmware/${id}`), 204)
    }
  })

  it('changes its flags and words, but never its version', async () => {
    const [{ id }] = expectDone(await acme.viewer.get('/firmware?version=2.0.0')).items
    const change = {
      active: true,
      notes: 'Better',
      name: 'Two',
      description: 'Second',
      tags: { a: null, c: 'd' },
      releasedAt: '2026-02-01T10:00:00+01:00',
    }
    const changed = await acme.operator.patch(`/firmware/${id}`, change, { 'if-match': '"1"' })
    expect(expectDone(changed)).toMatchObject({ ...change, tags: { c: 'd' }, releasedAt: '2026-02-01T09:00:00.000Z' })
    expectProblem(
      await acme.operator.patch(`/firmware/${id}`, { active: false }, { 'if-match': '"1"' }),
      412,
      'precondition-failed',
    )
    expectProblem(await acme.operator.patch(`/firmware/${id}`, { version: '3' }), 400, 'invalid')
    expect(expectDone(await acme.operator.patch(`/firmware/${id}`, { withdrawn: true })).withdrawn).toBe(true)
    const { items } = expectDone(await acme.viewer.get('/events?type=firmware.withdrawn'))
    expect(items).toMatchObject([{ subject: { kind: 'firmware', id } }])
  })

  it('is listed with filters, newest first', async () => {
    const versions = async (query: string) =>
      expectDone(await acme.viewer.get(`/firmware?${query}`)).items.map((one: { version: string }) => one.version)
    expect(await versions('')).toEqual(['1', '2.0.0', '1.2.3'])
    expect(await versions('order=asc&limit=1')).toEqual(['1.2.3'])
    expect(await versions('product=panel&module=can')).toEqual(['1.2.3'])
    expect(await versions('withdrawn=true')).toEqual(['2.0.0'])
    expect(await versions('active=false')).toEqual(['1'])
    expect(await versions('search=fIX')).toEqual(['1.2.3'])
    expectProblem(await acme.viewer.get('/firmware?module=can'), 400, 'missing')
    expectProblem(await acme.viewer.get('/firmware?active=yes'), 400, 'invalid')
  })

  it('is named by its version too, where an id is not at hand', async () => {
    const name = async (reference: string) =>
      (await acme.viewer.get(`/firmware/${encodeURIComponent(reference)}`)) as Parameters<typeof expectDone>[0]
    expect(expectDone(await name('panel/can@1.2.3')).version).toBe('1.2.3')
    expectProblem(await name('panel/can@9.9.9'), 404, 'not-found')
    expectProblem(await name('panel/nope@1.2.3'), 404, 'not-found')
    expectProblem(await name('panel@'), 404, 'not-found')
  })

  it('is deleted unless something refers to it', async () => {
    const [{ id }] = expectDone(await acme.viewer.get('/firmware?version=2.0.0')).items
    const { id: used } = expectDone(await upload('product=pump&version=2', image(10, 4)), 201)
    expectDone(await acme.operator.post('/devices', { key: 'd', product: 'pump' }), 201)
    expectDone(await acme.operator.post('/assignments', { device: 'd', firmware: used }), 201)
    expectProblem(await acme.operator.call('DELETE', `/firmware/${used}`), 409, 'in-use')
    expectDone(await acme.operator.call('DELETE', `/firmware/${id}`), 204)
    expectProblem(await acme.viewer.get(`/firmware/${id}`), 404, 'not-found')
    expectProblem(await acme.viewer.get('/firmware/nonsense'), 404, 'not-found')
  })

  it('that is private stays out of lists, and its file is for operators', async () => {
    const { core } = api()
    const device = await core.devices.get(acme.organisation.serial, 'd')
    const staged = await core.deps.blobs.stage(
      (async function* () {
        yield Buffer.from('token inside')
      })(),
      { maxBytes: 100 },
    )
    const target = { device: device.serial }
    await core.deploys.deploy(acme.scope, { target, version: 'p1', fileName: 'p.bin' }, staged)
    const { release } = expectDone(await acme.viewer.get('/devices/d/assignment'))
    const [{ id }] = release.firmware
    expect(expectDone(await acme.viewer.get('/firmware')).items.map((one: { id: string }) => one.id)).not.toContain(id)
    expect(expectDone(await acme.viewer.get(`/firmware/${id}`)).scope).toBe('private')
    expectProblem(await acme.viewer.get(`/firmware/${id}/file`), 403, 'forbidden')
    expect((await acme.operator.get(`/firmware/${id}/file`)).text).toBe('token inside')
  })
})
