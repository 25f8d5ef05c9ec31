const MINUTE_MS = 60_000
const ADDRESSES = 10_000

/** Counts failures per address and minute, on this node and in bounded memory. */
export class FailureCounter {
  readonly #perMinute: number
  readonly #counts = new Map<string, number>()
  #minute = 0
  #total = 0

  constructor(perMinute: number) {
    this.#perMinute = perMinute
  }

  isExhausted(address: string, now: number): boolean {
    this.#turn(now)
    return (this.#counts.get(address) ?? 0) >= this.#perMinute
  }

  /** Counts one. Answers how many there were since the last answer, at the first of each minute: for one log line. */
  note(address: string, now: number): number | undefined {
    this.#turn(now)
    const isFirst = this.#counts.size === 0
    if (this.#counts.size < ADDRESSES || this.#counts.has(address))
      this.#counts.set(address, (this.#counts.get(address) ?? 0) + 1)
    this.#total += 1
    if (!isFirst) return undefined
    const total = this.#total
    this.#total = 0
    return total
  }

  #turn(now: number): void {
    const minute = Math.floor(now / MINUTE_MS)
    if (minute === this.#minute) return
    this.#minute = minute
    this.#counts.clear()
  }
}
