import { describe, expect, it } from 'vitest'
import { START } from '../../../test/support/fixed-clock.ts'
import { newRollout, newStage } from '../../../test/support/rollout-rows.ts'
import { type Counts, NO_COUNTS } from './health/counts.ts'
import { DEFAULT_HEALTH_POLICY, type HealthPolicy } from './health/health-policy.ts'
import { progressOf } from './progress.ts'
import type { Rollout, Stage } from './rollout.ts'
import { roomOf } from './room.ts'
import { cohortScope, NO_OUTCOMES, stageScope, type Tally, UNLIMITED, WHOLE } from './tally.ts'

const NOW = START
const MINUTE = Math.floor(NOW / 60_000)

function rollout(given: Partial<Rollout> = {}): Rollout {
  const release = { serial: 3, organisation: 1, product: 2 }
  const base = newRollout(release, {
    key: 'spring',
    state: 'running',
    startedAt: NOW - 1000,
    stageStartedAt: NOW - 1000,
  })
  return { ...base, serial: 7, revision: 1, ...given }
}

function tally(scope: string, given: Partial<Omit<Tally, 'counts'>> & { counts?: Partial<Counts> } = {}): Tally {
  return {
    rollout: 7,
    scope,
    family: '',
    value: '',
    position: 0,
    isActive: true,
    stopWords: null,
    run: 0,
    unverifiable: 0,
    grantLimit: UNLIMITED,
    unverifiableLimit: UNLIMITED,
    devices: 0,
    slots: 0,
    outcomes: NO_OUTCOMES,
    minute: 0,
    minuteGrants: 0,
    ...given,
    counts: { ...NO_COUNTS, ...given.counts },
  }
}

type Tallied = Parameters<typeof tally>[1]

function progress(
  of: Rollout,
  { whole = {}, stages = [], cohorts = [] }: { whole?: Tallied; stages?: Tallied[]; cohorts?: Tally[] } = {},
  approvals: Parameters<typeof progressOf>[2] = [],
) {
  const stageTallies = of.stages.map((_, index) => tally(stageScope(index), stages[index]))
  const room = roomOf([tally(WHOLE, { grantLimit: 10, unverifiableLimit: 10, ...whole }), ...stageTallies, ...cohorts])
  if (!room) throw new Error('no whole')
  return progressOf(of, room, approvals, NOW)
}

describe('the headline', () => {
  const outcomes = { ...NO_OUTCOMES, succeeded: 1200, failed: 1, 'rolled-back': 2, delivered: 3, open: 4 }
  const operator = { kind: 'operator', reason: 'wrong file' } as const
  it.each<[Partial<Rollout>, string]>([
    [{ state: 'draft', startedAt: null }, 'A draft: nothing is granted before it is started.'],
    [{}, 'Running, stage 1 of 1: 1,200 succeeded, 1 failed, 2 rolled back, 3 delivered, 4 under way.'],
    [
      { state: 'paused' },
      'Paused at stage 1 of 1: 1,200 succeeded, 1 failed, 2 rolled back, 3 delivered, 4 under way. What is under way goes on.',
    ],
    [{ state: 'finished' }, 'Finished: 1,200 succeeded, 1 failed, 2 rolled back, 3 delivered, 4 under way.'],
    [
      { state: 'stopped', stop: operator, cancelling: true },
      'Stopped by an operator at stage 1 of 1: wrong file. Updates under way are being cancelled. So far: 1,200 succeeded, 1 failed, 2 rolled back, 3 delivered, 4 under way.',
    ],
    [
      { state: 'stopped', stop: { ...operator, reason: '' } },
      'Stopped by an operator at stage 1 of 1. So far: 1,200 succeeded, 1 failed, 2 rolled back, 3 delivered, 4 under way.',
    ],
  ])('%j', (given, words) => {
    expect(progress(rollout(given), { whole: { outcomes } }).words).toBe(words)
  })

  it('counts what a superseded and a cancelled update leave', () => {
    const left = { ...NO_OUTCOMES, cancelled: 1, superseded: 1 }
    expect(progress(rollout(), { whole: { outcomes: left } }).words).toBe(
      'Running, stage 1 of 1: 1 cancelled, 1 superseded. It stays open for devices that come later.',
    )
  })
})

describe('what it waits for', () => {
  const two = (first: Partial<Stage>, second: Partial<Stage> = {}) => [newStage(first), newStage(second)]
  const waits = (...given: Parameters<typeof progress>) =>
    progress(...given).waits.map(({ kind, words, until }) => [kind, words, until])
  const matured = (settled: number, failed = 0) => ({
    counts: { granted: settled, settled, failed, settledFailed: failed },
  })

  it.each<[string, Partial<Rollout>, Tallied, unknown[]]>([
    ['nothing at the last stage', {}, {}, []],
    ['nothing when the next may begin', { stages: two({}) }, {}, []],
    ['nothing unless it runs', { state: 'paused', stages: two({ soakSeconds: 60 }) }, {}, []],
    [
      'the list of its devices',
      { snapshot: { kind: 'taking', after: 5, devices: 1500 } },
      {},
      [['snapshot', 'The list of its devices is still being made: 1,500 devices so far.', null]],
    ],
    [
      'its soak time',
      { stages: two({ soakSeconds: 60, successThreshold: 95 }) },
      {},
      [['soak', `Stage 2 of 2 begins at ${new Date(NOW + 59_000).toISOString()} at the earliest.`, NOW + 59_000]],
    ],
    [
      'evidence',
      { stages: two({ successThreshold: 95, minMatured: 5 }) },
      matured(2),
      [['evidence', 'Stage 2 of 2 begins when 5 devices of stage 1 have matured; 2 have.', null]],
    ],
    [
      'the first evidence',
      { stages: two({ successThreshold: 95 }) },
      {},
      [['evidence', 'Stage 2 of 2 begins when 1 device of stage 1 has matured; 0 have.', null]],
    ],
    [
      'better evidence, never rounded up to what it lacks',
      { stages: two({ successThreshold: 95 }) },
      matured(1000, 51),
      [['threshold', 'Stage 2 of 2 waits: 94.9 % of the matured devices of stage 1 succeeded, and 95 % must.', null]],
    ],
    [
      'room in a stage of so many devices',
      { stages: [newStage({ reach: { kind: 'count', count: 1 } })] },
      { devices: 1 },
      [['full', 'Stage 1 has its 1 device.', null]],
    ],
    [
      'slots',
      { stages: [newStage({ concurrency: 2 })] },
      { slots: 2 },
      [['slots', 'Stage 1: 2 of 2 slots are taken.', null]],
    ],
    [
      'the next minute',
      { stages: [newStage({ ratePerMinute: 3 })] },
      { minute: MINUTE, minuteGrants: 3 },
      [['rate', 'Stage 1 has granted its 3 of this minute.', (MINUTE + 1) * 60_000]],
    ],
    [
      'no minute that is over',
      { stages: [newStage({ ratePerMinute: 3 })] },
      { minute: MINUTE - 1, minuteGrants: 3 },
      [],
    ],
  ])('%s', (_name, given, stage, expected) => {
    expect(waits(rollout(given), { stages: [stage] })).toEqual(expected)
  })

  it('its window, on the clock of the rollout', () => {
    const at = (hours: number) => new Date(NOW + hours * 3_600_000).toISOString().slice(11, 16)
    const later = { kind: 'daily', from: at(2), to: at(3) } as const
    const opens = new Date(Math.floor(NOW / 60_000) * 60_000 + 2 * 3_600_000).toISOString()
    const windowed = (zone: string) => rollout({ stages: [newStage({ window: { ...later, zone } })] })
    expect(waits(windowed('UTC'))).toEqual([['window', `The window of stage 1 opens at ${opens}.`, Date.parse(opens)]])
    expect(waits(windowed('device'))[0]?.[1]).toBe(
      `The window of stage 1 opens at ${opens} for devices that do not tell their time zone (UTC).`,
    )
    const over = { kind: 'absolute', startAt: 0, endAt: 1, repeatDaily: false } as const
    expect(waits(rollout({ stages: [newStage({ window: over })] }))).toEqual([
      ['window', 'The window of stage 1 is over.', null],
    ])
    const open = { kind: 'absolute', startAt: 0, endAt: NOW + 1, repeatDaily: false } as const
    expect(waits(rollout({ stages: [newStage({ window: open })] }))).toEqual([])
  })

  it('people, of this stage and this run alone', () => {
    const given = (stage: number, run: number, name: string) => ({
      rollout: 7,
      stage,
      run,
      account: name,
      name,
      at: NOW,
    })
    const stages = two({}, { approvals: 2 })
    const of = rollout({ stages, stage: 1, stageStartedAt: null, run: 1 })
    const approvals = [given(0, 1, 'a'), given(1, 0, 'b'), given(1, 1, 'c')]
    const { waits: waiting, stages: shown, words } = progress(of, {}, approvals)
    expect(waiting).toEqual([
      {
        kind: 'approval',
        words: 'Stage 2 of 2 waits for the approval of two people; 1 has approved.',
        until: null,
      },
    ])
    expect(words).toBe(
      'Running, stage 2 of 2: nothing granted yet. Stage 2 of 2 waits for the approval of two people; 1 has approved.',
    )
    expect(shown.map(({ state, approvals: by }) => [state, by.map(({ name }) => name)])).toEqual([
      ['passed', ['a']],
      ['approval', ['c']],
    ])
    const one = rollout({ stages: two({}, { approvals: 1 }), stage: 1, stageStartedAt: null })
    expect(progress(one).waits[0]?.words).toBe('Stage 2 of 2 waits for the approval of one person.')
  })
})

describe('the gate', () => {
  const gate = (whole: Tallied, health: Partial<HealthPolicy> = {}, given: Partial<Rollout> = {}) =>
    progress(rollout({ health: { ...DEFAULT_HEALTH_POLICY, ...health }, ...given }), { whole }).gate

  it('has room', () => {
    expect(gate({ counts: { granted: 1 } })).toMatchObject({
      verdict: 'go',
      words: '1 device holds the release without a verdict; 10 may at once.',
      holding: 1,
      allowance: 10,
      unverifiableLimit: 10,
      evidenceWords: expect.stringMatching(/^0 of 0 matured devices failed\./),
    })
    const free = gate({ grantLimit: UNLIMITED, unverifiableLimit: UNLIMITED }, { allowance: 'unlimited' })
    expect(free).toMatchObject({
      words: '0 devices hold the release without a verdict; any number may.',
      allowance: null,
      unverifiableLimit: null,
    })
  })

  it('holds, asks and stops', () => {
    expect(gate({ counts: { granted: 10 } })).toMatchObject({ verdict: 'hold', holding: 10 })
    expect(gate({ unverifiable: 10 })).toMatchObject({
      verdict: 'approval',
      words: expect.stringMatching(/^Only 0 of 10 devices .* can be verified/),
    })
    const failed = { counts: { granted: 10, failed: 5 } }
    expect(gate(failed)).toMatchObject({ verdict: 'stop', words: expect.stringMatching(/^5 of 10 devices/) })
    const evidence = gate(failed).evidence
    if (!evidence) throw new Error('no evidence')
    const stop = { kind: 'gate', evidence, words: 'as it was' } as const
    const stopped = progress(rollout({ state: 'stopped', stop }), { whole: failed })
    expect(stopped.gate.words).toBe('as it was')
    expect(stopped.words).toBe('Stopped by its health gate at stage 1 of 1. as it was So far: nothing granted yet.')
  })

  it('may be off', () => {
    expect(gate({ grantLimit: UNLIMITED, counts: { granted: 10, failed: 10 } }, { mode: 'off' })).toMatchObject({
      verdict: 'off',
      words: 'The health gate is off: nothing stops this rollout by itself.',
      evidence: null,
      evidenceWords: null,
      allowance: null,
    })
  })
})

it('shows each cohort in words', () => {
  const cohort = (value: string, given: Tallied) => {
    const name = { family: 'hardwareRevision', value }
    return tally(cohortScope(name), { ...name, position: 1, grantLimit: 10, ...given })
  }
  const cohorts = [
    cohort('A', { counts: { granted: 3, settled: 2 } }),
    cohort('B', { grantLimit: 3, counts: { granted: 3, settled: 1, failed: 1, settledFailed: 1 } }),
    cohort('C', { isActive: false, stopWords: '6 of 6 failed.', counts: { granted: 6, failed: 6 } }),
  ]
  expect(progress(rollout(), { cohorts }).cohorts.map(({ isExcluded, words }) => [isExcluded, words])).toEqual([
    [false, 'hardwareRevision A: 0 of 2 devices with a verdict failed.'],
    [
      false,
      'hardwareRevision B: 1 of 1 device with a verdict failed; 2 more hold the release, and no more may for now.',
    ],
    [true, 'hardwareRevision C is excluded. 6 of 6 failed.'],
  ])
})
