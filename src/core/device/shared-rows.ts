import { BoundedMap } from '../bounded-map.ts'
import type { Entity, Serial } from '../common.ts'
import type { Organisation } from '../organisation/organisation.ts'
import type { Module, Product } from '../product/product.ts'
import type { DeviceFacts } from './device-facts.ts'

/** Organisations, products and modules that are remembered, each. */
const CAPACITY = 10_000

/**
 * Lets the facts of many devices share the rows that they have in common, so that memory holds each of them once. Rows
 * of the same serial and revision are the same.
 */
export class SharedRows {
  readonly #organisations = new BoundedMap<Serial, Organisation>(CAPACITY)
  readonly #products = new BoundedMap<Serial, Product>(CAPACITY)
  readonly #modules = new BoundedMap<Serial, Module>(CAPACITY)
  readonly #lists = new BoundedMap<Serial, readonly Module[]>(CAPACITY)

  share(facts: DeviceFacts): DeviceFacts {
    const { product } = facts
    return {
      ...facts,
      organisation: shared(this.#organisations, facts.organisation),
      ...(product && { product: shared(this.#products, product) }),
      modules: product ? this.#modulesOf(product.serial, facts.modules) : facts.modules,
    }
  }

  #modulesOf(product: Serial, rows: readonly Module[]): readonly Module[] {
    const modules = rows.map((row) => shared(this.#modules, row))
    const known = this.#lists.get(product)
    if (known?.length === modules.length && known.every((module, index) => module === modules[index])) return known
    this.#lists.set(product, modules)
    return modules
  }
}

function shared<T extends Entity>(known: BoundedMap<Serial, T>, row: T): T {
  const before = known.get(row.serial)
  if (before?.revision === row.revision) return before
  known.set(row.serial, row)
  return row
}
