import { describe, expect, it } from 'vitest'
import { alternatives, logEvidence } from './e-process.ts'

const P0 = 0.02

/** The exact probability that the evidence reaches `limit` within `devices` devices failing independently at `rate`. */
function crossingProbability(rate: number, devices: number, limit: number): number {
  let alive = [1]
  let crossed = 0
  for (let n = 1; n <= devices; n++) {
    const next = Array.from({ length: n + 1 }, (_, f) => (alive[f] ?? 0) * (1 - rate) + (alive[f - 1] ?? 0) * rate)
    const stops = next.findIndex((weight, f) => weight > 0 && logEvidence({ devices: n, failed: f }, P0) >= limit)
    if (stops >= 0) crossed += next.splice(stops).reduce((sum, weight) => sum + weight, 0)
    while ((next.at(-1) ?? 1) < 1e-18) next.pop()
    alive = next
  }
  return crossed
}

describe('mixture e-process', () => {
  it('bets on rates above the acceptable one only, densely near it', () => {
    for (const p0 of [0.0001, 0.02, 0.5]) {
      const rates = alternatives(p0)
      expect(rates[0]).toBeGreaterThan(p0)
      expect(rates.at(-1)).toBeCloseTo(0.98, 6)
      expect(rates).toEqual(rates.toSorted((left, right) => left - right))
    }
    expect(alternatives(P0)[0]).toBeLessThan(P0 * 1.1)
  })

  it('starts at 1 and is the mean likelihood ratio', () => {
    expect(logEvidence({ devices: 0, failed: 0 }, P0)).toBeCloseTo(0, 12)
    const mean = alternatives(P0).reduce((sum, rate) => sum + rate / P0, 0) / 12
    expect(Math.exp(logEvidence({ devices: 1, failed: 1 }, P0))).toBeCloseTo(mean, 9)
    const two = alternatives(P0).reduce((sum, rate) => sum + (rate * (1 - rate)) / (P0 * (1 - P0)), 0) / 12
    expect(Math.exp(logEvidence({ devices: 2, failed: 1 }, P0))).toBeCloseTo(two, 9)
  })

  it('is a martingale at the acceptable rate and a supermartingale below it, whatever the rate of the next device', () => {
    for (const n of [0, 1, 7, 100, 5000])
      for (const f of [0, 1, 3, 40, 400].filter((count) => count <= n)) {
        const ratio = (failed: number) =>
          Math.exp(logEvidence({ devices: n + 1, failed }, P0) - logEvidence({ devices: n, failed: f }, P0))
        const expected = (q: number) => q * ratio(f + 1) + (1 - q) * ratio(f)
        expect(expected(P0)).toBeCloseTo(1, 9)
        for (const q of [0, 0.001, 0.01, 0.0199]) expect(expected(q)).toBeLessThan(1)
        expect(expected(0.03)).toBeGreaterThan(1)
      }
  })

  it('rises with failures and sinks with good devices, so unknown outcomes taken as good never overstate it', () => {
    for (const n of [1, 10, 500])
      for (const f of [0, 1, 10, 100].filter((count) => count < n)) {
        const here = logEvidence({ devices: n, failed: f }, P0)
        expect(logEvidence({ devices: n, failed: f + 1 }, P0)).toBeGreaterThan(here)
        expect(logEvidence({ devices: n + 1, failed: f }, P0)).toBeLessThan(here)
      }
  })

  it('stops a release at the acceptable rate with at most its budget, exactly computed over 2,000 devices', () => {
    const limit = Math.log(100)
    const atLimit = crossingProbability(P0, 2000, limit)
    expect(atLimit).toBeLessThan(0.01)
    expect(atLimit).toBeGreaterThan(0.001) // a test that never stops would be no test
    expect(crossingProbability(0.01, 2000, limit)).toBeLessThan(0.001)
  })

  it('finds a bad release soon', () => {
    const limit = Math.log(250)
    expect(crossingProbability(1, 2, limit)).toBe(1)
    expect(crossingProbability(0.2, 30, limit)).toBeGreaterThan(0.5)
    expect(crossingProbability(0.05, 450, limit)).toBeGreaterThan(0.5)
    expect(crossingProbability(0.05, 2000, limit)).toBeGreaterThan(0.99)
  })

  it('stays finite at a million devices', () => {
    for (const failed of [0, 10_000, 20_000, 1_000_000])
      expect(Number.isFinite(logEvidence({ devices: 1_000_000, failed }, P0))).toBe(true)
  })
})
