import type { Millis } from '../../common.ts'

const DAY_MS = 86_400_000

/** Neighbouring marks of the scale differ by so much. */
const RATIO = 1.02

/**
 * How long ago the devices of a fleet were last seen, in bounded memory whatever its size: counts on a scale of 2 %
 * steps. One that was not seen for `silentDays` counts as silent: nobody knows whether it comes back.
 */
export class Ages {
  readonly silentDays: number
  readonly #counts: number[]
  #seen = 0
  #silent = 0
  #never = 0

  constructor(silentDays: number) {
    this.silentDays = silentDays
    this.#counts = new Array<number>(markOf(silentDays * 86_400) + 1).fill(0)
  }

  add(lastSeenAt: Millis | null, now: Millis): void {
    if (lastSeenAt === null) this.#never += 1
    else if (now - lastSeenAt > this.silentDays * DAY_MS) this.#silent += 1
    else {
      this.#seen += 1
      const mark = markOf((now - lastSeenAt) / 1000)
      this.#counts[mark] = (this.#counts[mark] ?? 0) + 1
    }
  }

  /** Seen within `silentDays`. */
  get seen(): number {
    return this.#seen
  }

  /** Seen once, but not for so long. */
  get silent(): number {
    return this.#silent
  }

  /** Never seen at all. */
  get never(): number {
    return this.#never
  }

  /** The share of the devices that were seen which was seen at most so many seconds ago, 0 to 1. */
  shareWithin(seconds: number): number {
    if (this.#seen === 0 || seconds < 0) return 0
    const mark = Math.min(markOf(seconds), this.#counts.length - 1)
    let below = 0
    for (let index = 0; index < mark; index++) below += this.#counts[index] ?? 0
    const [from, to] = spanOf(mark)
    const within = Math.min(1, (seconds - from) / (to - from))
    return (below + (this.#counts[mark] ?? 0) * within) / this.#seen
  }

  /** The age below which this share of the devices that were seen lies, seconds; undefined when none was. */
  quantile(share: number): number | undefined {
    if (this.#seen === 0) return undefined
    const wanted = share * this.#seen
    let below = 0
    for (const [mark, count] of this.#counts.entries()) {
      if (below + count < wanted || count === 0) {
        below += count
        continue
      }
      const [from, to] = spanOf(mark)
      return from + ((wanted - below) / count) * (to - from)
    }
    return this.silentDays * 86_400
  }
}

/** Mark 0 is the first second. */
function markOf(seconds: number): number {
  if (seconds < 1) return 0
  return 1 + Math.floor(Math.log(seconds) / Math.log(RATIO))
}

function spanOf(mark: number): readonly [number, number] {
  return mark === 0 ? [0, 1] : [RATIO ** (mark - 1), RATIO ** mark]
}
