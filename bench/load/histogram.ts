const STEP_MS = 0.01
const STEPS = 1_000_000

/** Counts of times in steps of 10 µs; beyond 10 s they count as the longest of all. */
export class Histogram {
  readonly #counts = new Uint32Array(STEPS)
  #count = 0
  #maxMs = 0

  add(ms: number): void {
    const step = Math.min(STEPS - 1, Math.floor(ms / STEP_MS))
    this.#counts[step] = (this.#counts[step] ?? 0) + 1
    this.#count += 1
    if (ms > this.#maxMs) this.#maxMs = ms
  }

  get maxMs(): number {
    return this.#maxMs
  }

  /** `share` from 0 to 1. 0 when there is nothing. */
  percentile(share: number): number {
    let left = Math.ceil(this.#count * share)
    if (left === 0) return 0
    for (let step = 0; step < STEPS - 1; step++) {
      left -= this.#counts[step] ?? 0
      if (left <= 0) return Math.round((step + 1) * STEP_MS * 1000) / 1000
    }
    return this.#maxMs
  }
}
