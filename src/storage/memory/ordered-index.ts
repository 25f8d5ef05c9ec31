import type { Serial } from '../../core/common.ts'
import type { IndexKey, KeyOf } from './memory-index.ts'

interface Place {
  readonly order: number
  readonly serial: Serial
}

/** The key under which a row stands in an `OrderedIndex`. */
export function placeKey(group: Serial, order: number): string {
  return `${group}|${order}`
}

/**
 * Rows in groups, each in the order of a number and then of the serials; keys are `placeKey`s. Adding and taking cost
 * the logarithm of the group's size. A place that is deleted stays in the heap until its turn comes.
 */
export class OrderedIndex<T> {
  readonly keyOf: KeyOf<T>
  readonly #groups = new Map<Serial, { readonly heap: Place[]; readonly orders: Map<Serial, number> }>()

  constructor(keyOf: KeyOf<T>) {
    this.keyOf = keyOf
  }

  add(key: IndexKey, serial: Serial): void {
    const [group, order] = partsOf(key)
    const members = this.#groups.get(group) ?? { heap: [], orders: new Map<Serial, number>() }
    this.#groups.set(group, members)
    members.orders.set(serial, order)
    push(members.heap, { order, serial })
  }

  delete(key: IndexKey, serial: Serial): void {
    const [group] = partsOf(key)
    const members = this.#groups.get(group)
    members?.orders.delete(serial)
    if (members?.orders.size === 0) this.#groups.delete(group)
  }

  /** The first rows whose number is at most `until`. */
  through(group: Serial, until: number, limit: number): Serial[] {
    const members = this.#groups.get(group)
    if (members === undefined) return []
    const { heap, orders } = members
    const found: Place[] = []
    for (let next = heap[0]; next !== undefined && next.order <= until && found.length < limit; next = heap[0]) {
      pop(heap)
      // One that was deleted, or moved, or stands here twice since it came back.
      if (orders.get(next.serial) !== next.order || found.at(-1)?.serial === next.serial) continue
      found.push(next)
    }
    for (const place of found) push(heap, place)
    return found.map(({ serial }) => serial)
  }
}

function partsOf(key: IndexKey): [group: Serial, order: number] {
  const [group, order] = String(key).split('|')
  return [Number(group), Number(order)]
}

function isBefore(a: Place, b: Place): boolean {
  return a.order < b.order || (a.order === b.order && a.serial < b.serial)
}

function push(heap: Place[], place: Place): void {
  let at = heap.length
  for (let above = (at - 1) >> 1; at > 0; above = (at - 1) >> 1) {
    const parent = heap[above]
    if (parent === undefined || !isBefore(place, parent)) break
    heap[at] = parent
    at = above
  }
  heap[at] = place
}

function pop(heap: Place[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let at = 0
  for (let below = smaller(heap, at); below !== undefined; below = smaller(heap, at)) {
    const child = heap[below]
    if (child === undefined || !isBefore(child, last)) break
    heap[at] = child
    at = below
  }
  heap[at] = last
}

/** The child that comes first. */
function smaller(heap: readonly Place[], at: number): number | undefined {
  const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]]
  if (left === undefined) return undefined
  return right !== undefined && isBefore(right, left) ? 2 * at + 2 : 2 * at + 1
}
