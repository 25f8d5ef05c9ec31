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

  /** Writes what was noted since the last flush. What could not be written waits for the next one. */
  async flush(): Promise<void> {
    if (this.#seen.size === 0) return
    const noted = this.#seen
    this.#seen = new Map()
    const batch = [...noted].map(([device, at]) => ({ device, at }))
    try {
      await this.#storage.transaction((stores) => stores.devices.touch(batch))
    } catch (error) {
      for (const [device, at] of this.#seen) noted.set(device, at)
      this.#seen = noted
      throw error
    }
  }
}
