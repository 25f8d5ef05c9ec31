import type { Serial } from '../../core/common.ts'
import type { Event } from '../../core/event/event.ts'
import type { EventStore } from '../../core/event/event-store.ts'
import { matchesType } from '../../core/event/matches-type.ts'
import type { EventFeed } from './event-feed.ts'

export interface Following {
  readonly organisation: Serial
  /** Patterns of types; none = all. */
  readonly types: readonly string[]
  /** Events beyond this serial; undefined = those that come from now on. */
  readonly after: Serial | undefined
}

/** Events handed out at once. */
const BATCH = 200
/** Events that wait in memory for a reader; one that is slower reads them again from the store. */
const WAITING = 1000

/**
 * The events of an organisation from one position on, in order, each once. It catches up from the store and then lives on
 * the feed; a reader that falls behind goes back to the store, so that none costs memory.
 */
export class EventFollower {
  readonly #feed: EventFeed
  readonly #events: EventStore
  readonly #following: Following
  readonly #listener = (events: readonly Event[], through: Serial) => this.#take(events, through)
  #position = 0
  #isLive = false
  #waiting: Event[] = []
  #wake: (() => void) | undefined
  #isInterrupted = false

  constructor(feed: EventFeed, events: EventStore, following: Following) {
    this.#feed = feed
    this.#events = events
    this.#following = following
  }

  async open(): Promise<void> {
    await this.#feed.subscribe(this.#listener)
    this.#position = this.#following.after ?? this.#feed.position
  }

  close(): void {
    this.#feed.unsubscribe(this.#listener)
    this.interrupt()
  }

  /** Everything up to here was handed out, or is of no interest. */
  get position(): Serial {
    return this.#position
  }

  /** The next events, as soon as there are any; none, perhaps, after `interrupt`. */
  async next(): Promise<readonly Event[]> {
    let there = await this.poll()
    if (there.length === 0 && this.#isUpToDate() && !this.#isInterrupted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    this.#isInterrupted = false
    if (there.length === 0 && !this.#isUpToDate()) there = await this.poll()
    return there
  }

  #isUpToDate(): boolean {
    return this.#isLive && this.#waiting.length === 0
  }

  /** What is there already; none when everything was handed out. */
  async poll(): Promise<readonly Event[]> {
    for (;;) {
      if (this.#isLive) return this.#takeWaiting()
      const through = this.#feed.position
      const events = await this.#read(through)
      if (events.length > 0) return events
      this.#position = Math.max(this.#position, through)
      this.#isLive = this.#feed.position <= this.#position
    }
  }

  /** Ends the `next` that waits, or the next one at once. */
  interrupt(): void {
    this.#isInterrupted = true
    this.#wake?.()
    this.#wake = undefined
  }

  async #read(through: Serial): Promise<readonly Event[]> {
    const { organisation, types } = this.#following
    if (this.#position >= through) return []
    const events = await this.#events.list(
      { organisation, type: types, through },
      { after: this.#position, limit: BATCH },
    )
    this.#position = events.at(-1)?.serial ?? this.#position
    return events
  }

  #takeWaiting(): readonly Event[] {
    const events = this.#waiting
    this.#waiting = []
    this.#position = Math.max(this.#position, events.at(-1)?.serial ?? 0)
    return events
  }

  #take(events: readonly Event[], through: Serial): void {
    if (!this.#isLive) return
    const { organisation, types } = this.#following
    const mine = events.filter(
      (event) => event.serial > this.#position && event.organisation === organisation && matchesType(types, event.type),
    )
    if (this.#waiting.length + mine.length > WAITING) {
      this.#isLive = false
      this.#waiting = []
    } else {
      this.#waiting.push(...mine)
      if (this.#waiting.length === 0) this.#position = Math.max(this.#position, through)
    }
    if (mine.length > 0) this.interrupt()
  }
}
