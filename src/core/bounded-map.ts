/** A map with room for so many entries; when it is full, the one that was set longest ago gives way. */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, V>()
  readonly #capacity: number

  /** With a capacity of 0 nothing is ever kept. */
  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get(key: K): V | undefined {
    return this.#entries.get(key)
  }

  /** The entry becomes the newest, also when the key was there. */
  set(key: K, value: V): void {
    this.#entries.delete(key)
    if (this.#capacity === 0) return
    if (this.#entries.size >= this.#capacity) {
      const oldest = this.#entries.keys().next()
      if (!oldest.done) this.#entries.delete(oldest.value)
    }
    this.#entries.set(key, value)
  }

  delete(key: K): void {
    this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
  }
}
