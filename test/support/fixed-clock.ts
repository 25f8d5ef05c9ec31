import type { Millis } from '../../src/core/common.ts'
import type { Clock } from '../../src/core/ports.ts'

/** 2026-01-02T03:04:05.678Z: an instant whose every part differs. */
export const START: Millis = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

/** A clock that stands still until a test moves it. */
export interface FixedClock extends Clock {
  advance(by: { days?: number; hours?: number; minutes?: number; seconds?: number; millis?: number }): void
  set(now: Millis): void
}

export function fixedClock(start: Millis = START): FixedClock {
  let now = start
  return {
    now: () => now,
    advance: ({ days = 0, hours = 0, minutes = 0, seconds = 0, millis = 0 }) => {
      now += (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000 + millis
    },
    set: (instant) => {
      now = instant
    },
  }
}
