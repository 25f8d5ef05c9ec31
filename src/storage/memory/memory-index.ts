import type { Serial } from '../../core/common.ts'
import { isBeyond, type Order, SerialList } from './serial-list.ts'

export type IndexKey = string | number

/** What a row is found by; undefined or null leaves the row out of the index. */
export type KeyOf<T> = (row: T) => IndexKey | null | undefined

/** At most one row per key. */
export class UniqueIndex<T> {
  readonly keyOf: KeyOf<T>
  readonly #holders = new Map<IndexKey, Serial>()

  constructor(keyOf: KeyOf<T>) {
    this.keyOf = keyOf
  }

  holder(key: IndexKey): Serial | undefined {
    return this.#holders.get(key)
  }

  add(key: IndexKey, serial: Serial): void {
    this.#holders.set(key, serial)
  }

  delete(key: IndexKey): void {
    this.#holders.delete(key)
  }
}

/** Any number of rows per key. A key with one row holds its bare serial: most keys of a large fleet are such. */
export class GroupIndex<T> {
  readonly keyOf: KeyOf<T>
  readonly #members = new Map<IndexKey, Serial | SerialList>()

  constructor(keyOf: KeyOf<T>) {
    this.keyOf = keyOf
  }

  add(key: IndexKey, serial: Serial): void {
    const members = this.#members.get(key)
    if (members === undefined) this.#members.set(key, serial)
    else if (typeof members !== 'number') members.add(serial)
    else {
      const list = new SerialList()
      list.add(members)
      list.add(serial)
      this.#members.set(key, list)
    }
  }

  delete(key: IndexKey, serial: Serial): void {
    const members = this.#members.get(key)
    if (members === undefined) return
    if (typeof members !== 'number') members.delete(serial)
    if (typeof members === 'number' || members.size === 0) this.#members.delete(key)
  }

  keys(): Iterable<IndexKey> {
    return this.#members.keys()
  }

  size(key: IndexKey): number {
    const members = this.#members.get(key)
    return members === undefined ? 0 : typeof members === 'number' ? 1 : members.size
  }

  /** The serial of a key that only one row has. */
  only(key: IndexKey): Serial | undefined {
    const members = this.#members.get(key)
    return typeof members === 'number' ? members : undefined
  }

  /** Not to be changed while it is being read. */
  *beyond(key: IndexKey, after: Serial | undefined, order: Order): Generator<Serial> {
    const members = this.#members.get(key)
    if (members === undefined) return
    if (typeof members !== 'number') yield* members.beyond(after, order)
    else if (isBeyond(members, after, order)) yield members
  }
}
