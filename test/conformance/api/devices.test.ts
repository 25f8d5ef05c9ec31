import { beforeAll, describe, expect, it } from 'vitest'
import { hashToken } from '../../../src/core/device/secret-hash.ts'
import { expectDone, expectProblem, type Tenant, useApi } from './fixture.ts'
import { factsOf } from './sample.ts'
import { STORAGES } from './storages.ts'

describe.each(STORAGES)('devices on $name', (storage) => {
  const api = useApi(storage, { limits: { labels: 3 } })
  let acme: Tenant
  beforeAll(async () => {
    acme = await api().tenant('acme')
    expectDone(await acme.operator.post('/products', { key: 'panel' }), 201)
    expectDone(await acme.operator.post('/products', { key: 'pump' }), 201)
    expectDone(await acme.operator.post('/groups', { key: 'pilot' }), 201)
  })

  it('are made with credentials of every scheme; what is made up is shown once', async () => {
    const body = {
      key: 'truck-17',
      name: 'Truck 17',
      id: '5e1b57808711f904f5df4bad',
      product: 'panel',
      group: 'pilot',
      tags: { site: 'graz' },
      attributes: { board: 'rev3' },
      credentials: {
        native: {},
        iotaap: { token: 'FSXuSmJRiJ4v' },
        spokeZone: { id: 501, cpuId: 'c-1', uuid: 'u-1' },
        enos: { deviceKey: 'dk1', assetId: 'zzz', secret: 's3cr3t' },
        hawkbit: { controllerId: 'dev-1' },
      },
    }
    const { secrets, ...made } = expectDone(await acme.operator.post('/devices', body), 201)
    expect(secrets).toEqual({
      native: { token: expect.stringMatching(/^[A-Za-z0-9]{40}$/) },
      hawkbit: { targetToken: expect.stringMatching(/^[A-Za-z0-9]{32}$/) },
    })
    expect(made).toMatchObject({
      key: 'truck-17',
      id: body.id,
      number: 501,
      product: { key: 'panel' },
      group: { key: 'pilot' },
      status: 'active',
      tags: { site: 'graz' },
      attributes: { board: 'rev3' },
      aliases: { 'enos/device-key': 'dk1', 'enos/asset-id': 'zzz', 'hawkbit/controller-id': 'dev-1' },
      running: {},
      lastSeenAt: null,
    })
    const shown = await acme.viewer.get('/devices/truck-17')
    expect([shown.json, shown.headers['etag']]).toEqual([made, '"1"'])
    expect(expectDone(await acme.viewer.get(`/devices/${body.id}`))).toEqual(made)

    const { items } = expectDone(await acme.viewer.get('/devices/truck-17/credentials'))
    expect(items.map((one: { scheme: string; isRecoverable: boolean }) => [one.scheme, one.isRecoverable])).toEqual([
      ['native', false],
      ['iotaap', true],
      ['spoke-zone', false],
      ['enos', true],
      ['hawkbit', true],
    ])
    expect(items[2].details).toEqual({ cpuId: 'c-1', uuid: 'u-1' })
    const found = await api().core.gateway.find({
      by: 'token',
      scheme: 'native',
      hash: hashToken(secrets.native.token),
    })
    expect(found?.device.key).toBe('truck-17')
  })

  it('are named by their id, and get the default product, unless told', async () => {
    expectDone(await acme.owner.patch('/organisations/acme', { defaultProduct: 'pump' }))
    const plain = expectDone(await acme.operator.post('/devices', {}), 201)
    expect([plain.key, plain.product.key]).toEqual([plain.id, 'pump'])
    const none = expectDone(await acme.operator.post('/devices', { product: null, status: 'disabled' }), 201)
    expect([none.product, none.status]).toEqual([null, 'disabled'])
  })

  it('are refused when a name is taken or a reference leads nowhere, and nothing of them stays', async () => {
    const bearer = { key: 'bearer', credentials: { native: {} } }
    const made = expectDone(await acme.operator.post('/devices', bearer), 201).secrets.native
    const refuse = (body: object) => acme.operator.post('/devices', { key: 'second', ...body })
    expectProblem(await refuse({ key: 'truck-17' }), 409, 'conflict')
    expectProblem(await refuse({ id: '5e1b57808711f904f5df4bad' }), 409, 'conflict')
    expectProblem(await refuse({ number: 501 }), 409, 'conflict')
    const { token } = made
    expectProblem(await refuse({ credentials: { native: { token } } }), 409, 'conflict')
    expectProblem(await refuse({ credentials: { enos: { assetId: 'zzz' } } }), 409, 'conflict')
    expectProblem(await refuse({ product: 'none' }), 404, 'not-found')
    expectProblem(await refuse({ group: 'none' }), 404, 'not-found')
    expectProblem(await refuse({ tags: { a: '1', b: '2', c: '3', d: '4' } }), 400, 'invalid')
    expectProblem(await acme.viewer.get('/devices/second'), 404, 'not-found')
  })

  it('change by merging, from the revision that If-Match names', async () => {
    const change = {
      name: 'Seventeen',
      product: 'pump',
      group: null,
      status: 'disabled',
      tags: { site: null, line: '4' },
      attributes: { board: 'rev4' },
      aliases: { 'hawkbit/controller-id': null },
    }
    const changed = await acme.operator.patch('/devices/truck-17', change, { 'if-match': '"1"' })
    expect(expectDone(changed)).toMatchObject({
      name: 'Seventeen',
      product: { key: 'pump' },
      group: null,
      status: 'disabled',
      tags: { line: '4' },
      attributes: { board: 'rev4' },
      aliases: { 'enos/device-key': 'dk1', 'enos/asset-id': 'zzz' },
    })
    expect(changed.headers['etag']).toBe('"2"')
    expectProblem(
      await acme.operator.patch('/devices/truck-17', { name: 'x' }, { 'if-match': '"1"' }),
      412,
      'precondition-failed',
    )
    const { items } = expectDone(await acme.viewer.get('/events?type=device.changed'))
    expect(items[0].details.after).toMatchObject({ name: 'Seventeen', status: 'disabled' })
  })

  it('show what they run', async () => {
    const { number } = expectDone(await acme.operator.post('/devices', { key: 'runner', product: 'panel' }), 201)
    await api().core.gateway.checkIn(await factsOf(api(), number), { running: { main: '1.0.0' } })
    await api().core.gateway.checkIn(await factsOf(api(), number), { running: { main: '1.1.0' } })
    await api().core.lastSeen.flush()
    const at = new Date(api().server.clock.now()).toISOString()
    const running = { main: { version: '1.1.0', previousVersion: '1.0.0', reportedAt: at } }
    expect(expectDone(await acme.viewer.get('/devices/runner'))).toMatchObject({ running, lastSeenAt: at })
    const { items } = expectDone(await acme.viewer.get('/devices?search=RUNN'))
    expect(items).toMatchObject([{ key: 'runner', running }])
  })

  it('are filtered and paged without repeating or hiding any', async () => {
    for (let index = 0; index < 7; index += 1)
      expectDone(await acme.operator.post('/devices', { key: `page-${index}`, group: 'pilot', product: 'panel' }), 201)
    const keys: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const path = `/devices?group=pilot&limit=3${cursor && `&cursor=${cursor}`}`
      const page: { items: Array<{ key: string }>; nextCursor: string | null } = expectDone(await acme.viewer.get(path))
      keys.push(...page.items.map((one) => one.key))
      cursor = page.nextCursor
      if (keys.length === 3) expectDone(await acme.operator.call('DELETE', '/devices/page-0'), 204)
    }
    expect(keys).toEqual(['page-0', 'page-1', 'page-2', 'page-3', 'page-4', 'page-5', 'page-6'])
    const { items } = expectDone(await acme.viewer.get('/devices?product=pump&status=disabled'))
    expect(items.map((one: { key: string }) => one.key)).toEqual(['truck-17'])
    expectProblem(await acme.viewer.get('/devices?product=none'), 404, 'not-found')
  })

  it('are found by a filter, page by page and together with other parameters', async () => {
    for (let index = 0; index < 5; index += 1) {
      const tags = { site: index % 2 === 0 ? 'graz' : "l'ín%z", filtered: 'yes' }
      expectDone(await acme.operator.post('/devices', { key: `filter-${index}`, product: 'panel', tags }), 201)
    }
    const { number } = expectDone(await acme.viewer.get('/devices/filter-4'))
    await api().core.gateway.checkIn(await factsOf(api(), number), { running: { main: '1.4.2' } })
    const found = async (filter: string, more = ''): Promise<string[]> => {
      const path = `/devices?filter=${encodeURIComponent(filter)}${more}`
      return expectDone(await acme.viewer.get(path)).items.map(({ key }: { key: string }) => key)
    }
    expect(await found('tag.site = "graz"')).toEqual(['filter-0', 'filter-2', 'filter-4'])
    expect(await found(`tag.site like "'ín%"`)).toEqual(['filter-1', 'filter-3'])
    expect(await found('tag.filtered exists and version != "1.4.2"')).toHaveLength(4)
    expect(await found('tag.filtered exists and version.main in ("1.4.2", "2.0.0")')).toEqual(['filter-4'])
    expect(await found('tag.filtered exists and product = "pump"')).toEqual([])
    expect(await found('tag.filtered exists', '&search=ER-1')).toEqual(['filter-1'])
    const everything = expectDone(await acme.viewer.get('/devices?limit=200')).items.length
    expect(await found('', '&limit=200')).toHaveLength(everything)
    const path = `/devices?filter=${encodeURIComponent('tag.site = "graz"')}&limit=2`
    const { nextCursor } = expectDone(await acme.viewer.get(path))
    expect(expectDone(await acme.viewer.get(`${path}&cursor=${nextCursor}`))).toMatchObject({
      items: [{ key: 'filter-4' }],
      nextCursor: null,
    })
    const exported = await acme.owner.get(`/devices/export?filter=${encodeURIComponent('key = "filter-3"')}`)
    expect(JSON.parse(exported.text)).toMatchObject({ key: 'filter-3' })
  })

  it.each([
    ['tag.site = graz', 'needs a quoted string in place of graz at character 12', 12],
    ['status = "off"', 'needs a status of "active" or "disabled" at character 10', 10],
    ['(key = "a"', 'ends where "and", "or" or ) should be at character 11', 11],
    [`key = "${'x'.repeat(4_100)}"`, 'is longer than 4096 characters at character 4097', 4097],
  ])('are not looked for with a filter that cannot be read: %s', async (filter, detail, position) => {
    for (const path of ['/devices', '/devices/export']) {
      const reply = await acme.owner.get(`${path}?filter=${encodeURIComponent(filter)}`)
      expectProblem(reply, 400, 'invalid')
      expect(reply.json).toMatchObject({
        detail: `filter: ${detail}`,
        errors: [{ in: 'query', pointer: '/filter', detail }],
        facts: { position },
      })
    }
  })

  it('are deleted with everything of theirs', async () => {
    expectDone(await acme.operator.call('DELETE', '/devices/truck-17'), 204)
    expectProblem(await acme.viewer.get('/devices/truck-17'), 404, 'not-found')
    expectProblem(await acme.operator.call('DELETE', '/devices/truck-17'), 404, 'not-found')
    const again = { key: 'truck-17', credentials: { iotaap: { token: 'FSXuSmJRiJ4v' }, enos: { assetId: 'zzz' } } }
    expectDone(await acme.operator.post('/devices', again), 201)
  })
})

describe.each(STORAGES)('credentials on $name', (storage) => {
  const api = useApi(storage)
  let acme: Tenant
  beforeAll(async () => {
    acme = await api().tenant('acme')
    expectDone(await acme.operator.post('/devices', { key: 'd', credentials: { native: {} } }), 201)
  })
  const put = (scheme: string, body: unknown = {}, headers = {}) =>
    acme.operator.call('PUT', `/devices/d/credentials/${scheme}`, { body, headers })
  const list = async () => expectDone(await acme.viewer.get('/devices/d/credentials')).items

  it('rotate with an overlap in which both are good', async () => {
    const made = expectDone(await put('native', { overlapSeconds: 60 }))
    expect(made.secret).toMatch(/^[A-Za-z0-9]{40}$/)
    const until = new Date(api().server.clock.now() + 60_000).toISOString()
    expect((await list()).map((one: { expiresAt: string }) => one.expiresAt)).toEqual([until, null])
    expectDone(await put('native', { token: 'x'.repeat(40), overlapSeconds: 0 }))
    expect(await list()).toHaveLength(1)
    const known = await api().core.gateway.find({ by: 'token', scheme: 'native', hash: hashToken(made.secret) })
    expect(known).toBeUndefined()
  })

  it('of a vendor bring its names along', async () => {
    const enos = expectDone(await put('enos', { deviceKey: 'dk', assetId: 'as', secret: 'given' }))
    expect(enos).toMatchObject({ secret: null, credential: { scheme: 'enos', isRecoverable: true } })
    expectDone(await put('hawkbit', { controllerId: 'c 1' }))
    const { aliases } = expectDone(await acme.viewer.get('/devices/d'))
    expect(aliases).toEqual({ 'enos/device-key': 'dk', 'enos/asset-id': 'as', 'hawkbit/controller-id': 'c 1' })
    const spoke = expectDone(await put('spoke-zone', { cpuId: 'c', uuid: 'u' }))
    expect(spoke).toMatchObject({ secret: null, credential: { details: { cpuId: 'c', uuid: 'u' } } })
    expectProblem(await put('spoke-zone', { cpuId: 'c' }), 400, 'invalid')
    expectProblem(await put('hawkbit', { controllerid: 'c' }), 400, 'invalid')
  })

  it('are read again only by owners, where they are kept readable, and that leaves an event', async () => {
    const read = (scheme: string) => acme.owner.get(`/devices/d/credentials/${scheme}/secret`)
    expect(expectDone(await read('enos'))).toEqual({ secret: 'given' })
    expectProblem(await read('native'), 404, 'not-found')
    expectProblem(await read('iotaap'), 404, 'not-found')
    const { items } = expectDone(await acme.viewer.get('/events?type=credential.revealed'))
    expect(items).toMatchObject([{ actor: { name: 'owner@acme.example' }, details: { scheme: 'enos' } }])
    const { items: all } = expectDone(await acme.viewer.get('/events?limit=200'))
    expect(JSON.stringify(all)).not.toContain('given')
  })

  it('are revoked and taken away', async () => {
    expectDone(await acme.operator.post('/devices/d/credentials/spoke-zone/revoke'), 204)
    const spoke = (await list()).find((one: { scheme: string }) => one.scheme === 'spoke-zone')
    expect(spoke.generation).toBe(2)
    expectDone(await acme.operator.call('DELETE', '/devices/d/credentials/spoke-zone'), 204)
    expectProblem(await acme.operator.call('DELETE', '/devices/d/credentials/spoke-zone'), 404, 'not-found')
    expectProblem(await acme.operator.post('/devices/d/credentials/nothing/revoke'), 404, 'not-found')
  })

  it('may be a signed token, issued by the protocol', async () => {
    const issued = await acme.operator.post('/devices/d/token?protocol=spoke-zone')
    expect(expectDone(issued)).toEqual({ protocol: 'spoke-zone', token: 'token-of-d' })
    expectProblem(await acme.operator.post('/devices/d/token?protocol=constructor'), 422, 'unsupported')
    expectProblem(await acme.operator.post('/devices/d/token'), 400, 'invalid')
    expectProblem(await acme.operator.post('/devices/none/token?protocol=spoke-zone'), 404, 'not-found')
  })
})
