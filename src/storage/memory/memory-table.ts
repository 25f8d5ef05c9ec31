import type { Serial } from '../../core/common.ts'
import { OtaError } from '../../core/errors.ts'
import { frozen } from './frozen-copy.ts'
import type { Journal } from './journal.ts'
import { GroupIndex, type IndexKey, type KeyOf, UniqueIndex } from './memory-index.ts'
import { OrderedIndex } from './ordered-index.ts'
import { isBeyond, type Order, SerialList } from './serial-list.ts'

export interface Numbered {
  readonly serial: Serial
}

/** A row that the table may still have to number. */
export type Unnumbered<T extends Numbered> = Omit<T, 'serial'> & { readonly serial?: Serial }

/** Which rows, and from where; everything in ascending order by default. */
export interface Span<G extends string> {
  /** Only the rows with this key in an index. */
  readonly where?: readonly [index: G, key: IndexKey]
  readonly after?: Serial
  readonly order?: Order
}

/** Rows by serial, with unique (`U`) and grouping (`G`) indexes. Rows handed out are deeply frozen. */
export interface Table<T extends Numbered, U extends string, G extends string> {
  get(serial: Serial): T | undefined
  find(index: U, key: IndexKey): T | undefined
  /** How many rows have this key in an index; all rows when none is given. */
  count(where?: Span<G>['where']): number
  /** Every key that some row has in an index, in no particular order. */
  keys(index: G): Iterable<IndexKey>
  /** Lazy: nothing may be written while it is being read. */
  rows(span: Span<G>): Iterable<T>
  /** The first rows of a group in the table's order, up to a number; see `OrderedIndex`. */
  through(group: Serial, until: number, limit: number): T[]
  /** Throws `conflict` (details.field: the index, or `serial`) when a unique key is taken; nothing is changed then. */
  insert(row: Unnumbered<T>): T
  /** Puts `row`, which is frozen from then on, in the place of the one with its serial. Throws `conflict` as `insert` does. */
  replace(row: T): T
  delete(serial: Serial): void
}

export interface TableDefinition<T, U extends string, G extends string> {
  readonly entity: string
  readonly unique: Readonly<Record<U, KeyOf<T>>>
  readonly groups: Readonly<Record<G, KeyOf<T>>>
  /** The place of a row in its group, as a `placeKey`. */
  readonly order?: KeyOf<T>
}

interface Reference<T> {
  readonly to: { get(serial: Serial): unknown }
  readonly serialOf: (row: T) => Serial | null
}

/**
 * The table as the one open transaction sees it. The first change of a row keeps its earlier image: `rollback` puts the
 * images back, and `committed` reads through them, so that both cost what was changed and not what is stored.
 */
export class MemoryTable<T extends Numbered, U extends string, G extends string> implements Table<T, U, G> {
  readonly #entity: string
  readonly #unique: ReadonlyMap<U, UniqueIndex<T>>
  readonly #groups: ReadonlyMap<G, GroupIndex<T>>
  readonly #serials = new SerialList()
  readonly #ordered: OrderedIndex<T>
  readonly #indexes: readonly (UniqueIndex<T> | GroupIndex<T> | OrderedIndex<T>)[]
  readonly #rows = new Map<Serial, T>()
  readonly #images = new Map<Serial, T | undefined>()
  readonly #references: Array<Reference<T>> = []
  #lastSerial = 0
  #journal: Journal | undefined

  constructor(definition: TableDefinition<T, U, G>) {
    this.#entity = definition.entity
    this.#unique = indexes(definition.unique, (keyOf) => new UniqueIndex(keyOf))
    this.#groups = indexes(definition.groups, (keyOf) => new GroupIndex(keyOf))
    this.#ordered = new OrderedIndex(definition.order ?? (() => null))
    this.#indexes = [...this.#unique.values(), ...this.#groups.values(), ...(definition.order ? [this.#ordered] : [])]
  }

  /** From now on a row can be written only while the row that it names in `to` exists. */
  refersTo(to: Reference<T>['to'], serialOf: Reference<T>['serialOf']): this {
    this.#references.push({ to, serialOf })
    return this
  }

  get(serial: Serial): T | undefined {
    return this.#rows.get(serial)
  }

  find(index: U, key: IndexKey): T | undefined {
    const serial = this.#unique.get(index)?.holder(key)
    return serial === undefined ? undefined : this.#rows.get(serial)
  }

  count(where?: Span<G>['where']): number {
    return where === undefined ? this.#rows.size : (this.#groups.get(where[0])?.size(where[1]) ?? 0)
  }

  keys(index: G): Iterable<IndexKey> {
    return this.#groups.get(index)?.keys() ?? []
  }

  rows({ where, after, order = 'asc' }: Span<G>): Iterable<T> {
    if (where === undefined) return this.#rowsOf(this.#serials.beyond(after, order))
    const group = this.#groups.get(where[0])
    const only = group?.only(where[1])
    if (only === undefined) return this.#rowsOf(group?.beyond(where[1], after, order) ?? [])
    const row = isBeyond(only, after, order) ? this.#rows.get(only) : undefined
    return row === undefined ? [] : [row]
  }

  *#rowsOf(serials: Iterable<Serial>): Generator<T> {
    for (const serial of serials) {
      const row = this.#rows.get(serial)
      if (row !== undefined) yield row
    }
  }

  through(group: Serial, until: number, limit: number): T[] {
    return this.#ordered.through(group, until, limit).flatMap((serial) => this.#rows.get(serial) ?? [])
  }

  insert(row: Unnumbered<T>): T {
    const serial = row.serial ?? this.#lastSerial + 1
    if (this.#rows.has(serial)) throw taken(this.#entity, 'serial')
    const next = frozen({ ...row, serial } as unknown as T)
    this.#requireFreeKeys(next, undefined)
    this.#put(serial, next)
    // Not undone by a rollback: a serial that somebody may have seen is never given again.
    this.#lastSerial = Math.max(this.#lastSerial, serial)
    return next
  }

  replace(row: T): T {
    const next = frozen(row)
    this.#requireFreeKeys(next, this.#rows.get(row.serial))
    this.#put(row.serial, next)
    return next
  }

  delete(serial: Serial): void {
    if (this.#rows.has(serial)) this.#put(serial, undefined)
  }

  /** From now on it can be written while a transaction is open there. */
  writesWith(journal: Journal): void {
    this.#journal = journal
  }

  commit(): void {
    this.#images.clear()
  }

  rollback(): void {
    // All of the changed rows go before any image returns: the two may hold each other's unique keys.
    for (const serial of this.#images.keys()) this.#swap(serial, undefined)
    for (const [serial, image] of this.#images) this.#swap(serial, image)
    this.commit()
  }

  /** The table without the changes of the open transaction; it refuses to write. */
  committed(): Table<T, U, G> {
    return {
      get: (serial) => (this.#images.has(serial) ? this.#images.get(serial) : this.#rows.get(serial)),
      find: (index, key) => this.#findCommitted(index, key),
      count: (where) =>
        this.#images.size === 0 ? this.count(where) : this.#committedRows({ ...(where && { where }) }).length,
      keys: (index) => this.#committedKeys(index),
      rows: (span) => (this.#images.size === 0 ? this.rows(span) : this.#committedRows(span)),
      through: (group, until, limit) => this.#committedThrough(group, until, limit),
      insert: () => refuse(),
      replace: () => refuse(),
      delete: () => refuse(),
    }
  }

  #findCommitted(index: U, key: IndexKey): T | undefined {
    const keyOf = this.#unique.get(index)?.keyOf
    for (const image of this.#images.values()) {
      if (image !== undefined && keyOf?.(image) === key) return image
    }
    const row = this.find(index, key)
    return row === undefined || this.#images.has(row.serial) ? undefined : row
  }

  /** Also of rows that the open transaction has changed; a key that only its changes have finds no row. */
  #committedKeys(index: G): Iterable<IndexKey> {
    const keys = new Set(this.keys(index))
    for (const image of this.#images.values()) {
      const key = image && this.#groups.get(index)?.keyOf(image)
      if (key !== undefined && key !== null) keys.add(key)
    }
    return keys
  }

  #committedRows({ where, after, order = 'asc' }: Span<G>): T[] {
    const keyOf = where === undefined ? undefined : this.#groups.get(where[0])?.keyOf
    const rows = [...this.rows({ ...(where && { where }), ...(after !== undefined && { after }), order })].filter(
      (row) => !this.#images.has(row.serial),
    )
    for (const image of this.#images.values()) {
      if (image !== undefined && isBeyond(image.serial, after, order) && keyOf?.(image) === where?.[1]) rows.push(image)
    }
    return rows.sort((a, b) => (order === 'asc' ? a.serial - b.serial : b.serial - a.serial))
  }

  #committedThrough(group: Serial, until: number, limit: number): T[] {
    const images = [...this.#images].flatMap(([, image]) => image ?? [])
    const earlier = new OrderedIndex<T>(this.#ordered.keyOf)
    const rows = new Map<Serial, T>()
    // As many of the rows as there are may have changed since.
    const now = this.through(group, until, limit + this.#images.size).filter(({ serial }) => !this.#images.has(serial))
    for (const row of [...now, ...images]) {
      const key = earlier.keyOf(row)
      if (key !== undefined && key !== null) earlier.add(key, row.serial)
      rows.set(row.serial, row)
    }
    return earlier.through(group, until, limit).flatMap((serial) => rows.get(serial) ?? [])
  }

  #requireFreeKeys(row: T, before: T | undefined): void {
    for (const [name, index] of this.#unique) {
      const key = index.keyOf(row)
      if (key === undefined || key === null || (before && index.keyOf(before) === key)) continue
      const holder = index.holder(key)
      if (holder !== undefined && holder !== row.serial) throw taken(this.#entity, name)
    }
  }

  #requireReferents(row: T): void {
    for (const { to, serialOf } of this.#references) {
      const serial = serialOf(row)
      if (serial === null || to.get(serial) !== undefined) continue
      const message = `The ${this.#entity} refers to something that does not exist`
      throw new OtaError('not-found', message, { details: { entity: this.#entity } })
    }
  }

  #put(serial: Serial, next: T | undefined): void {
    if (!this.#journal?.isOpen) refuse()
    if (next !== undefined) this.#requireReferents(next)
    if (this.#images.size === 0) this.#journal.note(this)
    if (!this.#images.has(serial)) this.#images.set(serial, this.#rows.get(serial))
    this.#swap(serial, next)
  }

  #swap(serial: Serial, next: T | undefined): void {
    const row = this.#rows.get(serial)
    for (const index of this.#indexes) {
      const before = row && index.keyOf(row)
      const after = next && index.keyOf(next)
      if (before === after) continue
      if (before !== undefined && before !== null) index.delete(before, serial)
      if (after !== undefined && after !== null) index.add(after, serial)
    }
    if (row === undefined && next !== undefined) this.#serials.add(serial)
    if (row !== undefined && next === undefined) this.#serials.delete(serial)
    if (next === undefined) this.#rows.delete(serial)
    else this.#rows.set(serial, next)
  }
}

export function taken(entity: string, field: string): OtaError {
  return new OtaError('conflict', `Another ${entity} has this ${field}`, { details: { entity, field } })
}

function refuse(): never {
  throw new OtaError('internal', 'Writes need an open transaction')
}

function indexes<T, N extends string, I>(
  definition: Readonly<Record<N, KeyOf<T>>>,
  make: (keyOf: KeyOf<T>) => I,
): ReadonlyMap<N, I> {
  const names = Object.keys(definition) as N[]
  return new Map(names.map((name) => [name, make(definition[name])]))
}
