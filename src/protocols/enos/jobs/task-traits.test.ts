import { describe, expect, it } from 'vitest'
import { newMember, newRollout } from '../../../../test/support/rollout-rows.ts'
import { newUpdate } from '../../../../test/support/rows.ts'
import { MEMBER_STATES, type RolloutMember } from '../../../core/rollout/member.ts'
import { isLike, type MemberFound } from '../../../core/rollout/member-search.ts'
import type { Rollout } from '../../../core/rollout/rollout.ts'
import { CLOSED_STATES, OPEN_STATES, type Update } from '../../../core/update/update.ts'
import { startsFromNow, TASK_STATUSES, taskState } from './task-state.ts'
import { taskTraits } from './task-traits.ts'

const NOW = 1_000_000
const asOf = { now: NOW, limits: { retryMaxSeconds: 1 } }
const release = { serial: 1, organisation: 1, product: 1 }
const device = { serial: 1, organisation: 1 }

function job(serial: number, retry: { attempts: number; pauseSeconds: number }): Pick<Rollout, 'serial' | 'options'> {
  const { options } = newRollout(release)
  const timeOuts = { work: serial * 100 }
  return { serial, options: { ...options, retry: { ...retry, steady: true }, timeOuts } }
}

const JOBS = [
  job(1, { attempts: 1, pauseSeconds: 0 }),
  job(2, { attempts: 3, pauseSeconds: 60 }),
  job(3, { attempts: 3, pauseSeconds: 60 }),
  job(4, { attempts: 2, pauseSeconds: 0 }),
]

/** Every look that a member of these jobs can have. */
function* everybody(): Generator<{ rollout: (typeof JOBS)[number]; found: MemberFound }> {
  for (const rollout of JOBS)
    for (const state of MEMBER_STATES)
      for (const excludedAt of [null, 1])
        for (const attempts of [1, 2, 3])
          for (const age of [0, 59_999, 60_000, 100_000, 400_000])
            for (const update of updatesOf(state)) {
              const owner = { serial: rollout.serial, organisation: 1 }
              const given = { state, excludedAt, attempts, changedAt: NOW - age }
              const member: RolloutMember = { serial: 1, ...newMember(owner, device, given) }
              yield { rollout, found: { member, ...(update && { update }) } }
            }
}

function updatesOf(state: RolloutMember['state']): Array<Update | undefined> {
  const states = state === 'open' ? OPEN_STATES : CLOSED_STATES.filter((one) => one === state)
  const steps = [{ module: null, firmware: 1, from: '1.0', to: '2.0' }]
  return [
    ...(state === 'open' ? [] : [undefined]),
    ...states.flatMap((one) =>
      ['', 'flash full'].map((reason) => ({
        serial: 1,
        revision: 1,
        ...newUpdate(device, release, { state: one, reason, steps, progress: 40 }),
      })),
    ),
  ]
}

describe('taskTraits', () => {
  it('find the tasks of each status, and no others', () => {
    const seen = new Set<string>()
    for (const { rollout, found } of everybody()) {
      const state = taskState(rollout, found.member, { update: found.update, asOf })
      for (const status of TASK_STATUSES) {
        const traits = taskTraits(JOBS, { statuses: [status] }, asOf) ?? []
        const isFound = traits.some((one) => isLike(found, '', one))
        expect(isFound, JSON.stringify({ status, state, found })).toBe(state.status === status)
      }
      seen.add(state.status)
    }
    expect([...seen].sort()).toEqual([...TASK_STATUSES].sort())
  })

  it('find the tasks with each description', () => {
    const descs = ['', 'flash full', 'Cancelled by user', 'Upgrade timeout']
    const seen = new Set<string>()
    for (const { rollout, found } of everybody()) {
      const state = taskState(rollout, found.member, { update: found.update, asOf })
      for (const desc of descs) {
        const traits = taskTraits(JOBS, { descs: [desc] }, asOf) ?? []
        expect(
          traits.some((one) => isLike(found, '', one)),
          JSON.stringify({ desc, state, found }),
        ).toBe(state.desc === desc)
      }
      seen.add(state.desc)
    }
    expect([...seen].sort()).toEqual(descs.sort())
  })

  it('find the tasks that start from a version', () => {
    for (const { rollout, found } of everybody()) {
      const state = taskState(rollout, found.member, { update: found.update, asOf })
      const from = startsFromNow(found.member, state) ? 'now' : (found.update?.steps[0]?.from ?? '')
      for (const version of ['now', '1.0', '']) {
        const traits = taskTraits(JOBS, { fromVersions: [version] }, asOf) ?? []
        expect(
          traits.some((one) => isLike(found, 'now', one)),
          JSON.stringify({ version, state, found }),
        ).toBe(version === from)
      }
    }
  })

  it('join what is wished, and are none where nothing is', () => {
    expect(taskTraits(JOBS, {}, asOf)).toBeUndefined()
    expect(taskTraits(JOBS, { statuses: [] }, asOf)).toEqual([])
    expect(taskTraits(JOBS, { statuses: ['unknown'] }, asOf)).toEqual([])
    expect(taskTraits([], { statuses: ['published'], descs: ['x'], fromVersions: ['1'] }, asOf)).toEqual([
      { states: ['open'], updateStates: ['offered'], reasons: ['x'], fromVersions: ['1'] },
    ])
  })
})
