import { describe, expect, it } from 'vitest'
import { summarise } from '../../src/simulator/virtual/summary.ts'
import { type Release, rareReached, runFleets } from '../support/blast-radius.ts'

const number = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise)

/** A part of it: fewer devices or seeds, and fewer still of the releases that reach everybody and so take long. */
const SEEDS = number('GODWIT_SOAK_SEEDS', 200)
const LARGE_SEEDS = number('GODWIT_SOAK_LARGE_SEEDS', 5)
const FLEETS = [
  {
    devices: number('GODWIT_SOAK_DEVICES', 50_000),
    seeds: SEEDS,
    goodSeeds: number('GODWIT_SOAK_GOOD_SEEDS', SEEDS),
  },
  {
    devices: number('GODWIT_SOAK_LARGE_DEVICES', 1_000_000),
    seeds: LARGE_SEEDS,
    goodSeeds: number('GODWIT_SOAK_LARGE_GOOD_SEEDS', LARGE_SEEDS),
  },
].flatMap((fleet) => (['reported', 'silent'] as const).map((failures) => ({ ...fleet, failures })))

/** Five times an hour for the whole of it, on two processors. */
const timeout = 5 * 3_600_000

describe.each(FLEETS)('through the engine, $devices devices, failures $failures', (fleet) => {
  const { devices, failures } = fleet
  const bad = (release: Release) => runFleets({ devices, seeds: fleet.seeds, failures }, release)
  const long = (release: Release) => runFleets({ devices, seeds: fleet.goodSeeds, failures }, release)

  it('a release that fails everywhere: 10 devices in every seed', { timeout }, async () => {
    const { stopped, mostReached } = summarise(await bad('everywhere'))
    expect(stopped).toBe(fleet.seeds)
    expect(mostReached).toBeLessThanOrEqual(10)
  })

  it('one that fails on 20 %: 60 devices in the median', { timeout }, async () => {
    const { stopped, medianReached } = summarise(await bad('a-fifth'))
    expect(stopped).toBe(fleet.seeds)
    expect(medianReached).toBeLessThanOrEqual(60)
  })

  it('one that fails on 5 %: 1,000 devices in the median', { timeout }, async () => {
    const { stopped, medianReached } = summarise(await bad('five-percent'))
    expect(stopped).toBe(fleet.seeds)
    expect(medianReached).toBeLessThanOrEqual(1_000)
  })

  it('a hardware revision of 2 % that always fails: 30 of its devices, and the rest goes on', { timeout }, async () => {
    const results = await long('rare-revision')
    expect(Math.max(...results.map(rareReached))).toBeLessThanOrEqual(30)
    const wentOn = results.filter(({ stopped, reached }) => !stopped && reached >= 0.97 * devices)
    expect(wentOn.length).toBeGreaterThanOrEqual(Math.floor(0.98 * fleet.goodSeeds))
  })

  it('a good release: wrongly stopped in 1 % of seeds at most, and 95 % within 24 h', { timeout }, async () => {
    const results = await long('good')
    expect(summarise(results).stoppedInPart).toBeLessThanOrEqual(Math.floor(0.01 * fleet.goodSeeds))
    const good = results.filter(({ stopped, stoppedCohorts }) => !stopped && stoppedCohorts.length === 0)
    for (const { hoursTo95 } of good) expect(hoursTo95).toBeLessThanOrEqual(24)
  })
})
