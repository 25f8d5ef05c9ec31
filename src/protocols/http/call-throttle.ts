import type { Millis, Serial } from '../../core/common.ts'

interface Window {
  readonly startedAt: Millis
  calls: number
}

const WINDOW_MS = 60_000

/**
 * Counts calls per device (or whatever `K` stands for) in windows of a minute that begin with the first call. Bounded;
 * holds hardly more than those who called within the last minute. Of this node alone.
 */
export class CallThrottle<K = Serial> {
  readonly #windows = new Map<K, Window>()
  readonly #callsPerMinute: number
  readonly #capacity: number

  constructor(options: { readonly callsPerMinute: number; readonly capacity: number }) {
    this.#callsPerMinute = options.callsPerMinute
    this.#capacity = options.capacity
  }

  /** Counts a call: 0 when it is allowed, else the seconds after which the next one is. */
  take(who: K, now: Millis): number {
    const window = this.#windows.get(who)
    // A window that begins in the future is one from before the clock was set back.
    if (window === undefined || now >= window.startedAt + WINDOW_MS || now < window.startedAt) {
      this.#begin(who, now)
      return 0
    }
    window.calls += 1
    return window.calls <= this.#callsPerMinute ? 0 : Math.ceil((window.startedAt + WINDOW_MS - now) / 1000)
  }

  /** Windows stand in the order of their beginning, so the first one is the next to lapse. */
  #begin(who: K, now: Millis): void {
    this.#windows.delete(who)
    this.#forgetLapsed(now)
    if (this.#windows.size >= this.#capacity) {
      const oldest = this.#windows.keys().next()
      if (!oldest.done) this.#windows.delete(oldest.value)
    }
    this.#windows.set(who, { startedAt: now, calls: 1 })
  }
  /** For each window that begins, two that lapsed may go: so it is never much work at once. */
  #forgetLapsed(now: Millis): void {
    let room = 2
    for (const [who, { startedAt }] of this.#windows) {
      if (room-- === 0 || now - startedAt < WINDOW_MS) return
      this.#windows.delete(who)
    }
  }

  /** Windows that are held, for tests. */
  get size(): number {
    return this.#windows.size
  }
}
