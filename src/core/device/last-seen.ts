import type { Millis, Serial } from '../common.ts'
import type { Storage } from '../ports.ts'

/** A device that calls all the time is written down this often, ms. */
const RESOLUTION_MS = 60_000
/** Devices of one transaction: others have their turn between two of them. */
const BATCH = 250

/** The last sign of life of each device, written behind in batches: the one thing that a crash may lose. */
export class LastSeen {
  #seen = new Map<Serial, Millis>()
  /** What was written within the last minute. */
  readonly #written = new Map<Serial, Millis>()
  readonly #storage: Storage

  constructor(storage: Storage) {
    this.#storage = storage
  }

  note(device: Serial, at: Millis): void {
    this.#seen.set(device, at)
  }

  /** Writes what was noted since the last flush. What could not be written waits for the next one. */
  flush(): Promise<void> {
    return this.#write(() => true)
  }

  /** As `flush`, but leaves out devices that were written within the last minute. */
  flushDue(now: Millis): Promise<void> {
    for (const [device, at] of this.#written) if (now - at >= RESOLUTION_MS || at > now) this.#written.delete(device)
    return this.#write((device) => !this.#written.has(device))
  }

  async #write(isDue: (device: Serial) => boolean): Promise<void> {
    const noted = this.#seen
    this.#seen = new Map()
    const due: { device: Serial; at: Millis }[] = []
    for (const [device, at] of noted)
      if (isDue(device)) due.push({ device, at })
      else this.#seen.set(device, at)
    // Rows that lie together are written together.
    due.sort((a, b) => a.device - b.device)
    for (let start = 0; start < due.length; start += BATCH) {
      const batch = due.slice(start, start + BATCH)
      try {
        await this.#storage.transaction((stores) => stores.devices.touch(batch))
      } catch (error) {
        for (const { device, at } of due.slice(start)) this.#seen.set(device, Math.max(at, this.#seen.get(device) ?? 0))
        throw error
      }
      for (const { device, at } of batch) this.#written.set(device, at)
    }
  }
}
