import { OTHERS } from '../cohorts.ts'
import type { ValueCount } from './plan.ts'

/** Counts by value, for so many different values; further ones share `(others)`. */
export class ValueCounts {
  readonly #counts = new Map<string | null, number>()
  readonly #most: number

  constructor(most: number) {
    this.#most = most
  }

  add(value: string | null, by = 1): void {
    const isOther = !this.#counts.has(value) && this.#counts.size >= this.#most
    const name = isOther ? OTHERS : value
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by)
  }

  /** The largest first. */
  list(): ValueCount[] {
    return [...this.#counts]
      .map(([value, devices]) => ({ value, devices }))
      .sort((a, b) => b.devices - a.devices || String(a.value).localeCompare(String(b.value), 'en'))
  }
}
