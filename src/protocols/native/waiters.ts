import type { Serial } from '../../core/common.ts'
import { OtaError } from '../../core/errors.ts'
import type { Change, Storage } from '../../core/ports.ts'

export interface Waiting {
  readonly device: Serial
  readonly organisation: Serial
  readonly timeoutMs: number
  /** From 0 to 1: where in the spread this device is looked at when something changed for many. */
  readonly fraction: number
  /** Whether there is anything new for the device. */
  readonly hasNews: () => Promise<boolean>
}

/**
 * Devices that wait for a change, whichever process commits it. Bounded; one wait per device, a second one ends the first.
 * A change of the device itself is looked at at once, one of its organisation somewhere within the spread, so that ten
 * thousand waiting devices do not ask the database in the same instant.
 */
export class Waiters {
  readonly #byDevice = new Map<Serial, Waiter>()
  readonly #byOrganisation = new Map<Serial, Set<Waiter>>()
  readonly #capacity: number
  readonly #spreadMs: number
  #isEnding = false

  constructor(storage: Pick<Storage, 'onChange'>, options: { readonly capacity: number; readonly spreadMs: number }) {
    this.#capacity = options.capacity
    this.#spreadMs = options.spreadMs
    storage.onChange((changes) => {
      if (this.#byDevice.size > 0) for (const change of changes) this.#wake(change)
    })
  }

  /**
   * Resolves with whether there is news: at once, when it comes, or at the end of the time. `onGone` is told how to give
   * up. Throws `limit-reached` when too many wait already.
   */
  async wait(waiting: Waiting, onGone: (giveUp: () => void) => void): Promise<boolean> {
    if (this.#isEnding) return false
    const before = this.#byDevice.get(waiting.device)
    if (!before && this.#byDevice.size >= this.#capacity)
      throw new OtaError('limit-reached', 'Too many devices wait here; poll instead.')
    before?.end(false)
    const waiter = new Waiter(waiting)
    this.#add(waiter)
    onGone(() => waiter.end(false))
    try {
      // Looked at only once it stands in the maps: a change in between would be lost.
      waiter.look()
      return await waiter.ended
    } finally {
      this.#remove(waiter)
    }
  }

  /** Whether nobody is to wait any more. */
  get isEnding(): boolean {
    return this.#isEnding
  }

  /** Answers all that wait, and whoever comes later, at once. */
  endAll(): void {
    this.#isEnding = true
    for (const waiter of this.#byDevice.values()) waiter.end(false)
  }

  #wake(change: Change): void {
    if (change.kind === 'device') this.#byDevice.get(change.device)?.look()
    // A grant to one device is no news to the others, nor is a token.
    else if (change.kind !== 'fleet') return
    else if (change.organisation === null)
      for (const waiter of this.#byDevice.values()) waiter.lookWithin(this.#spreadMs)
    else for (const waiter of this.#byOrganisation.get(change.organisation) ?? []) waiter.lookWithin(this.#spreadMs)
  }

  #add(waiter: Waiter): void {
    const { device, organisation } = waiter.waiting
    this.#byDevice.set(device, waiter)
    const others = this.#byOrganisation.get(organisation) ?? new Set()
    this.#byOrganisation.set(organisation, others.add(waiter))
  }

  #remove(waiter: Waiter): void {
    const { device, organisation } = waiter.waiting
    if (this.#byDevice.get(device) === waiter) this.#byDevice.delete(device)
    const others = this.#byOrganisation.get(organisation)
    others?.delete(waiter)
    if (others?.size === 0) this.#byOrganisation.delete(organisation)
  }
}

class Waiter {
  readonly waiting: Waiting
  readonly ended: Promise<boolean>
  readonly #timeout: NodeJS.Timeout
  #later: NodeJS.Timeout | undefined
  #resolve: (hasNews: boolean) => void = () => undefined
  #reject: (error: unknown) => void = () => undefined
  #isLooking = false
  #mustLookAgain = false
  #isOver = false

  constructor(waiting: Waiting) {
    this.waiting = waiting
    this.ended = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#timeout = setTimeout(() => this.#lookLast(), waiting.timeoutMs)
  }

  look(): void {
    if (this.#isLooking) {
      this.#mustLookAgain = true
      return
    }
    this.#isLooking = true
    this.waiting.hasNews().then(
      (hasNews) => this.#seen(hasNews),
      (error) => this.#fail(error),
    )
  }

  lookWithin(spreadMs: number): void {
    this.#later ??= setTimeout(
      () => {
        this.#later = undefined
        this.look()
      },
      Math.floor(spreadMs * this.waiting.fraction),
    )
  }

  end(hasNews: boolean): void {
    this.#stop()
    this.#resolve(hasNews)
  }

  #seen(hasNews: boolean): void {
    this.#isLooking = false
    if (hasNews) this.end(true)
    else if (this.#mustLookAgain && !this.#isOver) {
      this.#mustLookAgain = false
      this.look()
    }
  }

  /** What comes with time alone (the end of a pause) is seen at the end. */
  #lookLast(): void {
    this.waiting.hasNews().then(
      (hasNews) => this.end(hasNews),
      (error) => this.#fail(error),
    )
  }

  #fail(error: unknown): void {
    this.#stop()
    this.#reject(error)
  }

  #stop(): void {
    this.#isOver = true
    clearTimeout(this.#timeout)
    clearTimeout(this.#later)
  }
}
