import type { Serial } from '../../core/common.ts'
import type { Event } from '../../core/event/event.ts'
import type { Storage } from '../../core/ports.ts'

/** New events of all organisations in their order; nothing else lies between the ones before and `through`. */
type Listener = (events: readonly Event[], through: Serial) => void

export interface FeedOptions {
  /** Events of other processes are seen so late at most, ms. */
  readonly pollMs: number
  /** A poll that failed; the next one begins where this one did. */
  readonly onError: (error: unknown) => void
}

/** Events read at once. */
const BATCH = 500
/** Changes that come so close together are one, ms. */
const GATHER_MS = 30

/**
 * The end of the log, read once per process however many listen: soon after each change, and by polling for events that
 * other processes record without changing anything. Rests while nobody listens.
 */
export class EventFeed {
  readonly #storage: Storage
  readonly #options: FeedOptions
  readonly #listeners = new Set<Listener>()
  #position: Serial | undefined
  #reading: Promise<void> | undefined
  #next: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #gathering: NodeJS.Timeout | undefined

  constructor(storage: Storage, options: FeedOptions) {
    this.#storage = storage
    this.#options = options
    storage.onChange(() => {
      if (this.#listeners.size === 0) return
      this.#gathering ??= setTimeout(() => {
        this.#gathering = undefined
        this.#poll()
      }, GATHER_MS).unref()
    })
  }

  /** Everything up to here was handed out, or was there before anybody listened. */
  get position(): Serial {
    return this.#position ?? 0
  }

  /**
   * From then on, until `unsubscribe`, `position` is valid; it is behind everything that was settled when this was
   * called. Rejects when the log cannot be read.
   */
  async subscribe(listener: Listener): Promise<void> {
    this.#listeners.add(listener)
    this.#timer ??= setInterval(() => this.#poll(), this.#options.pollMs).unref()
    try {
      await this.#readAfresh()
    } catch (error) {
      this.unsubscribe(listener)
      throw error
    }
  }

  unsubscribe(listener: Listener): void {
    this.#listeners.delete(listener)
    if (this.#listeners.size > 0) return
    clearInterval(this.#timer)
    clearTimeout(this.#gathering)
    this.#timer = undefined
    this.#gathering = undefined
    this.#position = undefined
  }

  #poll(): void {
    this.#read().catch(this.#options.onError)
  }

  /** Those who ask while one read is under way share the next one. */
  #readAfresh(): Promise<void> {
    if (this.#reading === undefined) return this.#read()
    this.#next ??= this.#reading
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined
        return this.#read()
      })
    return this.#next
  }

  /** One reader at a time. */
  #read(): Promise<void> {
    this.#reading ??= this.#readOn().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #readOn(): Promise<void> {
    const { events } = this.#storage.management
    const through = await events.settledThrough()
    this.#position ??= through
    while (this.#position !== undefined && this.#position < through) {
      const after: Serial = this.#position
      const batch = await events.list({ through }, { after, limit: BATCH })
      // All listeners may have left meanwhile, and others come, who begin elsewhere.
      if (this.#position !== after) return
      const end = batch.length < BATCH ? through : (batch.at(-1)?.serial ?? through)
      this.#position = end
      for (const listener of [...this.#listeners]) listener(batch, end)
    }
  }
}
