import { expect, test } from 'vitest'
import { CallThrottle } from './call-throttle.ts'

test('allows so many calls a minute and says how long to wait for the next', () => {
  const throttle = new CallThrottle({ callsPerMinute: 2, capacity: 10 })
  expect(throttle.take(1, 0)).toBe(0)
  expect(throttle.take(1, 30_000)).toBe(0)
  expect(throttle.take(1, 30_001)).toBe(30)
  expect(throttle.take(1, 59_999)).toBe(1)
  expect(throttle.take(2, 59_999)).toBe(0)
  expect(throttle.take(1, 60_000)).toBe(0)
})

test('a steady caller at the limit is never refused', () => {
  const throttle = new CallThrottle({ callsPerMinute: 60, capacity: 10 })
  for (let call = 0; call < 600; call += 1) expect(throttle.take(1, call * 1000)).toBe(0)
})

test('nobody is kept waiting by a clock that is set back', () => {
  const throttle = new CallThrottle({ callsPerMinute: 1, capacity: 10 })
  const hour = 3_600_000
  expect(throttle.take(1, hour)).toBe(0)
  expect(throttle.take(1, hour)).toBe(60)
  expect(throttle.take(1, 0)).toBe(0)
  expect(throttle.take(1, 1)).toBe(60)
})

test('forgets the oldest device when it is full', () => {
  const throttle = new CallThrottle({ callsPerMinute: 1, capacity: 2 })
  for (const device of [1, 2, 3]) expect(throttle.take(device, 0)).toBe(0)
  expect(throttle.take(3, 1)).toBeGreaterThan(0)
  expect(throttle.take(2, 1)).toBeGreaterThan(0)
  expect(throttle.take(1, 1)).toBe(0)
})

test('holds little more than those who called within the last minute', () => {
  const throttle = new CallThrottle({ callsPerMinute: 1, capacity: 10_000 })
  for (let device = 0; device < 1_000; device += 1) throttle.take(device, device)
  expect(throttle.size).toBe(1_000)
  for (let device = 1_000; device < 1_600; device += 1) throttle.take(device, 100_000 + device)
  expect(throttle.size).toBe(600)
  expect(throttle.take(1_599, 101_600)).toBeGreaterThan(0)
})
