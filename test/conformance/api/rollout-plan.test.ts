import { beforeAll, describe, expect, it } from 'vitest'
import { expectDone, expectProblem, useApi } from './fixture.ts'
import { RolloutFleet } from './rollout-fleet.ts'
import { STORAGES } from './storages.ts'

describe.each(STORAGES)('plans of rollouts on $name', (storage) => {
  const api = useApi(storage)
  let fleet: RolloutFleet
  beforeAll(async () => {
    fleet = await RolloutFleet.make(api(), 'acme')
    await fleet.devices(8, { tags: { site: 'graz' } })
    await fleet.devices(2, { tags: { site: 'wien' }, group: 'pilot' }, 'w')
    await fleet.runs('d7', '1.2.0')
  })
  const plan = (body: object) =>
    fleet.tenant.viewer.post('/rollouts/plan', { product: 'panel', version: '1.1.0', ...body })
  const kinds = (planned: { outcomes: Array<{ kind: string; devices: number }> }) =>
    Object.fromEntries(planned.outcomes.map(({ kind, devices }) => [kind, devices]))

  it('tell which devices a new rollout would update, and why not others', async () => {
    const planned = expectDone(await plan({ key: 'spring', select: { tags: { site: 'graz' } } }))
    expect(planned).toMatchObject({
      rollout: { key: 'spring', kind: 'update', version: '1.1.0' },
      isComplete: true,
      devices: 10,
      selected: 8,
      examined: 8,
      willUpdate: 7,
      stages: [{ stage: 1, percent: 100, devices: 7 }],
      fromVersions: [{ value: '1.0.0', devices: 7 }],
      cohorts: [
        { family: 'hardwareRevision', values: [] },
        { family: 'from-version', values: [{ value: '1.0.0', devices: 7 }] },
      ],
      floors: [],
      bytes: 7 * 'acme 1.1.0'.length,
      unverifiable: 0,
    })
    expect(kinds(planned)).toEqual({ 'will-update': 7, downgrade: 1, 'not-selected': 2 })
    expect(planned.outcomes.find(({ kind }: { kind: string }) => kind === 'downgrade')).toEqual({
      kind: 'downgrade',
      words: 'would be a downgrade',
      devices: 1,
      examples: [
        {
          device: 'd7',
          words: 'It runs 1.2.0, which is newer than 1.1.0; rollout spring does not allow downgrades.',
        },
      ],
    })
    expect(planned.warnings).toContainEqual({
      kind: 'downgrade',
      words: expect.stringMatching(/^1 device has a newer version, and do not go back: d7: It runs 1\.2\.0/),
    })
    expectProblem(await fleet.tenant.viewer.get('/rollouts/spring'), 404, 'not-found')
  })

  it('are kept by a rollout that is made with the same id', async () => {
    const body = { key: 'same', stages: [{ percent: 40 }, { percent: 100 }], health: { mode: 'off' } }
    const planned = expectDone(await plan(body))
    await fleet.start({ ...body, id: planned.rollout.id })
    const keys = Array.from({ length: 8 }, (_, index) => `d${index}`)
    expect(await fleet.grant(...keys, 'w0', 'w1')).toHaveLength(planned.stages[0].devices)
    const left = expectDone(await fleet.tenant.viewer.get('/rollouts/same/plan'))
    expect(left.stages.map(({ devices }: { devices: number }) => devices)).toEqual([0, planned.stages[1].devices])
    expect(kinds(left)['under-way'] ?? 0).toBe(planned.stages[0].devices)
    await fleet.step('stop', { cancel: true }, 'same')
  })

  it('tell what taking a rollout back would do', async () => {
    await fleet.devices(1, { tags: { site: 'linz' } }, 'u')
    await fleet.start({ key: 'undone', select: { tags: { site: 'linz' } }, health: { mode: 'off' } })
    await fleet.grant('u0')
    await fleet.runs('u0')
    const { viewer } = fleet.tenant
    const guarded = expectDone(await viewer.post('/rollouts/undone/undo-plan'))
    expect(kinds(guarded)).toMatchObject({ downgrade: 1 })
    expect(guarded.willUpdate).toBe(0)
    const planned = expectDone(await viewer.post('/rollouts/undone/undo-plan', { allowDowngrade: true }))
    expect(planned).toMatchObject({ rollout: { kind: 'undo', key: 'undone-undo' }, selected: 1, willUpdate: 1 })
    expect(planned.outcomes[0].examples).toEqual([{ device: 'u0', words: 'It goes from 1.1.0 to 1.0.0.' }])
    expect(await fleet.show('undone')).toMatchObject({ state: 'running' })
    await fleet.step('stop', { cancel: true }, 'undone')
  })

  it('refuse what a rollout would be refused', async () => {
    const { viewer } = fleet.tenant
    await fleet.tenant.operator.post('/rollouts', { key: 'taken', product: 'panel', version: '1.1.0' })
    expectProblem(await plan({ key: 'taken' }), 409, 'conflict')
    expectProblem(await plan({ version: '9.9.9' }), 404, 'not-found')
    const malformed = await plan({ stages: [{ percent: 0 }] })
    expectProblem(malformed, 400, 'invalid')
    expect(malformed.json.errors).toEqual([{ in: 'body', pointer: '/stages/0/percent', detail: 'must be more than 0' }])
    expectProblem(await plan({ stages: [{ groups: ['nobody'] }] }), 404, 'not-found')
    expectProblem(await viewer.get('/rollouts/nothing/plan'), 404, 'not-found')
    expectProblem(await viewer.post('/rollouts/nothing/undo-plan'), 404, 'not-found')
    expectProblem(await viewer.post('/rollouts/taken/undo-plan'), 409, 'wrong-state')
  })

  it('are answered one after the other when there are too many', async () => {
    const answers = await Promise.all([plan({}), plan({}), plan({}), plan({})])
    const statuses = answers.map(({ status }) => status).sort()
    expect(statuses.slice(0, 2)).toEqual([200, 200])
    for (const answer of answers) if (answer.status !== 200) expectProblem(answer, 429, 'too-many')
  })
})
