import { describe, expect, it } from 'vitest'
import { healthPolicy } from './health/health-policy.ts'
import { type Counted, type GrantKind, type RolloutMember, waitingMember } from './member.ts'
import { cohortScope, freshTally, stageScope, type Tally, WHOLE } from './tally.ts'
import { grantKind, isBetweenSteps, isOfThisRun, trialMillis } from './trial.ts'

const T = 3_600_000
const NOW = 1_000 * T
const COHORT = { family: 'hardwareRevision', value: 'C' }
const SCOPES = [WHOLE, stageScope(0), cohortScope(COHORT)]

const rollout = { health: healthPolicy() }
const inRun = (run: number): Counted[] => SCOPES.map((scope) => ({ scope, run }))

function roomOf(run: number, cohortRun = run) {
  const tally = (scope: string, of: number): Tally => ({ ...freshTally(1, scope), run: of })
  const cohort = cohortScope(COHORT)
  return {
    whole: tally(WHOLE, run),
    stages: [tally(stageScope(0), run)],
    cohorts: new Map([[cohort, tally(cohort, cohortRun)]]),
  }
}

/** One that was granted its first step an hour ago, with two hours in all. */
function member(given: Partial<RolloutMember> = {}): RolloutMember {
  const fresh = waitingMember({ organisation: 1, serial: 1 }, 7, NOW - T)
  const trial = { state: 'open', grantedAt: NOW - T, settleAt: NOW + T, counted: inRun(0), update: 9 } as const
  return { serial: 3, ...fresh, ...trial, ...given }
}

describe('the next grant to a device', () => {
  const between = { state: 'waiting', pardonedAt: null } as const
  it.each<[what: string, kind: GrantKind, given: Partial<RolloutMember> | undefined, steps: number]>([
    ['is its first when it is no member', 'first', undefined, 1],
    ['is its first when it was granted nothing', 'first', { state: 'waiting', grantedAt: null, counted: [] }, 2],
    ['goes on after a failure', 'again', { state: 'failed', hasFailed: true }, 1],
    ['goes on after a failure, however late', 'again', { state: 'failed', hasFailed: true, settleAt: NOW - T }, 1],
    ['goes on when it was told to retry', 'again', { ...between, pardonedAt: NOW, settleAt: NOW }, 1],
    ['goes on with its next step, with T left for it', 'again', between, 1],
    ['is another trial with a moment less', 'anew', { ...between, settleAt: NOW + T - 1 }, 1],
    ['is another trial with T left for two steps', 'anew', between, 2],
    ['is another trial when the time is over', 'anew', { ...between, settleAt: NOW - 1, isSettled: true }, 1],
    ['goes on over a floor that had failed before', 'again', { ...between, hasFailed: true, settleAt: NOW - 1 }, 1],
    ['is another trial in another run', 'anew', { state: 'failed', hasFailed: true, counted: inRun(-1) }, 1],
    [
      'is another trial in another run, whatever was told',
      'anew',
      { ...between, pardonedAt: NOW, counted: inRun(-1) },
      1,
    ],
  ])('%s', (_, kind, given, steps) => {
    expect(grantKind(rollout, given && member(given), { room: roomOf(0), now: NOW, steps })).toBe(kind)
  })

  it('is another trial when a cohort of it was taken in again', () => {
    const failed = member({ state: 'failed', hasFailed: true })
    const kind = (room: ReturnType<typeof roomOf>) => grantKind(rollout, failed, { room, now: NOW, steps: 1 })
    expect([kind(roomOf(0, 0)), kind(roomOf(0, 1)), kind(roomOf(1, 0)), kind(roomOf(1, 1))]).toEqual([
      'again',
      'anew',
      'anew',
      'anew',
    ])
  })
})

it('a trial takes T for each step', () => {
  expect([trialMillis(rollout, 1), trialMillis(rollout, 3)]).toEqual([T, 3 * T])
})

it('a device stands between two steps once it has reached a floor, and not while it waits for another try', () => {
  expect(isBetweenSteps(member({ state: 'waiting' }))).toBe(true)
  expect(isBetweenSteps(member({ state: 'waiting', pardonedAt: NOW }))).toBe(false)
  expect(isBetweenSteps(member({ state: 'waiting', grantedAt: null }))).toBe(false)
  expect(isBetweenSteps(member({ state: 'open' }))).toBe(false)
})

it('a trial is of this run while each of its counts goes on; of cohorts that the device never was in it knows nothing', () => {
  expect(isOfThisRun(member(), roomOf(0))).toBe(true)
  expect(isOfThisRun(member({ counted: inRun(0).slice(0, 2) }), roomOf(0, 4))).toBe(true)
  expect(isOfThisRun(member({ counted: [] }), roomOf(0))).toBe(false)
})
