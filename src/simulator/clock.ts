import { setTimeout as delay } from 'node:timers/promises'

/** Time as a virtual device sees it; tests pass one that does not wait. */
export interface SimulatorClock {
  /** Milliseconds since the epoch. */
  now(): number
  sleep(milliseconds: number): Promise<void>
}

export const systemClock: SimulatorClock = {
  now: () => Date.now(),
  sleep: async (milliseconds) => {
    await delay(milliseconds)
  },
}
