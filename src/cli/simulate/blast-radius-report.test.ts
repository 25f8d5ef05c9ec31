import { describe, expect, it } from 'vitest'
import { summarise } from '../../simulator/virtual/summary.ts'
import type { VirtualResult } from '../../simulator/virtual/virtual-result.ts'
import { blastRadiusReport } from './blast-radius-report.ts'

const OUTCOMES = { open: 0, succeeded: 0, failed: 0, 'rolled-back': 0, cancelled: 0, superseded: 0, delivered: 0 }

function result(seed: number, over: Partial<VirtualResult> = {}): VirtualResult {
  return {
    seed,
    devices: 5_000,
    reached: 5_000,
    reachedByKind: [],
    answers: 5_000,
    trials: [5_000],
    stopped: false,
    why: null,
    stoppedCohorts: [],
    outcomes: OUTCOMES,
    hours: 10,
    hoursTo95: 9,
    timeline: [],
    ...over,
  }
}

const report = (...results: VirtualResult[]) => blastRadiusReport('A fleet', summarise(results), results)

describe('blastRadiusReport', () => {
  it('tells of one good release', () => {
    expect(report(result(1))).toEqual([
      'A fleet',
      '',
      'Blast radius: 5,000 devices were answered with the release.',
      'It was not stopped.',
      '95 % of the fleet had settled after 9.0 h.',
      '',
      'SEED  REACHED  ANSWERS  FAILED  STOPPED AFTER  95 % AFTER',
      '1     5,000    5,000    0       -              9.0 h',
    ])
  })

  it('tells of many bad ones, with the words of the gate', () => {
    const stopped = { stopped: true, why: '4 of 10 failed.', hoursTo95: null }
    const lines = report(
      result(1, { ...stopped, reached: 10, hours: 0.1 }),
      result(2, { ...stopped, reached: 30, hours: 2 }),
      result(3, { reached: 20, hoursTo95: null }),
    )
    expect(lines.slice(2, 5)).toEqual([
      'Blast radius: 20 devices in the median, 30 at most were answered with the release.',
      'It was stopped in 2 of 3 seeds, after 0.1 h in the median.',
      '95 % of the fleet never settled.',
    ])
    expect(lines.at(-1)).toBe('Seed 2: 4 of 10 failed.')
  })

  it('tells which cohorts were excluded, and no more than a few reasons', () => {
    const stoppedCohorts = [{ cohort: 'hardwareRevision C', why: '3 of 3 failed.', hours: 2.07 }]
    const lines = report(...[1, 2, 3, 4, 5, 6, 7].map((seed) => result(seed, { stoppedCohorts })))
    expect(lines).toContain('Excluded in 7 of 7 seeds: hardwareRevision C, after 2.1 h at the earliest.')
    expect(lines.at(-1)).toBe('(2 more: --json or --export)')
  })
})
