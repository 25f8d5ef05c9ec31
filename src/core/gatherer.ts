/** Another group begins beside those at work when so many wait for each of these. */
const WORTHWHILE = 16

export interface GathererOptions<T> {
  /** The weight that makes a group full. */
  readonly most: number
  /** Groups at one time. Default 1. */
  readonly groups?: number
  /** Default: 1 for each. */
  readonly weigh?: (item: T) => number
}

/**
 * What is done for a group: an answer for each, in their order; when it throws, it failed for all. `gather` closes the
 * group and answers it, the same each time: call it as late as possible.
 */
export type Work<T, R> = (gather: () => readonly T[]) => Promise<ReadonlyArray<R | Promise<R>>>

/**
 * Does for many callers at once what costs little more than for one. Who comes while nothing is done is served at once;
 * whoever comes meanwhile is of the next group.
 */
export class Gatherer<T, R> {
  readonly #waiting: Waiting<T, R>[] = []
  readonly #work: Work<T, R>
  readonly #options: Required<GathererOptions<T>>
  #atWork = 0

  constructor({ most, groups = 1, weigh = () => 1 }: GathererOptions<T>, work: Work<T, R>) {
    this.#work = work
    this.#options = { most, groups, weigh }
  }

  add(item: T): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      if (this.#atWork < this.#options.groups && this.#waiting.length >= WORTHWHILE * this.#atWork) void this.#workOff()
    })
  }

  async #workOff(): Promise<void> {
    this.#atWork += 1
    while (this.#waiting.length > 0) await this.#workGroup()
    this.#atWork -= 1
  }

  async #workGroup(): Promise<void> {
    let group: readonly Waiting<T, R>[] | undefined
    const gather = () => {
      group ??= this.#next()
      return group.map(({ item }) => item)
    }
    try {
      const answers = await this.#work(gather)
      for (const [index, { resolve }] of (group ?? []).entries()) resolve(answers[index] as R | Promise<R>)
    } catch (error) {
      for (const { reject } of group ?? this.#next()) reject(error)
    }
  }

  #next(): readonly Waiting<T, R>[] {
    let [weight, count] = [0, 0]
    for (const { item } of this.#waiting) {
      weight += this.#options.weigh(item)
      if (count > 0 && weight > this.#options.most) break
      count += 1
    }
    return this.#waiting.splice(0, count)
  }
}

interface Waiting<T, R> {
  readonly item: T
  resolve(answer: R | Promise<R>): void
  reject(error: unknown): void
}
