import type { SimulatorClock } from '../../src/simulator/clock.ts'

/** A clock that stands at `start` and jumps over every sleep; `slept` lists the sleeps in order. */
export function jumpingClock(start: number): SimulatorClock & { readonly slept: number[]; advance(ms: number): void } {
  let now = start
  const slept: number[] = []
  return {
    slept,
    now: () => now,
    advance: (milliseconds) => {
      now += milliseconds
    },
    sleep: async (milliseconds) => {
      slept.push(milliseconds)
      now += milliseconds
    },
  }
}
