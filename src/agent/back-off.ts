const FIRST_MS = 5_000
const LONGEST_MS = 3_600_000

/** Pauses after failed calls: 5 s, doubled each time to an hour, times a random factor from 0.5 to 1.5. [native 10.3] */
export class BackOff {
  readonly #random: () => number
  #failures = 0

  constructor(random: () => number) {
    this.#random = random
  }

  /** Counts a failure; the next pause, and never less than what the server asked for. */
  next(atLeastSeconds = 0): number {
    const pause = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(this.#failures, 20))
    this.#failures += 1
    return Math.max(atLeastSeconds * 1000, pause * (0.5 + this.#random()))
  }

  reset(): void {
    this.#failures = 0
  }
}
