import { describe, expect, it } from 'vitest'
import { summarise } from '../../../src/simulator/virtual/summary.ts'
import { runFleets } from '../../support/blast-radius.ts'

const FLEETS = { devices: 5_000, seeds: 20 }

// With `npm run soak` the same on larger fleets.
describe.each(['reported', 'silent'] as const)('through the engine, 5,000 devices, failures %s', (failures) => {
  it('a release that fails everywhere reaches 10 devices at most', async () => {
    const results = summarise(await runFleets({ ...FLEETS, failures }, 'everywhere'))
    expect(results.stopped).toBe(20)
    expect(results.mostReached).toBeLessThanOrEqual(10)
  })

  it('one that fails on 20 %: 60 in the median', async () => {
    const results = summarise(await runFleets({ ...FLEETS, failures }, 'a-fifth'))
    expect(results.stopped).toBe(20)
    expect(results.medianReached).toBeLessThanOrEqual(60)
  })

  it('one that fails on 5 %: 1,000 in the median', { timeout: 120_000 }, async () => {
    const results = summarise(await runFleets({ ...FLEETS, failures }, 'five-percent'))
    expect(results.stopped).toBe(20)
    expect(results.medianReached).toBeLessThanOrEqual(1_000)
  })
})
