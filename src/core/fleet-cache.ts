import type { Storage } from './ports.ts'

/**
 * Bounded memory of what calls read again and again under names of the outside world. It forgets everything with each
 * commit that touches any organisation's fleet, and holds nothing when other processes write to the same database; what
 * changes with single devices does not belong here (see `PollCache`).
 */
export class FleetCache<K, V> {
  readonly #entries = new Map<K, V>()
  readonly #capacity: number
  readonly #enabled: boolean
  #epoch = 0

  constructor(storage: Pick<Storage, 'isSoleWriter' | 'onChange'>, capacity: number) {
    this.#capacity = capacity
    this.#enabled = storage.isSoleWriter && capacity > 0
    if (this.#enabled)
      storage.onChange((changes) => {
        if (changes.some((change) => change.kind === 'fleet')) this.forget()
      })
  }

  /** The value from memory, or from `load`. Nothing is kept of an undefined one, nor of one read while the fleet changed. */
  async get(key: K, load: () => Promise<V | undefined>): Promise<V | undefined> {
    const known = this.#entries.get(key)
    if (known !== undefined) return known
    const epoch = this.#epoch
    const loaded = await load()
    if (loaded !== undefined && this.#enabled && epoch === this.#epoch) this.#keep(key, loaded)
    return loaded
  }

  /** For changes that storage does not announce; call it after their commit. */
  forget(): void {
    this.#epoch += 1
    this.#entries.clear()
  }

  #keep(key: K, value: V): void {
    if (this.#entries.size >= this.#capacity) {
      const oldest = this.#entries.keys().next()
      if (!oldest.done) this.#entries.delete(oldest.value)
    }
    this.#entries.set(key, value)
  }
}
