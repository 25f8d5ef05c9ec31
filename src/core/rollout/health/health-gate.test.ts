import { describe, expect, it } from 'vitest'
import { fleet, type Measured, measure, median, NORMAL, type Scenario, seeds } from './testing/scenarios.ts'

const DEVICES = 5000

const runs = (scenario: Omit<Scenario, 'gate'>, count = 20): Measured[] =>
  seeds(count).map((seed) => measure({ ...scenario, gate: 'sequential' }, seed))
const reached = (results: readonly Measured[]): number[] => results.map((result) => result.reached)

// The same bounds over 200 seeds and 1,000,000 devices: test/soak/health-gate.test.ts.
describe.each(['reported', 'silent'] as const)('blast radius with failures %s, defaults, 20 seeds', (failures) => {
  it('of a release that fails everywhere: 10 devices at most', () => {
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
    expect(results.filter((result) => result.stopped).length).toBeGreaterThanOrEqual(19)
    expect(median(reached(results))).toBeLessThanOrEqual(1000)
  })

  it('of a hardware revision of 2 % that always fails: 30 of its devices, and the rest goes on', () => {
    const results = runs({ kinds: fleet(DEVICES, NORMAL, 1), failures })
    expect(Math.max(...results.map((result) => result.reachedRare))).toBeLessThanOrEqual(30)
    expect(
      results.filter((result) => !result.stopped && result.reached >= 0.97 * DEVICES).length,
    ).toBeGreaterThanOrEqual(19)
  })

  it('a good release is not stopped and reaches 95 % within a day', () => {
    const results = runs({ kinds: fleet(DEVICES, NORMAL), failures })
    expect(results.filter((result) => result.stopped || result.stoppedCohorts.length > 0)).toEqual([])
    expect(Math.max(...results.map((result) => result.hoursTo95))).toBeLessThan(24)
  })

  it('a release at exactly the acceptable rate is stopped, in whole or part, within the budget: 2 of 200', () => {
    const results = runs({ kinds: fleet(2000, 0.02), failures }, 200)
    const wrong = results.filter((result) => result.stopped || result.stoppedCohorts.length > 0)
    expect(wrong.length).toBeLessThanOrEqual(2)
  })
})

it('fixed stages reach a hundredth of the fleet before they look, and never notice silence', () => {
  const told = measure({ kinds: fleet(DEVICES, 1), failures: 'reported', gate: 5 }, 1)
  expect(told).toMatchObject({ stopped: true, reached: 50 })
  const silent = measure({ kinds: fleet(DEVICES, 0.2), failures: 'silent', gate: 5 }, 1)
  expect(silent).toMatchObject({ stopped: false, reached: DEVICES })
})

it('the same seed gives the same run', () => {
  const scenario: Scenario = { kinds: fleet(DEVICES, 0.05), failures: 'reported', gate: 'sequential' }
  expect(measure(scenario, 7)).toEqual(measure(scenario, 7))
  expect(measure(scenario, 7).reached).not.toBe(measure(scenario, 8).reached)
})
