import { expect, it } from 'vitest'
import { cohortShare, overallShare, runShare } from './error-budget.ts'

const sum = (count: number, share: (index: number) => number): number =>
  Array.from({ length: count }, (_, index) => share(index)).reduce((total, part) => total + part, 0)

it('shares out no more than the budget, over any number of runs, kinds and values of cohorts', () => {
  expect(sum(50, runShare)).toBeLessThanOrEqual(1 + 1e-12)
  for (const families of [0, 1, 2, 8]) {
    const cohorts = families === 0 ? 0 : families * sum(100_000, (index) => cohortShare(families, index + 1))
    expect(overallShare(families) + cohorts).toBeLessThanOrEqual(1 + 1e-12)
    expect(overallShare(families) + cohorts).toBeGreaterThan(0.999)
  }
})

it('leaves most of it for the first run and the first values', () => {
  expect(runShare(0)).toBe(0.8)
  expect(runShare(1)).toBeCloseTo(0.16, 12)
  expect(cohortShare(2, 1)).toBe(0.125)
  expect(cohortShare(2, 2)).toBeCloseTo(0.25 / 6, 12)
})
