import { describe, expect, it } from 'vitest'
import { isStopped, type StepsModel } from './testing/steps-model.ts'

const SEEDS = 400

/** Rollouts at exactly the acceptable rate that are stopped. */
function stopped(given: Pick<StepsModel, 'twoSteps' | 'time'>): number {
  const model = { devices: 10_000, failureRate: 0.02, ...given }
  return Array.from({ length: SEEDS }, (_, seed) => isStopped({ ...model, seed: seed + 1 })).filter(Boolean).length
}

describe('a release at exactly the acceptable rate, with a floor on the way', () => {
  it.each([0, 0.1, 0.5, 0.9, 1])('is stopped within the budget when a share of %s needs the floor', (twoSteps) => {
    expect(stopped({ twoSteps, time: 'fixed' })).toBeLessThanOrEqual(0.01 * SEEDS)
  })

  it('would be stopped far too often if trials settled by their newest step', () => {
    expect(stopped({ twoSteps: 1, time: 'newest' })).toBeGreaterThan(0.5 * SEEDS)
  })
})
