import type { Serial } from '../../core/common.ts'

export type Order = 'asc' | 'desc'

/** Whether a serial comes after another one in an order; any does where there is no other. */
export function isBeyond(serial: Serial, after: Serial | undefined, order: Order): boolean {
  return after === undefined || (order === 'asc' ? serial > after : serial < after)
}

/** Distinct serials in ascending order. Adding the largest one costs O(1), anything else a binary search and a shift. */
export class SerialList {
  readonly #serials: Serial[] = []

  get size(): number {
    return this.#serials.length
  }

  add(serial: Serial): void {
    const last = this.#serials.at(-1)
    if (last === undefined || last < serial) this.#serials.push(serial)
    else this.#serials.splice(this.#firstAtLeast(serial), 0, serial)
  }

  delete(serial: Serial): void {
    const at = this.#firstAtLeast(serial)
    if (this.#serials[at] === serial) this.#serials.splice(at, 1)
  }

  /** The serials beyond `after` in the given order. Not to be changed while it is being read. */
  *beyond(after: Serial | undefined, order: Order): Generator<Serial> {
    const serials = this.#serials
    const step = order === 'asc' ? 1 : -1
    for (let at = this.#start(after, order); at >= 0 && at < serials.length; at += step) {
      const serial = serials[at]
      if (serial !== undefined) yield serial
    }
  }

  #start(after: Serial | undefined, order: Order): number {
    if (order === 'asc') return after === undefined ? 0 : this.#firstAtLeast(after + 1)
    return (after === undefined ? this.#serials.length : this.#firstAtLeast(after)) - 1
  }

  #firstAtLeast(serial: Serial): number {
    let low = 0
    let high = this.#serials.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#serials[middle] ?? 0) < serial) low = middle + 1
      else high = middle
    }
    return low
  }
}
