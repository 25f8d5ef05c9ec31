import { beforeEach, describe, expect, it } from 'vitest'
import type { Clock } from '../../core/ports.ts'
import { steadyClock } from './steady-clock.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const BELIEVE = 10 * MINUTE

let wall: number
let monotonic: number
let clock: Clock
let heard: string[]

const pass = (ms: number) => {
  wall += ms
  monotonic += ms
}
const start = (believeAfterMs = BELIEVE) => {
  heard = []
  clock = steadyClock({
    wall: () => wall,
    monotonic: () => monotonic,
    believeAfterMs,
    onStep: (byMs, what) => heard.push(`${byMs / MINUTE} min ${what}`),
  })
}

beforeEach(() => {
  wall = Date.UTC(2026, 0, 2, 3, 4, 5)
  monotonic = 77.25
  start()
  clock.now()
  pass(2 * MINUTE)
})

describe('the clock of a server', () => {
  it('is the system\u2019s, slewed as it may be', () => {
    expect(clock.now()).toBe(wall)
    for (let minute = 0; minute < 600; minute += 1) {
      pass(MINUTE)
      wall += 20 * SECOND
      expect(clock.now()).toBe(wall)
    }
    expect(heard).toEqual([])
  })

  it.each([HOUR, -HOUR])('goes on as it went while the system\u2019s is %i ms off, until that is corrected', (byMs) => {
    let right = clock.now()
    wall += byMs
    for (let passed = 0; passed < 9 * MINUTE; passed += MINUTE) {
      expect(Math.abs(clock.now() - right)).toBeLessThan(2)
      pass(MINUTE)
      right += MINUTE
    }
    wall -= byMs
    expect(clock.now()).toBe(wall)
    expect(heard).toEqual([`${byMs / MINUTE} min held back`, `${byMs / MINUTE} min taken back`])
  })

  it.each([HOUR, -HOUR])('believes a step of %i ms that lasts', (byMs) => {
    wall += byMs
    clock.now()
    pass(BELIEVE - 1)
    expect(clock.now()).not.toBe(wall)
    pass(1)
    expect(clock.now()).toBe(wall)
    pass(MINUTE)
    expect(clock.now()).toBe(wall)
    expect(heard).toEqual([`${byMs / MINUTE} min held back`, `${byMs / MINUTE} min believed`])
  })

  it('waits anew when another step comes', () => {
    wall += HOUR
    clock.now()
    pass(9 * MINUTE)
    wall += HOUR
    clock.now()
    pass(9 * MINUTE)
    expect(clock.now()).not.toBe(wall)
    pass(MINUTE)
    expect(clock.now()).toBe(wall)
  })

  it('believes at once what comes right after the start, and always where nothing is to be held back', () => {
    start()
    wall += 24 * 365 * HOUR
    expect(clock.now()).toBe(wall)
    start(0)
    pass(HOUR)
    wall += HOUR
    expect(clock.now()).toBe(wall)
    expect(heard).toEqual(['60 min believed'])
  })
})
