import type { Serial } from '../common.ts'

/**
 * Serials by a name of the outside world (an id, the hash of a token). They are never given again; a name may be (a
 * restored fleet), so what is remembered is checked against the facts, and looked up afresh when it is not so any more.
 */
export class SerialMemory {
  readonly #serials = new Map<string, Serial>()
  readonly #capacity: number

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get(name: string): Serial | undefined {
    return this.#serials.get(name)
  }

  set(name: string, serial: Serial): void {
    if (this.#serials.size >= this.#capacity) this.#serials.clear()
    this.#serials.set(name, serial)
  }
}

/** Devices by the hashes of their tokens; each scheme has as much room as is given. */
export class TokenMemory {
  readonly #schemes = new Map<string, SerialMemory>()
  readonly #capacity: number

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get(scheme: string, hash: string): Serial | undefined {
    return this.#schemes.get(scheme)?.get(hash)
  }

  /** Keeps `hash` itself: where it is held anyhow, that one costs nothing more. */
  set(scheme: string, hash: string, serial: Serial): void {
    const known = this.#schemes.get(scheme) ?? new SerialMemory(this.#capacity)
    this.#schemes.set(scheme, known)
    known.set(hash, serial)
  }
}
