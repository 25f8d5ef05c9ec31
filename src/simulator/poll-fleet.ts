import type { SimulatorClock } from './clock.ts'
import type { Outcome, VirtualDevice } from './device.ts'
import { PowerLoss } from './faulty-flash.ts'
import type { SeededRandom } from './seeded-random.ts'

export interface PollingOptions {
  readonly clock: SimulatorClock
  readonly random: SeededRandom
  /** Mean time between two checks of a device; they come at random moments. */
  readonly pollSeconds: number
  /** Devices that talk to the server at one time. */
  readonly concurrency: number
  /** No further check begins once it is aborted. */
  readonly signal: AbortSignal
  /** Whether the device need not check any more. */
  readonly isDone: (device: VirtualDevice, outcome: Outcome) => boolean
}

/**
 * Lets every device check again and again, at random moments of its own. Resolves when all are done or dead, or when it
 * is aborted and those that talk have ended.
 */
export async function pollFleet(devices: readonly VirtualDevice[], options: PollingOptions): Promise<void> {
  const slots = new Slots(options.concurrency)
  await Promise.all(devices.map((device) => keepChecking(device, slots, options)))
}

async function keepChecking(device: VirtualDevice, slots: Slots, options: PollingOptions): Promise<void> {
  const { clock, random, pollSeconds, signal, isDone } = options
  while (!signal.aborted) {
    // Short naps, so that an abort is noticed soon.
    const until = clock.now() - 1000 * pollSeconds * Math.log(1 - random.fraction())
    for (let left = until - clock.now(); left > 0 && !signal.aborted; left = until - clock.now())
      await clock.sleep(Math.min(NAP_MS, left))
    if (signal.aborted) return
    const outcome = await slots.use(() => device.run()).catch(diedOf)
    if (outcome === 'dead' || isDone(device, outcome)) return
  }
}

const NAP_MS = 500

function diedOf(error: unknown): 'dead' {
  if (error instanceof PowerLoss) return 'dead'
  throw error
}

/** At most so many at one time, first come, first served. */
class Slots {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(count: number) {
    this.#free = count
  }

  async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free += 1
    }
  }
}
