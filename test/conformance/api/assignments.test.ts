import { beforeAll, describe, expect, it } from 'vitest'
import { type Api, expectDone, expectProblem, type Tenant, useApi } from './fixture.ts'
import { factsOf } from './sample.ts'
import { STORAGES } from './storages.ts'

const BINARY = { 'content-type': 'application/octet-stream' }
const ASK = { via: 'native', reporting: 'progress' } as const

async function fleet(api: Api): Promise<Tenant> {
  const acme = await api.tenant('acme')
  expectDone(await acme.operator.post('/products', { key: 'panel', modules: [{ key: 'app' }, { key: 'can' }] }), 201)
  for (const [module, version] of [
    ['app', '1'],
    ['app', '2'],
    ['can', '1'],
  ]) {
    const query = `product=panel&module=${module}&version=${version}`
    const payload = Buffer.from(`${module} ${version}`)
    expectDone(await acme.operator.call('POST', `/firmware?${query}`, { payload, headers: BINARY }), 201)
  }
  expectDone(await acme.operator.post('/groups', { key: 'pilot' }), 201)
  const credentials = { native: {} }
  expectDone(await acme.operator.post('/devices', { key: 'a', product: 'panel', credentials }), 201)
  expectDone(await acme.operator.post('/devices', { key: 'b', product: 'panel', group: 'pilot', credentials }), 201)
  return acme
}

describe.each(STORAGES)('releases and assignments on $name', (storage) => {
  const api = useApi(storage)
  let acme: Tenant
  let release: { id: string }
  beforeAll(async () => {
    acme = await fleet(api())
  })

  it('put firmware of several modules under one version, and seal it', async () => {
    const body = { product: 'panel', version: '2026.11', firmware: { can: '1', app: '2' } }
    release = expectDone(await acme.operator.post('/releases', body), 201)
    expect(release).toMatchObject({
      product: { key: 'panel' },
      version: '2026.11',
      isSilent: false,
      firmware: [
        { module: 'app', version: '2', withdrawn: false },
        { module: 'can', version: '1', withdrawn: false },
      ],
    })
    expect(expectDone(await acme.viewer.get(`/releases/${release.id}`))).toEqual(release)
    expect(expectDone(await acme.viewer.get('/releases?product=panel')).items).toEqual([release])
    expect(expectDone(await acme.viewer.get('/firmware?version=2')).items[0].sealed).toBe(true)
    expectProblem(await acme.operator.post('/releases', body), 409, 'conflict')
    expectProblem(
      await acme.operator.post('/releases', { ...body, version: 'x', firmware: { can: '9' } }),
      404,
      'not-found',
    )
    expectProblem(
      await acme.operator.post('/releases', { ...body, version: 'x', firmware: { nope: '1' } }),
      404,
      'not-found',
    )
    expectProblem(await acme.operator.post('/releases', { ...body, version: 'x', firmware: {} }), 400, 'invalid')
  })

  it('pin a release, say what they replace, and keep their id', async () => {
    const first = await acme.operator.post('/assignments', { device: 'a', product: 'panel', version: '1' })
    const made = expectDone(first, 201)
    expect(made).toMatchObject({
      outcome: 'created',
      assignment: { device: { key: 'a' }, group: null },
      release: { version: '1', isSilent: true, firmware: [{ module: 'app', version: '1' }] },
      before: null,
      warnings: [],
    })
    expect(first.headers['etag']).toBe(`"${made.assignment.revision}"`)
    const again = expectDone(await acme.operator.post('/assignments', { device: 'a', product: 'panel', version: '1' }))
    expect(again).toMatchObject({ outcome: 'renewed', assignment: { id: made.assignment.id } })
    const { id: firmware } = expectDone(await acme.viewer.get('/firmware?version=2')).items[0]
    for (const what of [{ release: release.id }, { firmware }, { product: 'panel', release: '2026.11' }]) {
      const replaced = expectDone(await acme.operator.post('/assignments', { device: 'a', ...what }))
      expect(replaced).toMatchObject({ outcome: 'replaced', assignment: { id: made.assignment.id } })
    }
    const shown = expectDone(await acme.viewer.get(`/assignments/${made.assignment.id}`))
    expect(shown.release.version).toBe('2026.11')
    expect(expectDone(await acme.viewer.get('/devices/a/assignment'))).toEqual(shown)
    expectProblem(await acme.operator.call('DELETE', `/releases/${release.id}`), 409, 'in-use')
  })

  it('tell with a dry run what would change, and change nothing', async () => {
    const { revision } = expectDone(await acme.viewer.get('/devices/a/assignment'))
    const dry = (body: unknown) => acme.operator.post('/assignments?dryRun=true', body)
    const replaced = expectDone(await dry({ device: 'a', product: 'panel', version: '1' }))
    expect(replaced).toMatchObject({
      outcome: 'replaced',
      release: { version: '1' },
      before: { version: '2026.11' },
      assignment: { release: { version: '2026.11' } },
    })
    const created = expectDone(await dry({ device: 'b', product: 'panel', module: 'can', version: '1' }))
    expect(created).toMatchObject({ outcome: 'created', assignment: null, before: null })
    expect(created.warnings).toEqual([expect.stringContaining('group')])
    expect(expectDone(await acme.viewer.get('/devices/a/assignment')).revision).toBe(revision)
    expectProblem(await acme.viewer.get('/devices/b/assignment'), 404, 'not-found')
    const { items } = expectDone(await acme.viewer.get('/firmware?product=panel&module=can'))
    expect(items[0].sealed).toBe(true)
    const put = await acme.operator.call('PUT', '/groups/pilot/assignment?dryRun=true', {
      body: { release: release.id },
    })
    expect(expectDone(put).outcome).toBe('created')
    expectProblem(await acme.viewer.get('/groups/pilot/assignment'), 404, 'not-found')
  })

  it('of groups are put, listed and taken away', async () => {
    const put = () => acme.operator.call('PUT', '/groups/pilot/assignment', { body: { release: release.id } })
    expect(expectDone(await put(), 201).outcome).toBe('created')
    expect(expectDone(await put()).outcome).toBe('renewed')
    const list = async (query: string) => expectDone(await acme.viewer.get(`/assignments?${query}`)).items
    expect((await list('')).length).toBe(2)
    expect(await list('target=group')).toMatchObject([{ group: { key: 'pilot' }, device: null }])
    expect(await list('device=a')).toMatchObject([{ device: { key: 'a' } }])
    expect((await list(`release=${release.id}`)).length).toBe(2)
    const { id } = expectDone(await acme.viewer.get('/groups/pilot/assignment'))
    expectDone(await acme.operator.call('DELETE', `/assignments/${id}`), 204)
    expectProblem(await acme.operator.call('DELETE', `/assignments/${id}`), 404, 'not-found')
  })

  it('refuse what makes no sense', async () => {
    const assign = (body: unknown) => acme.operator.post('/assignments', body)
    expectProblem(await assign({ product: 'panel', version: '1' }), 400, 'invalid')
    expectProblem(await assign({ device: 'a', group: 'pilot', version: '1', product: 'panel' }), 400, 'invalid')
    expectProblem(await assign({ device: 'a' }), 400, 'invalid')
    expectProblem(await assign({ device: 'a', version: '1' }), 400, 'invalid')
    expectProblem(await assign({ device: 'a', product: 'panel', version: '1', release: 'x' }), 400, 'invalid')
    expectProblem(await assign({ device: 'a', product: 'panel', version: '77' }), 404, 'not-found')
    expectProblem(await assign({ device: 'none', product: 'panel', version: '1' }), 404, 'not-found')
    expectDone(await acme.operator.post('/devices', { key: 'other', product: null }), 201)
    expectDone(await acme.operator.post('/products', { key: 'pump' }), 201)
    expectDone(await acme.operator.patch('/devices/other', { product: 'pump' }))
    expectProblem(await assign({ device: 'other', product: 'panel', version: '1' }), 400, 'invalid')
    const { id } = expectDone(await acme.viewer.get('/firmware?version=1&module=app&product=panel')).items[0]
    expectDone(await acme.operator.patch(`/firmware/${id}`, { withdrawn: true }))
    expectProblem(await assign({ device: 'a', firmware: id }), 403, 'forbidden')
  })

  it('leave an event each, and none for a dry run', async () => {
    const { items } = expectDone(await acme.viewer.get('/events?type=assignment.made'))
    expect(items.length).toBe(7)
  })
})

describe.each(STORAGES)('updates on $name', (storage) => {
  const api = useApi(storage)
  let acme: Tenant
  let device: number
  beforeAll(async () => {
    acme = await fleet(api())
    device = expectDone(await acme.viewer.get('/devices/a')).number
  })
  const explain = async (query = '') => expectDone(await acme.viewer.get(`/devices/a/explain${query}`))

  it('are explained before, while and after they run', async () => {
    expect(await explain()).toMatchObject({
      words: 'Nothing is assigned to the device or its group.',
      decision: { kind: 'none', because: { kind: 'nothing-assigned' }, offer: null },
      facts: { device: { key: 'a' }, credentials: ['native'], openUpdate: null, latestUpdate: null },
    })
    expectDone(await acme.operator.post('/assignments', { device: 'a', product: 'panel', version: '1' }), 201)
    const assigned = await explain()
    expect(assigned.decision).toMatchObject({
      kind: 'update',
      because: { kind: 'assigned', target: 'device' },
      offer: { target: 'device', release: { version: '1' }, files: [{ version: '1', module: 'app' }] },
    })
    await api().core.gateway.grant(await factsOf(api(), device), ASK)
    expect(await explain()).toMatchObject({
      decision: { because: { kind: 'under-way' } },
      facts: { openUpdate: { state: 'offered' } },
    })
    expect((await explain('?via=hawkbit')).decision.because).toMatchObject({ kind: 'busy', via: 'native' })
  })

  it('are listed, filtered and shown', async () => {
    const list = async (query: string) => expectDone(await acme.viewer.get(`/updates?${query}`)).items
    const [update] = await list('')
    expect(update).toMatchObject({
      device: { key: 'a' },
      release: { version: '1' },
      via: 'native',
      state: 'offered',
      isOpen: true,
      attempt: 1,
      steps: [{ module: 'app', from: null, to: '1' }],
      closedAt: null,
    })
    expect(expectDone(await acme.viewer.get(`/updates/${update.id}`))).toEqual(update)
    expect(await list('open=true&device=a')).toEqual([update])
    expect(await list(`release=${update.release.id}&state=offered`)).toEqual([update])
    expect(await list('open=false')).toEqual([])
    expect(await list('device=b')).toEqual([])
    expectProblem(await acme.viewer.get('/updates?open=true&state=failed'), 400, 'invalid')
    expectProblem(await acme.viewer.get('/updates?state=flying'), 400, 'invalid')
  })

  it('are cancelled by operators, once', async () => {
    const [{ id }] = expectDone(await acme.viewer.get('/updates')).items
    const cancelled = expectDone(await acme.operator.post(`/updates/${id}/cancel`))
    expect(cancelled).toMatchObject({ state: 'cancelled', isOpen: false, reason: 'cancelled by an operator' })
    expectProblem(await acme.operator.post(`/updates/${id}/cancel`), 409, 'in-use')
    expectProblem(await acme.operator.post('/updates/none/cancel'), 404, 'not-found')
    const { items } = expectDone(await acme.viewer.get(`/events?subjectId=${id}&order=asc`))
    expect(items.map((one: { type: string }) => one.type)).toEqual([
      'update.opened',
      'update.offered',
      'update.cancelled',
    ])
  })

  it('leave data files, which are listed, read and deleted', async () => {
    const { core } = api()
    const facts = await factsOf(api(), device)
    const { serial } = await core.dataFiles.announce(facts, { type: 'log', moduleKey: 'can' })
    const [empty] = expectDone(await acme.viewer.get('/data-files')).items
    expect(empty).toMatchObject({
      device: { key: 'a' },
      module: 'can',
      type: 'log',
      size: 0,
      sha256: null,
      uploadedAt: null,
    })
    expectProblem(await acme.viewer.get(`/data-files/${empty.id}/content`), 404, 'not-found')
    const source = (async function* () {
      yield Buffer.from('line 1\nline 2\n')
    })()
    await core.dataFiles.store(facts, serial, await core.deps.blobs.stage(source, { maxBytes: 100 }))
    const file = await acme.viewer.get(`/data-files/${empty.id}/content`)
    expect([file.status, file.text]).toEqual([200, 'line 1\nline 2\n'])
    expect(file.headers['content-disposition']).toContain(`log-${empty.id}`)
    expect(expectDone(await acme.viewer.get('/data-files?device=a&type=log')).items).toHaveLength(1)
    expect(expectDone(await acme.viewer.get('/data-files?type=trace')).items).toEqual([])
    expectDone(await acme.operator.call('DELETE', `/data-files/${empty.id}`), 204)
    expectProblem(await acme.viewer.get(`/data-files/${empty.id}`), 404, 'not-found')
  })
})
