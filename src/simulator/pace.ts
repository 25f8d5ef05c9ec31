import type { SimulatorClock } from './clock.ts'

/** Awaited after each chunk of a download: takes the time that a slow link or flash would. */
export type Pace = (bytes: number) => Promise<void>

/** No waiting without a rate. */
export function paceOf(clock: SimulatorClock, bytesPerSecond: number | undefined): Pace {
  if (bytesPerSecond === undefined) return async () => undefined
  return (bytes) => clock.sleep((bytes * 1000) / bytesPerSecond)
}
