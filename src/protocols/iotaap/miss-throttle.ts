import type { Clock } from '../../core/ports.ts'

export interface MissLimits {
  readonly missesPerMinute: number
  readonly missDelayMs: number
  readonly heldMisses: number
  readonly missAddresses: number
}

interface Count {
  readonly since: number
  misses: number
}

const WINDOW_MS = 60_000

/**
 * Slows down addresses that ask for what is not there: beyond their share of a minute their misses are answered late.
 * Hits are never touched, as many devices share one address. Counts per process, in bounded memory. [iotaap R9]
 */
export class MissThrottle {
  readonly #limits: MissLimits
  readonly #clock: Clock
  readonly #counts = new Map<string, Count>()
  #held = 0

  constructor(limits: MissLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  /** Resolves when this miss of the address may be answered; undefined = at once. */
  hold(address: string): Promise<void> | undefined {
    const { missesPerMinute, missDelayMs, heldMisses } = this.#limits
    if (this.#count(address) <= missesPerMinute || missDelayMs === 0 || this.#held >= heldMisses) return undefined
    this.#held++
    return new Promise((resolve) => {
      setTimeout(() => {
        this.#held--
        resolve()
      }, missDelayMs)
    })
  }

  #count(address: string): number {
    const now = this.#clock.now()
    const known = this.#counts.get(address)
    if (known && Math.abs(now - known.since) < WINDOW_MS) return ++known.misses
    this.#counts.delete(address)
    if (this.#counts.size >= this.#limits.missAddresses) {
      const oldest = this.#counts.keys().next()
      if (!oldest.done) this.#counts.delete(oldest.value)
    }
    this.#counts.set(address, { since: now, misses: 1 })
    return 1
  }
}
