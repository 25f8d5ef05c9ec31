import { BoundedMap } from '../bounded-map.ts'

/** Holds one of each value that many devices have, under a name that says all of it. Bounded: older ones are forgotten. */
export class Pool<T> {
  readonly #known: BoundedMap<string, T>

  constructor(capacity: number) {
    this.#known = new BoundedMap(capacity)
  }

  /** The value that is held under `name`, or else this one from now on. */
  share(name: string, value: T): T {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    this.#known.set(name, value)
    return value
  }
}

/** Different lists of one owner that are compared with a new one. */
const LISTS = 16

/** Holds one of each list whose members are shared already; the newest lists of each owner. */
export class ListPool<T extends object> {
  readonly #known: BoundedMap<number, (readonly T[])[]>

  constructor(owners: number) {
    this.#known = new BoundedMap(owners)
  }

  share(owner: number, list: readonly T[]): readonly T[] {
    const lists = this.#known.get(owner) ?? []
    const known = lists.find((one) => isSame(one, list))
    if (known) return known
    this.#known.set(owner, [list, ...lists.slice(0, LISTS - 1)])
    return list
  }
}

function isSame<T>(one: readonly T[], other: readonly T[]): boolean {
  return one.length === other.length && one.every((member, index) => member === other[index])
}
