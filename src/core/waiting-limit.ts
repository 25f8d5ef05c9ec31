import { OtaError } from './errors.ts'
import { DEFAULT_CORE_LIMITS } from './limits.ts'

/** When a caller that was refused may come back, seconds. */
const RETRY_SECONDS = 5

/**
 * Bounds what waits for the database: callers beyond it are refused at once with a time to come back, before memory
 * grows. What was admitted is never refused afterwards.
 */
export class WaitingLimit {
  readonly #most: number
  #admitted = 0

  constructor(most: number = DEFAULT_CORE_LIMITS.waitingTransactions) {
    this.#most = most
  }

  /** Throws `unavailable` with `retryAfterSeconds` when there are too many already. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#admitted >= this.#most)
      throw new OtaError('unavailable', 'The server has more to write than it can take in; come back later.', {
        details: { retryAfterSeconds: RETRY_SECONDS },
      })
    this.#admitted += 1
    try {
      return await work()
    } finally {
      this.#admitted -= 1
    }
  }
}
