import { describe, expect, it } from 'vitest'
import { DEFAULT_CORE_LIMITS } from '../../limits.ts'
import type { UpdateState } from '../../update/update.ts'
import { type PenaltyLimits, penaltyOf } from './penalty.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const NOW = 1_800_000_000_000
const LIMITS: PenaltyLimits = { penaltyFailures: 3, penaltySeconds: 86_400, penaltyMaxSeconds: 30 * 86_400 }

const STATES: Record<string, UpdateState> = {
  F: 'failed',
  R: 'rolled-back',
  S: 'succeeded',
  D: 'delivered',
  C: 'cancelled',
  X: 'superseded',
}

/** Updates in letters, newest first; the newest closed an hour ago, each other one an hour before. */
const history = (letters: string) =>
  [...letters].map((letter, at) => ({ state: STATES[letter] ?? 'pending', closedAt: NOW - (at + 1) * HOUR }))
const penalty = (letters: string, limits: Partial<PenaltyLimits> = {}, pardonedAt: number | null = null, now = NOW) =>
  penaltyOf(history(letters), { ...LIMITS, ...limits }, { now, pardonedAt })

/** The penalty in days from the newest failure, which is the `nth` update. */
const days = (letters: string, nth = 0) => {
  const found = penalty(letters)
  return found && [found.failures, (found.until - (NOW - (nth + 1) * HOUR)) / DAY]
}

describe('the penalty box', () => {
  it.each([
    ['no update yet', '', undefined],
    ['two failures', 'FF', undefined],
    ['three failures', 'FFF', [3, 1]],
    ['roll-backs are failures', 'RFR', [3, 1]],
    ['each further failure doubles it', 'FFFF', [4, 2]],
    ['and again', 'FFFFF', [5, 4]],
    ['up to the longest', 'FFFFFFFF', [8, 30]],
    ['and no longer', 'F'.repeat(2000), [2000, 30]],
    ['a success in front', 'SFFF', undefined],
    ['a success breaks the row', 'FFSFFF', undefined],
    ['a delivery breaks it too', 'FFDFFF', undefined],
    ['the row ends at a success', 'FFFSFF', [3, 1]],
    ['cancelled ones are passed over', 'FCFCF', [3, 1]],
    ['superseded ones are passed over', 'FXFXF', [3, 1]],
    ['and count for nothing', 'FCXCXF', undefined],
  ] as const)('%s', (_name, letters, expected) => {
    expect(days(letters)).toEqual(expected)
  })

  it('counts from the newest failure, not from what was cancelled since', () => {
    expect(days('CCFFF', 2)).toEqual([3, 1])
  })

  it('passes over updates that are still open', () => {
    const open = { state: 'installing', closedAt: null } as const
    expect(penaltyOf([open, ...history('FFF')], LIMITS, { now: NOW, pardonedAt: null })?.failures).toBe(3)
  })

  it('ends at its time to the millisecond', () => {
    const until = NOW - HOUR + DAY
    expect(penalty('FFF', {}, null, until - 1)).toEqual({ until, failures: 3 })
    expect(penalty('FFF', {}, null, until)).toBeUndefined()
  })

  it.each([
    ['after the newest failure', NOW, undefined],
    ['at the very time of the newest failure', NOW - HOUR, undefined],
    ['just before the newest: one of four counts', NOW - HOUR - 1, undefined],
    ['before the third: three of four count', NOW - 3 * HOUR - 1, 3],
    ['before all of them', NOW - DAY, 4],
  ] as const)('pardoned %s', (_name, pardonedAt, failures) => {
    expect(penalty('FFFF', {}, pardonedAt)?.failures).toBe(failures)
  })

  it('is switched off by 0 failures, and takes 1 for the first', () => {
    expect(penalty('FFFFFF', { penaltyFailures: 0 })).toBeUndefined()
    expect(penalty('F', { penaltyFailures: 1 })?.failures).toBe(1)
  })

  it('has the documented defaults', () => {
    expect(DEFAULT_CORE_LIMITS).toMatchObject(LIMITS)
  })
})
