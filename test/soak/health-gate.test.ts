import { describe, expect, it } from 'vitest'
import {
  fleet,
  type Measured,
  measure,
  median,
  NORMAL,
  type Scenario,
  seeds,
} from '../../src/core/rollout/health/testing/scenarios.ts'

const DEVICES = 1_000_000
const SEEDS = 200

const runs = (scenario: Omit<Scenario, 'gate'>): Measured[] =>
  seeds(SEEDS).map((seed) => measure({ ...scenario, gate: 'sequential' }, seed))
const reached = (results: readonly Measured[]): number[] => results.map((result) => result.reached)

describe.each(['reported', 'silent'] as const)('blast radius in a fleet of a million, failures %s', (failures) => {
  it('of a release that fails everywhere: 10 devices in every seed', () => {
    const results = runs({ kinds: fleet(DEVICES, 1), failures })
    expect(results.every((result) => result.stopped)).toBe(true)
    expect(Math.max(...reached(results))).toBeLessThanOrEqual(10)
  })

  it('of one that fails on 20 %: 60 devices in the median', () => {
    const results = runs({ kinds: fleet(DEVICES, 0.2), failures })
    expect(results.every((result) => result.stopped)).toBe(true)
    expect(median(reached(results))).toBeLessThanOrEqual(60)
  })

  it('of one that fails on 5 %: 1,000 devices in the median', () => {
    const results = runs({ kinds: fleet(DEVICES, 0.05), failures })
    expect(results.every((result) => result.stopped)).toBe(true)
    expect(median(reached(results))).toBeLessThanOrEqual(1000)
  })

  it('of a hardware revision of 2 % that always fails: 30 of its devices, and the rest goes on', () => {
    const results = runs({ kinds: fleet(DEVICES, NORMAL, 1), failures })
    expect(Math.max(...results.map((result) => result.reachedRare))).toBeLessThanOrEqual(30)
    const wentOn = results.filter((result) => !result.stopped && result.reached >= 0.97 * DEVICES)
    expect(wentOn.length).toBeGreaterThanOrEqual(0.98 * SEEDS)
  })

  it('a good release is wrongly stopped, even in part, in 1 % of seeds at most and reaches 95 % within 24 h', () => {
    const results = runs({ kinds: fleet(DEVICES, NORMAL), failures })
    const good = results.filter((result) => !result.stopped && result.stoppedCohorts.length === 0)
    expect(good.length).toBeGreaterThanOrEqual(0.99 * SEEDS)
    expect(Math.max(...good.map((result) => result.hoursTo95))).toBeLessThanOrEqual(24)
  })
})
