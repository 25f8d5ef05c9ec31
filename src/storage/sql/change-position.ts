import type { Serial } from '../../core/common.ts'

/** One row of the log of changes. */
export interface ChangeRow {
  readonly serial: Serial
  readonly origin: string
  readonly what: string
}

/** What is asked of the log next. */
export interface ChangeQuestion {
  /** Rows behind this one, and those of `gaps`. */
  readonly after: Serial
  readonly gaps: readonly Serial[]
  /** Whether to look at who writes to the log at this moment. */
  readonly looks: boolean
}

/** What one statement saw of the log: the rows in its snapshot, and then, later than that, who was writing. */
export interface ChangeReading {
  /** In their order. */
  readonly rows: readonly ChangeRow[]
  /** The oldest row that was not pruned; null of an empty log. */
  readonly oldest: Serial | null
  /** The transactions that have written to the log and are not over, when it was looked. */
  readonly writers?: readonly string[]
}

/** Numbers that are missing at one time; more, and something else is going on than transactions that end out of order. */
const MOST_GAPS = 10_000

interface Gap {
  /** Who wrote when it was first looked: the number is one of theirs. */
  writers?: ReadonlySet<string>
  /** None of those was still writing: what the number stands for is visible to the next reading, or never will be. */
  isOver: boolean
}

/**
 * How far a reader has come in a log whose rows are numbered before they are committed. A number that is missing belongs
 * to a transaction that is under way, or that failed: it is asked for until every transaction has ended that was writing
 * when it was missed. Pure.
 */
export class ChangePosition {
  #through: Serial
  #before: ReadonlySet<string> | undefined
  #isCaughtUp = false
  readonly #gaps = new Map<Serial, Gap>()

  /** `through`: a row that is known to be committed. What comes before it is nothing that this reader is told of. */
  constructor(through: Serial) {
    this.#through = through
  }

  /**
   * Whether everything numbered before the first row has become visible, so that whatever is read of the database from
   * now on contains it.
   */
  get isCaughtUp(): boolean {
    return this.#isCaughtUp
  }

  /** Whether something is expected very soon. */
  get isWaiting(): boolean {
    return !this.#isCaughtUp || this.#gaps.size > 0
  }

  get question(): ChangeQuestion {
    return { after: this.#through, gaps: [...this.#gaps.keys()], looks: this.isWaiting }
  }

  /** Takes in a reading and answers the rows that are new; undefined when rows are lost, and the reader must begin anew. */
  take(reading: ChangeReading): readonly ChangeRow[] | undefined {
    const needed = Math.min(this.#through, ...this.#gaps.keys())
    if (reading.oldest === null || reading.oldest > needed) return undefined
    for (const { serial } of reading.rows) this.#arrived(serial)
    for (const [serial, gap] of this.#gaps) if (gap.isOver) this.#gaps.delete(serial)
    if (this.#gaps.size > MOST_GAPS) return undefined
    if (reading.writers) this.#look(reading.writers)
    return reading.rows
  }

  #arrived(serial: Serial): void {
    if (serial <= this.#through) {
      this.#gaps.delete(serial)
      return
    }
    const missing = serial - this.#through - 1
    for (let gap = serial - Math.min(missing, MOST_GAPS + 1); gap < serial; gap += 1)
      this.#gaps.set(gap, { isOver: false })
    this.#through = serial
  }

  #look(writers: readonly string[]): void {
    const now = new Set(writers)
    this.#before ??= now
    if (now.isDisjointFrom(this.#before)) this.#isCaughtUp = true
    for (const gap of this.#gaps.values()) {
      gap.writers ??= now
      gap.isOver = now.isDisjointFrom(gap.writers)
    }
  }
}
