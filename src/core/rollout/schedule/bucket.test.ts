import { describe, expect, it } from 'vitest'
import { bucketOf, spreadOffset } from './bucket.ts'

const ROLLOUT = '6f1e2a400011223344556677'
const OTHER = '6f1e2a400011223344556678'

/** Ids as the server makes them, all born in one second: only their last digits differ. */
const device = (at: number) => `6f1e2a41${at.toString(16).padStart(16, '0')}`
const DEVICES = Array.from({ length: 100_000 }, (_, at) => device(at))

/** Chi-square of counts that should all be equal. */
function chiSquare(counts: readonly number[]): number {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length
  return counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0)
}

function tally(cells: number, cellOf: (device: string) => number): number[] {
  const counts = new Array<number>(cells).fill(0)
  for (const one of DEVICES) counts[cellOf(one)] = (counts[cellOf(one)] ?? 0) + 1
  return counts
}

/** For 99 degrees of freedom a chi-square beyond these bounds happens once in 1,000 each. */
const [TOO_EVEN, TOO_UNEVEN] = [60, 149]

describe('the bucket of a device', () => {
  // Pinned: whatever these are, they must never change.
  it.each([
    [ROLLOUT, device(0), 879_181_952],
    [ROLLOUT, device(1), 3_828_820_918],
    [OTHER, device(0), 2_522_497_201],
    ['5e10fc5e77ba18070312e171', '5e1b57808711f904f5df4bad', 720_528_678],
  ])('of %s and %s is the same for ever', (rollout, id, bucket) => {
    expect(bucketOf(rollout, id) * 2 ** 32).toBe(bucket)
  })

  it('is uniform', () => {
    const spread = chiSquare(tally(100, (id) => Math.floor(bucketOf(ROLLOUT, id) * 100)))
    expect(spread).toBeGreaterThan(TOO_EVEN)
    expect(spread).toBeLessThan(TOO_UNEVEN)
  })

  it('is uniform far below, where the first stage of a large fleet is', () => {
    const first = DEVICES.filter((id) => bucketOf(ROLLOUT, id) < 0.001).length
    expect(Math.abs(first - 100)).toBeLessThan(40)
  })

  it('is independent between rollouts, so that no device is always the first', () => {
    const cell = (id: string) => Math.floor(bucketOf(ROLLOUT, id) * 10) * 10 + Math.floor(bucketOf(OTHER, id) * 10)
    expect(chiSquare(tally(100, cell))).toBeLessThan(TOO_UNEVEN)
  })
})

describe('the spread within a stage', () => {
  it.each([
    [0, 3600, 1_083_070],
    [1, 3600, 2_331_277],
    [0, 1, 300],
  ])('in stage %i over %i s is the same for ever', (stage, seconds, offset) => {
    expect(spreadOffset(ROLLOUT, device(0), stage, seconds)).toBe(offset)
  })

  it('lies within the time given, uniformly', () => {
    const offsets = DEVICES.map((id) => spreadOffset(ROLLOUT, id, 0, 600))
    expect(offsets.every((offset) => Number.isInteger(offset) && offset >= 0 && offset < 600_000)).toBe(true)
    expect(chiSquare(tally(100, (id) => Math.floor(spreadOffset(ROLLOUT, id, 0, 600) / 6000)))).toBeLessThan(TOO_UNEVEN)
    expect(spreadOffset(ROLLOUT, device(0), 0, 0)).toBe(0)
  })

  it('is independent of the bucket and between stages', () => {
    const tenth = (id: string, stage: number) => Math.floor(spreadOffset(ROLLOUT, id, stage, 10) / 1000)
    const bucket = (id: string) => Math.floor(bucketOf(ROLLOUT, id) * 10)
    expect(chiSquare(tally(100, (id) => bucket(id) * 10 + tenth(id, 0)))).toBeLessThan(TOO_UNEVEN)
    expect(chiSquare(tally(100, (id) => tenth(id, 0) * 10 + tenth(id, 1)))).toBeLessThan(TOO_UNEVEN)
  })
})
