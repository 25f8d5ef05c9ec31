import type { Millis, Serial } from '../common.ts'
import type { Storage } from '../ports.ts'

/** The last sign of life of each device, written behind in one batch: the one thing that a crash may lose. */
export class LastSeen {
  #seen = new Map<Serial, Millis>()
  readonly #storage: Storage

  constructor(storage: Storage) {
    this.#storage = storage
  }

  note(device: Serial, at: Millis): void {
    this.#seen.set(device, at)
  }

  /** Writes what was noted since the last flush. */
  async flush(): Promise<void> {
    if (this.#seen.size === 0) return
    const batch = [...this.#seen].map(([device, at]) => ({ device, at }))
    this.#seen = new Map()
    await this.#storage.transaction((stores) => stores.devices.touch(batch))
  }
}
