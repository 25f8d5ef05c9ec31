import { describe, expect, it } from 'vitest'
import { summarise } from '../../../src/simulator/virtual/summary.ts'
import { rareReached, runFleets } from '../../support/blast-radius.ts'

const RUN = { devices: 5_000, seeds: 20 }

describe.each(['reported', 'silent'] as const)('through the engine, 5,000 devices, failures %s', (failures) => {
  it('of a hardware revision of 2 % that always fails 30 at most get it, and the rest goes on', {
    timeout: 240_000,
  }, async () => {
    const results = await runFleets({ ...RUN, failures }, 'rare-revision')
    expect(Math.max(...results.map((result) => rareReached(result)))).toBeLessThanOrEqual(30)
    expect(summarise(results)).toMatchObject({ stopped: 0, stoppedInPart: 20, spread: 20 })
    for (const { stoppedCohorts } of results) expect(stoppedCohorts[0]?.cohort).toBe('hardwareRevision C')
  })
})
