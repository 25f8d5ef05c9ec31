import { BoundedMap } from './bounded-map.ts'
import type { Invalidation, Storage } from './ports.ts'

/**
 * Bounded memory of what calls read again and again under names of the outside world. It forgets everything with each
 * commit that touches any organisation's fleet, and believes nothing while it is not known what other processes
 * committed; what changes with single devices does not belong here (see `PollCache`).
 */
export class FleetCache<K, V> {
  readonly #entries: BoundedMap<K, V>
  readonly #invalidation: Invalidation
  #epoch = 0

  constructor(storage: Pick<Storage, 'invalidation' | 'onChange'>, capacity: number) {
    this.#entries = new BoundedMap(capacity)
    this.#invalidation = storage.invalidation
    storage.onChange((changes) => {
      if (changes.some((change) => change.kind === 'fleet')) this.forget()
    })
  }

  /** The value, where it is in memory. */
  recall(key: K): V | undefined {
    return this.#invalidation.isCurrent() ? this.#entries.get(key) : undefined
  }

  /** The value from memory, or from `load`. Nothing is kept of an undefined one, nor of one read while the fleet changed. */
  async get(key: K, load: () => Promise<V | undefined>): Promise<V | undefined> {
    const known = this.#invalidation.isCurrent() ? this.#entries.get(key) : undefined
    if (known !== undefined) return known
    const epoch = this.#epoch
    const loaded = await load()
    if (loaded !== undefined && epoch === this.#epoch) this.#entries.set(key, loaded)
    return loaded
  }

  /** For changes that storage does not announce; call it after their commit. */
  forget(): void {
    this.#epoch += 1
    this.#entries.clear()
  }
}
