import { beforeEach, describe, expect, it } from 'vitest'
import { expectDone, expectProblem, useApi } from './fixture.ts'
import { RolloutFleet } from './rollout-fleet.ts'
import { STORAGES } from './storages.ts'

describe.each(STORAGES)('running rollouts on $name', (storage) => {
  const api = useApi(storage)
  let fleet: RolloutFleet
  let tenants = 0
  beforeEach(async () => {
    tenants += 1
    fleet = await RolloutFleet.make(api(), `t${tenants}`)
  })
  const refused = async (step: string, code: string, body?: object) => {
    const reply = await fleet.tenant.operator.post(`/rollouts/spring/${step}`, body)
    expectProblem(reply, code === 'invalid' ? 400 : 409, code)
    return reply.json
  }

  it('go from start to finish, and say at each step where they are', async () => {
    const keys = await fleet.devices(4)
    await fleet.start({ start: false, stages: [{ count: 2, soakSeconds: 600 }, { percent: 100 }] })
    expect(await refused('pause', 'wrong-state')).toMatchObject({ facts: { state: 'draft' } })
    for (const step of ['resume', 'stop', 'finish', 'approve', 'advance', 'undo']) await refused(step, 'wrong-state')
    const began = api().server.clock.now()
    const at = (seconds: number) => new Date(began + seconds * 1000).toISOString()
    const started = await fleet.step('start')
    expect(started).toMatchObject({ state: 'running', progress: { gate: { verdict: 'go', allowance: 10 } } })
    await refused('start', 'wrong-state')
    expect(await fleet.grant(...keys)).toEqual(['d0', 'd1'])
    const full = await fleet.show()
    expect(full).toMatchObject({ devices: 2, outcomes: { open: 2, succeeded: 0 } })
    expect(full.progress).toMatchObject({
      words: 'Running, stage 1 of 2: 2 under way.',
      devices: 2,
      slots: 2,
      waits: [
        { kind: 'full', words: 'Stage 1 has its 2 devices.', until: null },
        { kind: 'soak', until: at(600) },
      ],
      gate: { verdict: 'go', words: '2 devices hold the release without a verdict; 10 may at once.', holding: 2 },
    })
    await fleet.runs('d0')
    await fleet.runs('d1')
    await fleet.after(600)
    expect((await fleet.show()).progress.waits).toMatchObject([
      { kind: 'full' },
      { kind: 'evidence', words: 'Stage 2 of 2 begins when 1 device of stage 1 has matured; 0 have.' },
    ])
    await fleet.after(3000)
    const second = await fleet.show()
    expect(second).toMatchObject({ stage: 2, stageStartedAt: at(3600) })
    expect(second.progress.stages).toMatchObject([
      { stage: 1, state: 'passed', devices: 2, slots: 0, matured: 2, failed: 0, outcomes: { succeeded: 2 } },
      { stage: 2, state: 'current', devices: 0, matured: 0 },
    ])
    await refused('advance', 'wrong-state')
    expect((await fleet.step('pause')).progress.words).toBe(
      'Paused at stage 2 of 2: 2 succeeded. What is under way goes on.',
    )
    expect(await fleet.grant(...keys)).toEqual([])
    expect(await fleet.step('resume')).toMatchObject({ state: 'running', run: 0 })
    expect(await fleet.grant(...keys)).toEqual(['d2', 'd3'])
    const finished = await fleet.step('finish')
    expect(finished).toMatchObject({ state: 'finished', endedAt: expect.any(String) })
    expect(finished.progress.words).toBe('Finished: 2 succeeded, 2 under way.')
    await refused('resume', 'wrong-state')
  })

  it('wait for two different people where they are told to', async () => {
    await fleet.devices(1)
    const { operator, owner, viewer } = fleet.tenant
    const waiting = await fleet.start({ stages: [{ percent: 50, approvals: 2 }, { percent: 100 }] })
    expect(waiting).toMatchObject({ state: 'running', stageStartedAt: null })
    expect(waiting.progress).toMatchObject({
      words: 'Running, stage 1 of 2: nothing granted yet. Stage 1 of 2 waits for the approval of two people.',
      waits: [{ kind: 'approval' }],
    })
    expectProblem(await viewer.post('/rollouts/spring/approve'), 403, 'forbidden')
    const first = await fleet.step('approve')
    expect(first.progress.waits[0].words).toBe('Stage 1 of 2 waits for the approval of two people; 1 has approved.')
    await refused('approve', 'conflict')
    await fleet.after(1)
    const second = expectDone(await owner.post('/rollouts/spring/approve'))
    expect(second.stageStartedAt).not.toBeNull()
    expect(second.progress.stages[0]).toMatchObject({
      state: 'current',
      approvals: [{ name: `operator@t${tenants}.example` }, { name: `owner@t${tenants}.example` }],
    })
    await refused('approve', 'wrong-state')
    expect(await fleet.step('advance')).toMatchObject({ stage: 2 })
    expectDone(await operator.post('/rollouts/spring/pause'))
  })

  it('are stopped by the gate, with its evidence, and resumed by people', async () => {
    const keys = await fleet.devices(12)
    await fleet.start()
    const granted = await fleet.grant(...keys)
    expect(granted).toHaveLength(10)
    expect((await fleet.show()).progress.gate).toMatchObject({
      verdict: 'hold',
      words: '10 devices hold the release without a verdict; 10 may at once until more have matured.',
      evidence: { kind: 'sequential', view: 'settled', observed: { devices: 0, failed: 0 } },
    })
    await fleet.fail(...granted.slice(0, 4))
    const stopped = await fleet.show()
    expect(stopped).toMatchObject({
      state: 'stopped',
      stop: { by: 'gate', evidence: { kind: 'sequential', acceptableFailureRate: 0.02 } },
      progress: { gate: { verdict: 'stop' } },
    })
    expect(stopped.stop.words).toMatch(/^\d of 10 devices that hold the release failed already \(\d+\.0 %\)/)
    expect(stopped.stop.evidence.logEvidence).toBeGreaterThan(stopped.stop.evidence.logLimit)
    expect(stopped.progress.words).toMatch(/^Stopped by its health gate at stage 1 of 1\. \d of 10 devices/)
    expect(await fleet.why('d11')).toMatch(/^Rollout spring is stopped: /)
    const resumed = await fleet.step('resume')
    expect(resumed).toMatchObject({ state: 'running', run: 1, stop: null })
    expect(resumed.progress.gate).toMatchObject({ verdict: 'go', holding: 0 })
  })

  it('are stopped by people, who say why, and cancel what is under way', async () => {
    const keys = await fleet.devices(2)
    await fleet.start()
    await fleet.grant(...keys)
    const stopped = await fleet.step('stop', { reason: 'wrong file' })
    expect(stopped).toMatchObject({
      state: 'stopped',
      cancelling: false,
      stop: { by: 'operator', words: 'wrong file', evidence: null },
      progress: { words: 'Stopped by an operator at stage 1 of 1: wrong file. So far: 2 under way.' },
    })
    await refused('stop', 'wrong-state')
    expect(await fleet.step('stop', { cancel: true })).toMatchObject({ cancelling: true })
    await refused('stop', 'invalid', { cancel: 'yes' })
    await refused('stop', 'invalid', { because: 'x' })
  })

  it('exclude a cohort by themselves, and take it in again when told', async () => {
    const good = await fleet.devices(4, { attributes: { hardwareRevision: 'B' } }, 'b')
    const bad = await fleet.devices(6, { attributes: { hardwareRevision: 'C' } }, 'c')
    await fleet.start({ health: { errorBudget: 0.2, cohorts: ['hardwareRevision'], acceptableFailureRate: 0.3 } })
    await fleet.grant(...good, ...bad)
    for (const key of good) await fleet.runs(key)
    await fleet.fail(...bad)
    const { progress, state } = await fleet.show()
    expect(state).toBe('running')
    expect(progress.cohorts).toMatchObject([
      { family: 'hardwareRevision', value: 'B', isExcluded: false, granted: 4, failed: 0 },
      { value: 'C', isExcluded: true, granted: 6, matured: 6, failed: 6 },
    ])
    expect(progress.cohorts[1].words).toMatch(
      /^hardwareRevision C is excluded\. Devices with hardwareRevision C: 6 of 6/,
    )
    await refused('resume', 'wrong-state')
    await refused('resume', 'invalid', { cohorts: ['hardwareRevision=B'] })
    const resumed = await fleet.step('resume', { cohorts: ['hardwareRevision=C'] })
    expect(resumed.progress.cohorts[1]).toMatchObject({ isExcluded: false, granted: 0, failed: 0 })
  })

  it('ask before they go on with devices that cannot be verified', async () => {
    const keys = await fleet.devices(12)
    await fleet.start()
    const silent = { via: 'spoke-zone', reporting: 'silent', isVerifiable: false } as const
    let granted = 0
    for (const key of keys) if (await api().core.gateway.grant(await fleet.facts(key), silent)) granted += 1
    expect(granted).toBe(10)
    expect((await fleet.show()).progress.gate).toMatchObject({
      verdict: 'approval',
      unverifiable: 10,
      unverifiableLimit: 10,
      words: expect.stringContaining('going on needs approval'),
    })
    const approved = await fleet.step('approve', { unverifiable: true })
    expect(approved).toMatchObject({ unverifiableApproved: true, progress: { gate: { unverifiableLimit: null } } })
    await refused('approve', 'wrong-state', { unverifiable: true })
  })

  it('return what they updated', async () => {
    await fleet.devices(2)
    await fleet.start()
    await fleet.grant('d0', 'd1')
    await fleet.runs('d0')
    const undo = expectDone(
      await fleet.tenant.operator.post('/rollouts/spring/undo', {
        key: 'back',
        allowDowngrade: true,
        stages: [{ count: 1 }, { percent: 100 }],
        health: { mode: 'off' },
      }),
      201,
    )
    expect(undo).toMatchObject({ key: 'back', kind: 'undo', stages: [{ count: 1 }, {}], health: { mode: 'off' } })
    expect(undo.progress.gate).toMatchObject({ verdict: 'off', allowance: null, evidence: null })
    expect(await fleet.show()).toMatchObject({ state: 'stopped', stop: { words: 'it is being taken back' } })
    expect(await fleet.why('d0')).toBe('It will be offered 1.0.0 by rollout back, stage 1 of 2.')
    expectProblem(await fleet.tenant.operator.post('/rollouts/back/undo'), 409, 'wrong-state')
  })

  it('show their devices, and what became of each', async () => {
    const keys = await fleet.devices(5)
    await fleet.start({ health: { mode: 'off' }, options: { retry: { attempts: 1 } } })
    await fleet.grant(...keys.slice(0, 3))
    await fleet.runs('d0')
    await fleet.fail('d1')
    const members = async (query = '') =>
      expectDone(await fleet.tenant.viewer.get(`/rollouts/spring/members?${query}`)).items
    expect(await members()).toMatchObject([
      { device: { key: 'd0' }, state: 'succeeded', stage: 1, attempts: 1, update: { state: 'succeeded' } },
      { device: { key: 'd1' }, state: 'failed', hasFailed: true, update: { state: 'failed', reason: 'flash full' } },
      { device: { key: 'd2' }, state: 'open', isVerifiable: true, grantedAt: expect.any(String) },
    ])
    const page = expectDone(await fleet.tenant.viewer.get('/rollouts/spring/members?limit=2'))
    expect((await members(`limit=2&cursor=${page.nextCursor}`)).length).toBe(1)
    expect(await members('state=failed')).toMatchObject([{ device: { key: 'd1' } }])
    expect(await members('stage=2')).toEqual([])
    expectDone(await fleet.tenant.operator.post('/rollouts/spring/exclude', { devices: ['d4'], reason: 'lab' }), 204)
    expect(await members('excluded=true')).toMatchObject([
      { device: { key: 'd4' }, state: 'waiting', excluded: { reason: 'lab' } },
    ])
    expect((await members('excluded=false')).length).toBe(3)
    expect(await fleet.why('d4')).toBe('It was taken out of rollout spring: lab.')
    expectProblem(await fleet.tenant.viewer.get('/rollouts/spring/members?state=flying'), 400, 'invalid')
    expectProblem(await fleet.tenant.viewer.get('/rollouts/none/members'), 404, 'not-found')
  })

  it('try devices again: all that failed, or the named ones', async () => {
    const keys = await fleet.devices(4)
    const { operator } = fleet.tenant
    await fleet.start({ health: { mode: 'off' }, options: { retry: { attempts: 1 } } })
    await fleet.grant(...keys)
    await fleet.fail('d0', 'd1')
    expect(await fleet.why('d0')).toMatch(/^It failed once \(flash full\); rollout spring tries no more/)
    expect(await fleet.step('retry')).toEqual({ devices: 2 })
    expect(await fleet.step('retry')).toEqual({ devices: 0 })
    expect(await fleet.grant('d0', 'd1')).toEqual(['d0', 'd1'])
    await fleet.fail('d0')
    const both = await operator.post('/rollouts/spring/retry', { devices: ['d0', 'd2'] })
    expectProblem(both, 409, 'wrong-state')
    expect((await fleet.show()).outcomes).toMatchObject({ failed: 1, open: 3 })
    expect(await fleet.step('retry', { devices: ['d0'] })).toEqual({ devices: 1 })
    expectDone(await operator.post('/rollouts/spring/exclude', { devices: ['d3'] }), 204)
    expect((await fleet.show()).outcomes).toMatchObject({ cancelled: 1 })
    expect(await fleet.step('retry', { devices: ['d3'] })).toEqual({ devices: 1 })
    expectProblem(await operator.post('/rollouts/spring/retry', { devices: ['none'] }), 404, 'not-found')
    expectProblem(await operator.post('/rollouts/spring/exclude', { devices: ['d1', 'none'] }), 404, 'not-found')
    expectProblem(await operator.post('/rollouts/spring/exclude', { devices: [] }), 400, 'invalid')
    expect((await fleet.show()).outcomes).toMatchObject({ open: 2, cancelled: 0 })
  })

  it('leave an event for each step', async () => {
    await fleet.start({ stages: [{ percent: 1 }, { percent: 100, approvals: 1 }] })
    for (const step of ['pause', 'resume', 'advance', 'approve', 'stop', 'resume', 'finish']) await fleet.step(step)
    const { id } = await fleet.show()
    const { items } = expectDone(await fleet.tenant.viewer.get(`/events?subjectId=${id}&order=asc`))
    expect(items.map((one: { type: string }) => one.type)).toEqual([
      'rollout.created',
      'rollout.started',
      'rollout.stage-started',
      'rollout.paused',
      'rollout.resumed',
      'rollout.approval-needed',
      'rollout.approved',
      'rollout.stage-started',
      'rollout.stopped',
      'rollout.resumed',
      'rollout.finished',
    ])
  })
})
