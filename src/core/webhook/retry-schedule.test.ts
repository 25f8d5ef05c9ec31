import { describe, expect, it } from 'vitest'
import { DEFAULT_CORE_LIMITS } from '../limits.ts'
import { jitterOf, nextAttemptAt } from './retry-schedule.ts'

const SECOND = 1000
const NEVER = Number.MAX_SAFE_INTEGER

describe('the next attempt', () => {
  it.each([
    [1, 0, 2.5],
    [1, 0.5, 3.75],
    [2, 0, 5],
    [3, 0, 10],
    [10, 0, 1280],
    [11, 0, 1800],
    [200, 0, 1800],
  ])('after failure %i with jitter %d comes %d s later', (failures, jitter, seconds) => {
    const failure = { now: 5000, deadline: NEVER, failures, jitter }
    expect(nextAttemptAt(DEFAULT_CORE_LIMITS, failure)).toBe(5000 + seconds * SECOND)
  })

  it('waits as long as the receiver asks, within the longest pause', () => {
    const failure = { now: 0, deadline: NEVER, failures: 1, jitter: 0 }
    expect(nextAttemptAt(DEFAULT_CORE_LIMITS, { ...failure, retryAfterSeconds: 90 })).toBe(90 * SECOND)
    expect(nextAttemptAt(DEFAULT_CORE_LIMITS, { ...failure, retryAfterSeconds: 1 })).toBe(2500)
    expect(nextAttemptAt(DEFAULT_CORE_LIMITS, { ...failure, retryAfterSeconds: 1e9 })).toBe(3600 * SECOND)
  })

  it('is the last one at the deadline, and there is none after it', () => {
    const failure = { failures: 9, jitter: 0.9, deadline: 10_000 }
    expect(nextAttemptAt(DEFAULT_CORE_LIMITS, { ...failure, now: 9_999 })).toBe(10_000)
    expect(nextAttemptAt(DEFAULT_CORE_LIMITS, { ...failure, now: 10_000 })).toBeUndefined()
    expect(nextAttemptAt(DEFAULT_CORE_LIMITS, { ...failure, now: 10_001 })).toBeUndefined()
  })

  it('comes about thirty times in a day', () => {
    let now = 0
    let failures = 0
    for (let next: number | undefined = 0; next !== undefined; ) {
      now = next
      failures += 1
      next = nextAttemptAt(DEFAULT_CORE_LIMITS, {
        now,
        deadline: 86_400 * SECOND,
        failures,
        jitter: jitterOf(`seed ${failures}`),
      })
    }
    expect(now).toBe(86_400 * SECOND)
    expect(failures).toBeGreaterThan(30)
    expect(failures).toBeLessThan(60)
  })
})

it('jitter is spread, and the same for the same seed', () => {
  const drawn = Array.from({ length: 1000 }, (_, index) => jitterOf(`seed ${index}`))
  expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0)
  expect(Math.max(...drawn)).toBeLessThan(1)
  expect(drawn.reduce((sum, one) => sum + one, 0) / 1000).toBeCloseTo(0.5, 1)
  expect(jitterOf('seed 7')).toBe(drawn[7])
})
