import { BoundedMap } from '../bounded-map.ts'
import type { Serial } from '../common.ts'

/**
 * Devices by the hashes of their tokens; each scheme has as much room as is given. A token may be given to another device
 * (a restored fleet), so what is remembered is checked against the facts, and looked up afresh when it is not so any more.
 */
export class TokenMemory {
  readonly #schemes = new Map<string, BoundedMap<string, Serial>>()
  readonly #capacity: number

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get(scheme: string, hash: string): Serial | undefined {
    return this.#schemes.get(scheme)?.get(hash)
  }

  /** Keeps `hash` itself: where it is held anyhow, that one costs nothing more. */
  set(scheme: string, hash: string, serial: Serial): void {
    const known = this.#schemes.get(scheme) ?? new BoundedMap<string, Serial>(this.#capacity)
    this.#schemes.set(scheme, known)
    known.set(hash, serial)
  }
}
