import { describe, expect, it } from 'vitest'
import { runFleets } from '../../support/blast-radius.ts'

const SEEDS = 20
const RESUMES = 2

// Whoever resumes a bad release pays the first allowance again, and no more: 10 devices a run.
describe.each(['reported', 'silent'] as const)('through the engine, 5,000 devices, failures %s', (failures) => {
  it.each([
    ['a release', {}],
    ['a floor', { floor: { failureRate: 1 } }],
  ])(
    '%s that fails everywhere and is resumed twice is stopped in each run after 10 devices at most',
    async (_, floor) => {
      const further = { resumes: RESUMES, ...floor }
      const results = await runFleets({ devices: 5_000, seeds: SEEDS, failures, further }, 'everywhere')
      expect(results.filter(({ stopped }) => stopped)).toHaveLength(SEEDS)
      for (const { trials, reached } of results) {
        expect(trials).toHaveLength(RESUMES + 1)
        expect(Math.max(...trials)).toBeLessThanOrEqual(10)
        // Those that had it before are granted it again, and take places like any other.
        expect(reached).toBeLessThanOrEqual(10 * (RESUMES + 1))
      }
    },
  )
})
