/** A device that reports its failure before its time is over. */
export interface EarlyFailure {
  readonly at: number
  /** The how-many-th grant it was. */
  readonly grant: number
}

/** Failures to come, earliest first (a binary heap). */
export class EarlyFailures {
  readonly #heap: EarlyFailure[] = []

  nextAt(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY
  }

  add(failure: EarlyFailure): void {
    let place = this.#heap.length
    this.#heap.push(failure)
    while (place > 0) {
      const parent = (place - 1) >> 1
      const above = this.#heap[parent]
      if (above === undefined || above.at <= failure.at) break
      this.#heap[place] = above
      place = parent
    }
    this.#heap[place] = failure
  }

  take(): EarlyFailure | undefined {
    const first = this.#heap[0]
    const last = this.#heap.pop()
    if (last !== undefined && this.#heap.length > 0) this.#sink(last)
    return first
  }

  #sink(failure: EarlyFailure): void {
    let place = 0
    for (;;) {
      const left = this.#heap[2 * place + 1]
      const right = this.#heap[2 * place + 2]
      const takeRight = left !== undefined && right !== undefined && right.at < left.at
      const child = takeRight ? right : left
      if (child === undefined || failure.at <= child.at) break
      this.#heap[place] = child
      place = 2 * place + (takeRight ? 2 : 1)
    }
    this.#heap[place] = failure
  }
}
