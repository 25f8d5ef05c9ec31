import { BoundedMap } from '../../bounded-map.ts'

/** What was loaded once is not loaded again, for so many keys. */
export class Memo<K, V> {
  readonly #known: BoundedMap<K, Promise<V>>
  readonly #load: (key: K) => Promise<V>

  constructor(capacity: number, load: (key: K) => Promise<V>) {
    this.#known = new BoundedMap(capacity)
    this.#load = load
  }

  get(key: K): Promise<V> {
    const known = this.#known.get(key)
    if (known) return known
    const loading = this.#load(key)
    this.#known.set(key, loading)
    return loading
  }
}
