import { describe, expect, it } from 'vitest'
import { START } from '../../../../test/support/fixed-clock.ts'
import { Ages } from './ages.ts'

function agesOf(seconds: readonly (number | null)[]): Ages {
  const ages = new Ages(30)
  for (const one of seconds) ages.add(one === null ? null : START - one * 1000, START)
  return ages
}

/** Evenly from 0 to `to`. */
const even = (to: number, count = 10_000) => Array.from({ length: count }, (_, index) => (index / count) * to)

describe('ages', () => {
  it.each([
    { share: 0.5, to: 3600, expected: 1800 },
    { share: 0.95, to: 3600, expected: 3420 },
    { share: 0.5, to: 60, expected: 30 },
    { share: 0.95, to: 7 * 86_400, expected: 0.95 * 7 * 86_400 },
  ])('knows the age of a share of $share up to $to s', ({ share, to, expected }) => {
    const ages = agesOf(even(to))
    const found = ages.quantile(share) ?? 0
    expect(found / expected).toBeGreaterThan(0.98)
    expect(found / expected).toBeLessThan(1.02)
    expect(ages.shareWithin(expected)).toBeCloseTo(share, 1)
  })

  it('counts silent devices, and those never seen, apart', () => {
    const month = 30 * 86_400
    const ages = agesOf([0, 0.2, month - 1, month, month + 1, 400 * 86_400, null])
    expect([ages.seen, ages.silent, ages.never]).toEqual([4, 2, 1])
    expect(ages.shareWithin(0)).toBe(0)
    expect(ages.shareWithin(1)).toBeCloseTo(0.5)
    expect(ages.shareWithin(month * 2)).toBe(1)
    expect(ages.quantile(1)).toBeGreaterThanOrEqual(month * 0.98)
  })

  it('knows nothing of a fleet that was never seen', () => {
    const ages = agesOf([null, null])
    expect(ages.quantile(0.5)).toBeUndefined()
    expect(ages.shareWithin(60)).toBe(0)
  })

  it('takes a clock that was put back as just now', () => {
    const ages = new Ages(30)
    ages.add(START + 5_000, START)
    expect(ages.quantile(1)).toBe(1)
  })
})
