import { describe, expect, it } from 'vitest'
import { fleet, measure, median, seeds } from '../../../src/core/rollout/health/testing/scenarios.ts'
import { summarise } from '../../../src/simulator/virtual/summary.ts'
import { RELEASES, type Release, runFleets } from '../../support/blast-radius.ts'

const DEVICES = 5_000
const SEEDS = 20

// With `npm run soak` the same on larger fleets.
describe.each(['reported', 'silent'] as const)('through the engine, 5,000 devices, failures %s', (failures) => {
  const run = async (release: Release) =>
    summarise(await runFleets({ devices: DEVICES, seeds: SEEDS, failures }, release))

  /** What the model of the gate alone reaches with the same luck. */
  const modelled = (release: Release): number => {
    const kinds = fleet(DEVICES, RELEASES[release].failureRate)
    return median(seeds(SEEDS).map((seed) => measure({ kinds, failures, gate: 'sequential' }, seed).reached))
  }

  it('a release that fails everywhere reaches 10 devices at most', async () => {
    const { stopped, mostReached } = await run('everywhere')
    expect(stopped).toBe(SEEDS)
    expect(mostReached).toBeLessThanOrEqual(10)
  })

  it.each([
    ['20 %', 'a-fifth', 60],
    ['5 %', 'five-percent', 1_000],
  ] as const)(
    'one that fails on %s: as many as the gate alone allows',
    { timeout: 120_000 },
    async (_, release, most) => {
      const { stopped, medianReached } = await run(release)
      expect(stopped).toBe(SEEDS)
      expect(medianReached).toBeLessThanOrEqual(most)
      // Devices ask at other moments, and those that failed try again: the rest is the same.
      const model = modelled(release)
      expect(medianReached).toBeGreaterThan(model / 1.25)
      expect(medianReached).toBeLessThan(model * 1.25)
    },
  )
})
