import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Attempt, json, type Reply } from './case.ts'
import { ENOS_CASES } from './cases/enos.ts'
import type { Tenant } from './tenant.ts'
import { World } from './world.ts'

const API = '/api/godwit/v1'

let world: World
let a: Tenant
let b: Tenant
beforeAll(async () => {
  world = await World.open()
})
afterAll(() => world.close())
beforeEach(async () => {
  a = await world.tenant()
  b = await world.tenant()
})

/** A call of the management API in the caller's own organisation. */
function call(who: Tenant, method: string, path: string, body: object = {}): Promise<Reply> {
  const content = json(body)
  const headers = { ...content.headers, authorization: `Bearer ${who.bearer}` }
  return world.send(method, { path: API + path, headers, ...(method !== 'GET' && { body: content.body }) })
}

/** A signed call of `who` about the things of `target`. */
function enos(name: string, who: Tenant, { target = who, org = who }: { target?: Tenant; org?: Tenant } = {}) {
  const attempt: Attempt | undefined = ENOS_CASES[name]?.request(world.parties(who, target, org))
  if (!attempt) throw new Error(`no case ${name}`)
  return world.send(name.startsWith('GET') ? 'GET' : 'POST', attempt)
}

describe("vendors' names, which are unique beyond one organisation", () => {
  it('never hide the key by which another organisation is known', async () => {
    const key = `${a.mark}-bare`
    const made = await world.server.core.organisations.create({ kind: 'system', id: '', name: '' }, { key })
    const taken = await call(b, 'PATCH', `/organisations/${b.organisation.key}`, { aliases: { 'enos/org-id': key } })
    expect(taken.status, taken.text).toBe(409)
    expect(await world.server.core.organisations.findByAlias('enos/org-id', key)).toMatchObject({ id: made.id })
  })

  it('are of one kind: a device cannot stand for an organisation or a product', async () => {
    const key = `${b.mark}-disguised`
    for (const slot of ['enos/org-id', 'enos/product-key', 'hawkbit/tenant']) {
      const device = { key, product: null, number: a.base + 5_000, aliases: { [slot]: `${a.mark}-name` } }
      expect((await call(b, 'POST', '/devices', device)).status, slot).toBe(400)
    }
    const names = { 'enos/asset-id': `${a.mark}-asset` }
    const path = `/organisations/${b.organisation.key}`
    expect((await call(b, 'PATCH', path, { aliases: names })).status).toBe(400)
    expect((await call(b, 'PATCH', `/products/${b.product.key}`, { aliases: names })).status).toBe(400)
  })

  it('may be the same for devices without a product in two organisations', async () => {
    const device = { product: null, aliases: { 'enos/device-key': 'dk1', 'hawkbit/controller-id': 'dev-1' } }
    for (const who of [a, b]) expect((await call(who, 'POST', '/devices', { key: 'one', ...device })).status).toBe(201)
    const twice = await call(a, 'POST', '/devices', { key: 'two', ...device })
    expect(twice.status, 'but not in one').toBe(409)
    const line = JSON.stringify({ key: 'three', ...device })
    const imported = await world.send('POST', {
      path: `${API}/devices/import`,
      headers: { authorization: `Bearer ${b.bearer}`, 'content-type': 'application/x-ndjson' },
      body: line,
    })
    expect(imported.status, imported.text).toBe(422)
  })

  it('do not hide a device that is known by its id', async () => {
    const squatter = { aliases: { 'enos/asset-id': a.devices.plain.id } }
    await call(b, 'PATCH', `/devices/${b.devices.plain.key}`, squatter)
    const reply = await enos('POST /connect-service/v2.5/devices#by-id', a)
    expect(reply.text).toContain('"code":0')
  })

  it('leave a product in its organisation, whatever number another one has', async () => {
    const number = a.organisation.serial
    const product = await call(b, 'POST', '/products', { key: 'p', number, aliases: { 'enos/product-key': 'same' } })
    await call(b, 'POST', '/products', { key: 'same' })
    await call(a, 'POST', '/products', { key: 'same', aliases: { 'enos/product-key': 'same' } })
    expect([201, 409], product.text).toContain(product.status)
    const found = await world.server.core.products.findByAlias(a.organisation.serial, 'enos/product-key', 'same')
    expect(found?.organisation).toBe(a.organisation.serial)
  })
})

describe('numbers, which are unique on the server', () => {
  it.each([
    ['/products', { key: 'huge' }],
    ['/devices', { key: 'huge' }],
  ])('%s: one organisation cannot use up the numbers of all', async (path, body) => {
    for (const number of [Number.MAX_SAFE_INTEGER, 2 ** 53 - 100, 2 ** 52 + 1]) {
      const reply = await call(b, 'POST', path, { ...body, number })
      expect(reply.status, reply.text).toBe(400)
    }
    const own = await call(a, 'POST', path, body)
    expect(own.status, own.text).toBe(201)
  })

  it('says of a taken number no more than that', async () => {
    const reply = await call(b, 'POST', '/devices', { key: 'mine', number: a.devices.plain.serial })
    expect(reply.status).toBe(409)
    expect(reply.text).not.toContain(a.mark)
    expect(reply.text).not.toContain(a.organisation.id)
  })
})

describe('an access key that was granted two organisations', () => {
  beforeEach(async () => {
    await world.server.core.accessKeys.grant(a.scope, a.accessKey.id, {
      organisation: b.organisation.serial,
      permissions: ['read', 'write'],
    })
  })

  it('finds the things of one under its name alone', async () => {
    const get = 'GET /connect-service/v2.1/ota-firmwares'
    expect((await enos(get, a)).text).toContain('"code":0')
    expect((await enos(get, a, { target: b, org: b })).text).toContain('"code":0')
    expect((await enos(get, a, { target: b })).text).toContain('"code":24404')
    expect((await enos(get, a, { org: b })).text).toContain('"code":24404')
    const remove = 'POST /connect-service/v2.1/ota-firmwares#delete'
    expect((await enos(remove, a, { org: b })).text).toContain('"code":24404')
    expect((await enos(remove, a, { target: b })).text).toContain('"code":24404')
    const report = 'POST /connect-service/v2.5/devices#reportFirmwareVersion'
    expect((await enos(report, a, { org: b })).text).toContain('"code":404')
  })

  it('lists the things of the named one alone', async () => {
    const search = 'POST /connect-service/v2.1/ota-firmwares#search'
    const ofB = await enos(search, a, { target: b, org: b })
    expect(ofB.text).toContain(b.firmware.firmware.id)
    expect(ofB.text).not.toContain(a.mark)
  })

  it('keeps its managers: those who were granted to neither see nor change it', async () => {
    expect((await call(b, 'GET', '/access-keys')).text).not.toContain(a.accessKey.key)
    expect((await call(b, 'GET', `/access-keys/${a.accessKey.key}`)).status).toBe(404)
    expect((await call(b, 'PATCH', `/access-keys/${a.accessKey.id}`, { disabled: true })).status).toBe(404)
  })
})
