import { beforeAll, describe, expect, it } from 'vitest'
import { API_ROUTES } from '../../../src/api/routes.ts'
import { roleAllows } from '../../../src/core/account/account.ts'
import { type Client, expectDone, expectProblem, type Tenant, useApi } from './fixture.ts'
import { LEAST, makeSample, type Sample, urlOf } from './sample.ts'
import { STORAGES } from './storages.ts'

const ROLES = ['viewer', 'operator', 'owner'] as const
const NAMELESS: Sample = {}

function ask(client: Client, route: (typeof API_ROUTES)[number], sample: Sample, more = '') {
  const { body, query = '' } = LEAST[route.id] ?? {}
  const url = urlOf(route.path, sample) + query
  return client.call(
    route.method,
    url + (more && (query ? `&${more}` : `?${more}`)),
    body === undefined ? {} : { body },
  )
}

describe('the table of routes', () => {
  it('has unique names and addresses, and a sample of every body', () => {
    expect(new Set(API_ROUTES.map((route) => route.id)).size).toBe(API_ROUTES.length)
    expect(new Set(API_ROUTES.map((route) => `${route.method} ${route.path}`)).size).toBe(API_ROUTES.length)
    const withBody = API_ROUTES.filter((route) => route.body).map((route) => route.id)
    expect(withBody.filter((id) => LEAST[id]?.body === undefined)).toEqual([])
  })
})

describe.each(STORAGES)('access on $name', (storage) => {
  const api = useApi(storage)
  let acme: Tenant
  let administrator: Client
  beforeAll(async () => {
    acme = await api().tenant('acme')
    administrator = await api().account('root@example.org', { isAdministrator: true })
  })

  it('needs a token everywhere but for the login', async () => {
    const open = []
    for (const route of API_ROUTES) {
      const reply = await ask(api().client(''), route, NAMELESS)
      if (route.id === 'session.login') expect(reply.json.detail).toMatch(/password is wrong/)
      else if (reply.status !== 401 || reply.json.code !== 'unauthenticated') open.push(route.id)
    }
    expect(open).toEqual([])
  })

  it('gives each role what its routes name, and no more', async () => {
    const wrong = []
    for (const route of API_ROUTES) {
      const { access } = route
      if (access.kind !== 'organisation') continue
      for (const role of ROLES) {
        const reply = await ask(acme[role], route, NAMELESS)
        if (roleAllows(role, access.role) !== (reply.status !== 403)) wrong.push([route.id, role, reply.status])
      }
    }
    expect(wrong).toEqual([])
  })

  it('keeps the server to its administrators', async () => {
    const wrong = []
    for (const route of API_ROUTES.filter((one) => one.access.kind === 'administrator')) {
      const refused = await ask(acme.owner, route, NAMELESS)
      const allowed = await ask(administrator, route, NAMELESS)
      if (refused.status !== 403 || allowed.status === 403) wrong.push([route.id, refused.status, allowed.status])
    }
    expect(wrong).toEqual([])
  })

  it('lets an administrator do everything in every organisation, as far as the token goes', async () => {
    await api().tenant('other')
    expectProblem(await administrator.get('/devices'), 400, 'organisation-required')
    expectDone(await administrator.post('/groups?organisation=acme', { key: 'by-admin' }), 201)
    expectDone(await administrator.get('/access-keys', { 'godwit-organisation': acme.organisation.id }))
    const body = { name: 'look', scope: 'read' }
    const reader = api().client(expectDone(await administrator.post('/tokens', body), 201).token)
    expectDone(await reader.get('/devices?organisation=acme'))
    expectProblem(await reader.post('/groups?organisation=acme', { key: 'no' }), 403, 'forbidden')
    expectProblem(await reader.get('/server'), 403, 'forbidden')
  })

  it('chooses the organisation by header or query, and answers a foreign one as none', async () => {
    const beta = await api().tenant('beta')
    const foreign = await acme.owner.get('/devices', { 'godwit-organisation': 'beta' })
    expectProblem(foreign, 404, 'not-found')
    const none = await acme.owner.get('/devices', { 'godwit-organisation': 'none' })
    expect(foreign.text.replaceAll('beta', 'none')).toBe(none.text)
    expectProblem(await beta.owner.get('/devices?organisation=acme'), 404, 'not-found')
    const clash = await acme.owner.get('/devices?organisation=acme', { 'godwit-organisation': 'beta' })
    expectProblem(clash, 400, 'invalid')
    expectDone(await acme.owner.get(`/devices?organisation=${acme.organisation.id}`))
    const homeless = await api().account('homeless@example.org')
    expectProblem(await homeless.get('/devices'), 403, 'forbidden')
  })
})

describe.each(STORAGES)('isolation on $name', (storage) => {
  const api = useApi(storage)
  let acme: Tenant
  let beta: Tenant
  let sample: Sample
  beforeAll(async () => {
    acme = await api().tenant('acme')
    beta = await api().tenant('beta')
    sample = await makeSample(api(), acme)
  })

  it('shows no row of another organisation, and lets none be changed', async () => {
    const before = await snapshot(acme.owner)
    const leaks = []
    for (const route of API_ROUTES) {
      if (!route.path.includes(':') || route.access.kind === 'administrator') continue
      const reply = await ask(beta.owner, route, sample)
      if (reply.status !== 404 || reply.json?.code !== 'not-found') leaks.push([route.id, reply.status, reply.text])
    }
    expect(leaks).toEqual([])
    expect(await snapshot(acme.owner)).toEqual(before)
  })

  it('answers the owner of the rows on every one of these addresses', async () => {
    const missing = []
    for (const route of API_ROUTES) {
      const isRead = route.method === 'GET' && route.path.includes(':') && route.access.kind !== 'administrator'
      if (!isRead || route.id === 'assignments.show-group') continue
      const reply = await ask(acme.owner, route, sample)
      if (reply.status !== 200) missing.push([route.id, reply.status, reply.text])
    }
    expect(missing).toEqual([])
  })

  it('lists nothing of another organisation', async () => {
    for (const path of [
      'products',
      'groups',
      'devices',
      'firmware',
      'releases',
      'assignments',
      'updates',
      'data-files',
    ]) {
      expect([path, expectDone(await acme.viewer.get(`/${path}`)).items.length]).toEqual([path, 1])
      expect([path, expectDone(await beta.viewer.get(`/${path}`)).items]).toEqual([path, []])
    }
    const { items: keys } = expectDone(await beta.owner.get('/access-keys'))
    const { items: events } = expectDone(await beta.viewer.get('/events'))
    expect(keys).toEqual([])
    expect(JSON.stringify(events)).not.toContain(sample['device'])
    const { items: organisations } = expectDone(await beta.owner.get('/organisations'))
    expect(organisations.map((one: { key: string }) => one.key)).toEqual(['beta'])
  })

  it('takes no reference to a row of another organisation', async () => {
    const { device, group, product, firmware, release } = sample
    expectProblem(await beta.operator.post('/devices', { key: 'x', product }), 404, 'not-found')
    expectProblem(await beta.operator.post('/devices', { key: 'x', group }), 404, 'not-found')
    expectDone(await beta.operator.post('/devices', { key: 'mine' }), 201)
    expectProblem(await beta.operator.patch('/devices/mine', { group }), 404, 'not-found')
    expectProblem(await beta.operator.post('/assignments', { device: 'mine', firmware }), 404, 'not-found')
    expectProblem(await beta.operator.post('/assignments', { device: 'mine', release }), 404, 'not-found')
    expectProblem(await beta.operator.post('/assignments', { device, release }), 404, 'not-found')
    expectDone(await beta.operator.post('/groups', { key: 'ours' }), 201)
    expectProblem(await beta.operator.post('/groups/ours/members', { add: [device] }), 404, 'not-found')
    expectProblem(await beta.operator.get(`/devices?product=${product}`), 404, 'not-found')
    expectProblem(await beta.owner.patch('/organisations/beta', { defaultProduct: product }), 404, 'not-found')
    const line = JSON.stringify({ key: 'y', product })
    const imported = await beta.operator.call('POST', '/devices/import', {
      payload: line,
      headers: { 'content-type': 'application/x-ndjson' },
    })
    expectProblem(imported, 422, 'import-refused')
  })
})

async function snapshot(client: Client): Promise<string[]> {
  const texts = []
  for (const path of [
    'products',
    'groups',
    'devices',
    'firmware',
    'releases',
    'assignments',
    'updates',
    'data-files',
    'access-keys',
    'accounts',
  ])
    texts.push((await client.get(`/${path}`)).text)
  return texts
}
