import { describe, expect, it } from 'vitest'
import { summarise } from '../../../src/simulator/virtual/summary.ts'
import { runFleets } from '../../support/blast-radius.ts'

describe.each(['reported', 'silent'] as const)('through the engine, 5,000 devices, failures %s', (failures) => {
  it('a good release is stopped in no seed, not even in part, and reaches everybody', {
    timeout: 240_000,
  }, async () => {
    const results = await runFleets({ devices: 5_000, seeds: 20, failures }, 'good')
    const { stoppedInPart, spread, mostHoursTo95 } = summarise(results)
    expect([stoppedInPart, spread]).toEqual([0, 20])
    expect(mostHoursTo95).toBeLessThanOrEqual(24)
    expect(results.map(({ reached }) => reached)).toEqual(results.map(() => 5_000))
  })
})
