import { describe, expect, it } from 'vitest'
import { summarise } from '../../../src/simulator/virtual/summary.ts'
import { type Failures, NORMAL, type Release, runFleets } from '../../support/blast-radius.ts'

const SEEDS = 20
/** A good release goes all the way, for each device twice. */
const GOOD_SEEDS = 5

const run = (failures: Failures, floor: { failureRate: number }, release: Release, seeds = SEEDS) =>
  runFleets({ devices: 5_000, seeds, failures, further: { floor } }, release)

// All of the fleet needs the version between before it may have the release.
describe.each(['reported', 'silent'] as const)('through the engine, 5,000 devices, failures %s', (failures) => {
  it('a floor that fails everywhere reaches 10 devices at most, and the release none', async () => {
    const results = await run(failures, { failureRate: 1 }, 'good')
    const { stopped, mostReached } = summarise(results)
    expect(stopped).toBe(SEEDS)
    expect(mostReached).toBeLessThanOrEqual(10)
    for (const { why, outcomes } of results) {
      expect(why).toMatch(/ of them at floor 1\.9\.0/)
      expect(outcomes.succeeded).toBe(0)
    }
  })

  it('a release that fails everywhere behind a good floor reaches 10 devices at most', async () => {
    const results = await run(failures, { failureRate: 0 }, 'everywhere')
    const { stopped, mostReached } = summarise(results)
    expect(stopped).toBe(SEEDS)
    expect(mostReached).toBeLessThanOrEqual(10)
    for (const { why } of results) expect(why).not.toContain('floor')
  })

  it('a good floor lets a good release through', { timeout: 240_000 }, async () => {
    const results = await run(failures, { failureRate: NORMAL / 2 }, 'good', GOOD_SEEDS)
    const { stoppedInPart } = summarise(results)
    expect(stoppedInPart).toBe(0)
    for (const { outcomes, reached } of results) {
      expect(reached).toBe(5_000)
      expect(outcomes.succeeded).toBeGreaterThanOrEqual(0.95 * 5_000)
    }
  })
})
