import { beforeAll, describe, expect, it, vi } from 'vitest'
import { expectDone, expectProblem, useApi } from './fixture.ts'
import { RolloutFleet } from './rollout-fleet.ts'
import { STORAGES } from './storages.ts'

const DAILY = { kind: 'daily', from: '02:00', to: '05:00' } as const

describe.each(STORAGES)('rollouts on $name', (storage) => {
  const api = useApi(storage)
  let fleet: RolloutFleet
  beforeAll(async () => {
    fleet = await RolloutFleet.make(api(), 'acme')
    await fleet.devices(3, { tags: { site: 'graz' }, group: 'pilot' })
  })
  const create = (body: object) => fleet.tenant.operator.post('/rollouts', { product: 'panel', ...body })

  it('are made with defaults as drafts', async () => {
    const made = expectDone(await create({ key: 'plain', version: '1.1.0' }), 201)
    expect(made).toMatchObject({
      key: 'plain',
      name: 'plain',
      kind: 'update',
      product: { key: 'panel' },
      release: { version: '1.1.0' },
      undoes: null,
      state: 'draft',
      priority: 0,
      membership: 'dynamic',
      snapshot: { state: 'none', devices: 0 },
      select: { filter: '', reportingOnly: false },
      stages: [
        {
          percent: 100,
          successThreshold: 95,
          minMatured: 1,
          soakSeconds: 0,
          approvals: 0,
          concurrency: null,
          ratePerMinute: null,
          window: null,
          spreadSeconds: 0,
        },
      ],
      health: { mode: 'sequential', acceptableFailureRate: 0.02, errorBudget: 0.01, confirmSeconds: 3600 },
      options: { timeZone: 'UTC', allowDowngrade: false, retry: { attempts: 3, pauseSeconds: 60, steady: false } },
      stage: 1,
      stageStartedAt: null,
      startedAt: null,
      stop: null,
      createdBy: { kind: 'account', name: 'operator@acme.example' },
      devices: 0,
      progress: {
        words: 'A draft: nothing is granted before it is started.',
        waits: [],
        stages: [{ stage: 1, state: 'ahead', devices: 0, approvals: [] }],
        cohorts: [],
      },
    })
    expect(await fleet.show(made.id)).toEqual(made)
    expect(await fleet.show('plain')).toEqual(made)
    expect(await fleet.why('d0')).toBe('Nothing is assigned to the device or its group.')
  })

  it('take everything that an operator can say, and show it as it may be given back', async () => {
    const body = {
      key: 'full',
      name: 'All of it',
      version: '1.1.0',
      select: {
        filter: 'not version = "0.9"',
        tags: { site: ['graz', 'linz'] },
        groups: ['pilot'],
        devices: ['d0', 'd1'],
        fromVersions: ['1.0.0'],
        reportingOnly: true,
      },
      stages: [
        { count: 2, successThreshold: 99.5, minMatured: 2, soakSeconds: 60, approvals: 2 },
        { groups: ['pilot'], concurrency: 5, ratePerMinute: 7, window: DAILY, spreadSeconds: 9 },
        {
          percent: 50,
          window: { kind: 'absolute', startAt: '2026-11-02T03:00:00+01:00', endAt: '2026-11-03T02:00:00Z' },
        },
        { percent: 100, window: { ...DAILY, days: ['sun', 'mon'], zone: 'device' } },
      ],
      health: { mode: { kind: 'threshold', failures: 3, percent: 5 }, allowance: { initial: 5 }, cohorts: ['board'] },
      options: {
        timeZone: 'Europe/Vienna',
        allowDowngrade: true,
        retry: { attempts: 2 },
        timeOuts: { downloading: 600, installing: null },
        ignorePenalty: true,
      },
      priority: 7,
    }
    const made = expectDone(await create(body), 201)
    expect(made.select).toEqual({
      filter:
        'version != "0.9" and tag.site in ("graz", "linz") and group = "pilot" and key in ("d0", "d1") and version = "1.0.0"',
      reportingOnly: true,
    })
    expect(made.stages).toMatchObject([
      { count: 2, successThreshold: 99.5, minMatured: 2, soakSeconds: 60, approvals: 2, window: null },
      { groups: ['pilot'], concurrency: 5, ratePerMinute: 7, window: { ...DAILY, zone: 'Europe/Vienna' } },
      { percent: 50, window: { kind: 'absolute', startAt: '2026-11-02T02:00:00.000Z', repeatDaily: false } },
      { percent: 100, window: { ...DAILY, days: ['mon', 'sun'], zone: 'device' } },
    ])
    expect(made).toMatchObject({
      name: 'All of it',
      priority: 7,
      health: {
        mode: { kind: 'threshold', failures: 3, percent: 5, minMatured: 10 },
        allowance: { initial: 5, growth: 1.5, brake: 20 },
        cohorts: ['board'],
      },
      options: {
        timeZone: 'Europe/Vienna',
        allowDowngrade: true,
        retry: { attempts: 2, pauseSeconds: 60, steady: false },
        timeOuts: { downloading: 600, installing: null },
        pull: true,
        ignorePenalty: true,
      },
    })
    const { select, stages, health, options } = made
    const again = { key: 'full-again', version: '1.1.0', select, stages, health, options }
    expect(expectDone(await create(again), 201)).toMatchObject({ select, stages, health, options })
  })

  it('name what they ship as assignments do', async () => {
    const { items } = expectDone(await fleet.tenant.viewer.get('/firmware?version=1.2.0'))
    const named = { product: 'panel', version: '2026.1', firmware: { main: '1.2.0' } }
    const release = expectDone(await fleet.tenant.operator.post('/releases', named), 201)
    for (const what of [{ firmware: items[0].id }, { release: release.id }, { release: '2026.1' }])
      expect(expectDone(await create(what), 201).product).toMatchObject({ key: 'panel' })
    const bare = expectDone(await fleet.tenant.operator.post('/rollouts', { release: release.id }), 201)
    expect(bare).toMatchObject({ key: bare.id, release: { id: release.id, version: '2026.1' } })
    expectProblem(await fleet.tenant.operator.call('DELETE', `/releases/${release.id}`), 409, 'in-use')
    const of = async (query: string) => expectDone(await fleet.tenant.viewer.get(`/rollouts?${query}`)).items
    expect((await of(`release=${release.id}`)).length).toBe(3)
    expectProblem(await create({}), 400, 'invalid')
    expectProblem(await create({ version: '1.1.0', release: release.id }), 400, 'invalid')
    expectProblem(await create({ version: '9.9.9' }), 404, 'not-found')
    expectProblem(await create({ product: 'other', version: '1.1.0' }), 404, 'not-found')
    expectDone(await fleet.tenant.operator.post('/products', { key: 'pump' }), 201)
    expectProblem(await create({ product: 'pump', release: release.id }), 400, 'invalid')
  })

  it('point at what is wrong', async () => {
    const wrong: ReadonlyArray<readonly [object, string]> = [
      [{ key: '-' }, '/key'],
      [{ colour: 'red' }, ''],
      [{ select: { filter: 'site = graz' } }, '/select/filter'],
      [{ select: { groups: [] } }, '/select/groups'],
      [{ select: { tags: { site: [] } } }, '/select/tags/site'],
      [{ stages: [] }, '/stages'],
      [{ stages: [{ percent: 0 }] }, '/stages/0/percent'],
      [{ stages: [{ percent: 10 }, { percent: 5 }] }, '/stages/1/percent'],
      [{ stages: [{ percent: 10, count: 5 }] }, '/stages/0'],
      [{ stages: [{ percent: 10, soak: 5 }] }, '/stages/0'],
      [{ stages: [{ percent: 10, approvals: 3 }] }, '/stages/0/approvals'],
      [{ stages: [{ percent: 10, window: { ...DAILY, to: '25:00' } }] }, '/stages/0/window/to'],
      [{ stages: [{ percent: 10, window: { ...DAILY, zone: 'Mars' } }] }, '/stages/0/window/zone'],
      [{ stages: [{ percent: 10, window: { kind: 'lunar' } }] }, '/stages/0/window/kind'],
      [{ health: { errorBudget: 2 } }, '/health/errorBudget'],
      [{ health: { mode: { kind: 'threshold' } } }, '/health/mode'],
      [{ health: { allowance: { growth: -1 } } }, '/health/allowance/growth'],
      [{ options: { timeZone: 'Mars' } }, '/options/timeZone'],
      [{ options: { retry: { attempts: 0 } } }, '/options/retry/attempts'],
      [{ options: { timeOuts: { offered: 0 } } }, '/options/timeOuts/offered'],
      [{ priority: 1001 }, '/priority'],
    ]
    for (const [body, pointer] of wrong) {
      const reply = await create({ version: '1.1.0', ...body })
      expectProblem(reply, 400, 'invalid')
      expect(reply.json.errors[0].pointer, reply.text).toBe(pointer)
    }
    expectProblem(await create({ version: '1.1.0', select: { devices: ['nobody'] } }), 404, 'not-found')
    expectProblem(await create({ version: '1.1.0', stages: [{ groups: ['none'] }] }), 404, 'not-found')
    const taken = await create({ key: 'plain', version: '1.1.0' })
    expectProblem(taken, 409, 'conflict')
    expect(taken.json.errors).toMatchObject([{ pointer: '/key' }])
  })

  it('are listed, newest first, and filtered', async () => {
    const list = async (query = '') => expectDone(await fleet.tenant.viewer.get(`/rollouts?${query}`))
    const { items } = await list('limit=2')
    expect(items).toHaveLength(2)
    const second = await list(`limit=2&cursor=${(await list('limit=2')).nextCursor}`)
    expect(second.items.map((one: { id: string }) => one.id)).not.toContain(items[0].id)
    const keys = async (query: string) => (await list(query)).items.map((one: { key: string }) => one.key)
    expect(await keys('search=FULL')).toEqual(['full-again', 'full'])
    expect(await keys('product=panel&state=draft&search=plain')).toEqual(['plain'])
    expect(await keys('state=running')).toEqual([])
    expect(await keys('kind=undo')).toEqual([])
    expectProblem(await fleet.tenant.viewer.get('/rollouts?state=flying'), 400, 'invalid')
    expectProblem(await fleet.tenant.viewer.get('/rollouts?release=none'), 404, 'not-found')
    expectProblem(await fleet.tenant.viewer.get('/rollouts/none'), 404, 'not-found')
  })

  it('change in name, priority and stages that have not begun, if nobody else changed them', async () => {
    expectDone(await create({ key: 'edit', version: '1.1.0', stages: [{ count: 1 }, { percent: 100 }] }), 201)
    const { operator } = fleet.tenant
    const before = await fleet.show('edit')
    const path = '/rollouts/edit'
    const stages = [{ percent: 10 }, { percent: 100, window: DAILY }]
    const changed = await operator.patch(path, { name: 'New', priority: -5, stages }, { 'if-match': '"1"' })
    expect(expectDone(changed)).toMatchObject({
      name: 'New',
      priority: -5,
      stages: [{ percent: 10 }, { window: { ...DAILY, zone: 'UTC' } }],
    })
    expect(changed.headers['etag']).toBe(`"${before.revision + 1}"`)
    expectProblem(await operator.patch(path, { name: 'X' }, { 'if-match': '"1"' }), 412, 'precondition-failed')
    await fleet.step('start', undefined, 'edit')
    const begun = await fleet.show('edit')
    expectProblem(await operator.patch(path, { stages: [{ percent: 20 }] }), 409, 'wrong-state')
    const longer = [begun.stages[0], { percent: 50 }, { percent: 100 }]
    const extended = expectDone(await operator.patch(path, { stages: longer }))
    expect(extended.progress.stages.map((one: { state: string }) => one.state)).toEqual(['current', 'ahead', 'ahead'])
    expectProblem(await operator.call('DELETE', path), 409, 'wrong-state')
    await fleet.step('stop', undefined, 'edit')
    expectDone(await operator.call('DELETE', path), 204)
    expectProblem(await operator.call('DELETE', path), 404, 'not-found')
  })

  it('are made once for one idempotency key, with their undo', async () => {
    const { operator } = fleet.tenant
    const key = { 'idempotency-key': 'once' }
    const body = { key: 'once', product: 'panel', version: '1.1.0', start: true, select: { devices: ['d2'] } }
    const first = await operator.post('/rollouts', body, key)
    expect(expectDone(first, 201)).toMatchObject({ state: 'running', startedAt: expect.any(String) })
    const again = await operator.post('/rollouts', body, key)
    expect([again.status, again.headers['idempotent-replayed'], again.json]).toEqual([201, 'true', first.json])
    expectProblem(await operator.post('/rollouts', { ...body, key: 'twice' }, key), 422, 'idempotency-key-reused')
    const undo = () => operator.post('/rollouts/once/undo', {}, { 'idempotency-key': 'undo-once' })
    const undone = expectDone(await undo(), 201)
    expect(undone).toMatchObject({ key: 'once-undo', kind: 'undo', undoes: { key: 'once' }, state: 'running' })
    expect((await undo()).json).toEqual(undone)
    expectProblem(await operator.call('DELETE', '/rollouts/once'), 409, 'in-use')
    await fleet.step('finish', undefined, 'once-undo')
  })

  it('may be verifications, on a few devices', async () => {
    const made = expectDone(await create({ version: '1.2.0', kind: 'verification' }), 201)
    expect(made).toMatchObject({ kind: 'verification', stages: [{ count: 5 }] })
    const named = { version: '1.2.0', kind: 'verification', select: { devices: ['d0'] }, stages: [{ count: 1 }] }
    expect(expectDone(await create(named), 201)).toMatchObject({
      select: { filter: 'key = "d0"' },
      stages: [{ count: 1 }],
    })
    const { items } = expectDone(await fleet.tenant.viewer.get('/rollouts?kind=verification'))
    expect(items).toHaveLength(2)
  })

  it('take a snapshot of their devices at once, where these are few', async () => {
    const made = expectDone(await create({ key: 'shot', version: '1.1.0', membership: 'snapshot' }), 201)
    expect(made.snapshot).toEqual({ state: 'taken', devices: 3 })
    const { items } = expectDone(await fleet.tenant.viewer.get('/rollouts/shot/members'))
    expect(items).toMatchObject([{ device: { key: 'd0' }, state: 'waiting', stage: null, update: null }, {}, {}])
  })

  it('read no device to show how far they are', async () => {
    const { rolloutMembers, devices } = api().core.deps.storage.management
    const read = [
      vi.spyOn(rolloutMembers, 'list'),
      vi.spyOn(rolloutMembers, 'count'),
      vi.spyOn(rolloutMembers, 'recount'),
      vi.spyOn(devices, 'list'),
      vi.spyOn(devices, 'count'),
    ]
    await fleet.show('shot')
    expectDone(await fleet.tenant.viewer.get('/rollouts'))
    for (const one of read) expect(one).not.toHaveBeenCalled()
  })
})
