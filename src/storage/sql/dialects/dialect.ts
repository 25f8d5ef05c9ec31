import type { CreateTableBuilder, Dialect, DialectAdapter, Kysely, QueryCompiler, RawBuilder } from 'kysely'

/** Parts of a device's texts, literally and whatever their case. */
export interface DeviceParts {
  /** In key or name. */
  readonly search?: string | undefined
  readonly nameContains?: string | undefined
}

type DataType = Parameters<CreateTableBuilder<string, never>['addColumn']>[1]

/** What a database's refusal means, whatever its words. */
export type Failure =
  /** A unique index; `field` is the last of its columns, in the words of the domain. */
  | { readonly kind: 'unique'; readonly table: string; readonly field: string }
  /** A foreign key. */
  | { readonly kind: 'reference' }
  /** Text that this database cannot keep. */
  | { readonly kind: 'text' }
  /** Nothing is wrong but the moment: run the transaction again. */
  | { readonly kind: 'again' }
  /** The connection is gone: what ran on it may or may not have happened. */
  | { readonly kind: 'disconnected' }
  /** No room on the disk: it may work again at any time. */
  | { readonly kind: 'full' }
  /** No connection was to be had: nothing has happened. */
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'other' }

/** How a statement of one text is about any number of rows. */
export interface Bulk {
  /** Whether a column holds one of the values of a list; the planner takes it for a few of them, so it looks each up. */
  isOneOf(column: string, list: unknown, type: BulkType): RawBuilder<boolean>
  /** A table, `given`, of the rows of a list of objects in JSON, in their order. It is not known to be small. */
  given(json: unknown, columns: Readonly<Record<string, BulkType>>): RawBuilder<unknown>
}

export type BulkType = 'text' | 'bigint'

/**
 * How one database differs from the other. Stores and migrations ask for these capabilities and never for a name, so
 * that a third database is one more object of this type.
 */
export interface SqlDialect {
  /** For messages only. */
  readonly name: string
  /** Column types of the migrations. `text` sorts and compares by code point; `integer` holds 2^53. */
  readonly types: {
    readonly text: DataType
    readonly integer: DataType
    readonly flag: DataType
  }
  /** Adds the primary key `serial`, numbered by the database, never the same number twice. */
  withSerial<T extends string>(table: CreateTableBuilder<T, never>): CreateTableBuilder<T, 'serial'>
  /**
   * Makes later numbers of a table larger than one that was given explicitly. undefined: the database does so itself.
   */
  readonly pushSerial: ((table: string, serial: number) => RawBuilder<unknown>) | undefined
  /** A column can be made one that may be null. false: a new one takes its place. */
  readonly canDropNotNull: boolean
  /** Rows can be locked by a query (`for update skip locked`). false: there is one writer, so nothing needs it. */
  readonly locksRows: boolean
  /**
   * How a log that readers follow by its numbers is written where transactions run side by side, since a row numbered
   * earlier may then become visible later. `announce` tells everybody, until the transaction ends, that it may number
   * rows beyond the last number given; `lowest` is the lowest number announced at this moment, null for none.
   * undefined: numbers become visible in their order.
   */
  readonly log:
    | {
        announce(table: string): RawBuilder<unknown>
        next(table: string): RawBuilder<number>
        readonly lowest: RawBuilder<number | null>
      }
    | undefined
  /**
   * Several processes write at once, so each transaction says in the table `changes` what it changed, for the memories of
   * the others. false: there is no such table.
   */
  readonly tellsOthers: boolean
  /** The database's clock at this moment, also within a transaction: epoch milliseconds. */
  readonly now: RawBuilder<number>
  /** The planner knows how many rows a condition leaves. false: queries tell it where not to begin (`unindexed`). */
  readonly hasStatistics: boolean
  /** Rows per multi-row insert; 1 where a statement costs no round trip and one statement is best compiled once. */
  readonly bulkRows: number
  /** undefined: a statement costs no round trip, and many rows are best read and written one by one. */
  readonly bulk: Bulk | undefined
  /** One member of a column that holds a JSON object of strings; null when it has none of that name. */
  labelOf(column: string, name: string): RawBuilder<string | null>
  /** The text at a path in a column that holds JSON; null where there is none. */
  textAt(column: string, path: ReadonlyArray<string | number>): RawBuilder<string | null>
  /** Whether a text has this part, case-sensitively and without patterns; null of null. */
  holds(text: RawBuilder<string | null>, part: string): RawBuilder<boolean | null>
  /** Makes the index by which devices are found by a part of their key or name, where the database can. */
  createDeviceSearch(db: MigrationDb): Promise<void>
  /** Whether there is that index. */
  hasDeviceSearch(db: MigrationDb): Promise<boolean>
  /**
   * A table of serials, `found`, in ascending order, of devices whose folded key or name holds these parts: it comes
   * first in a query. undefined: `like` is as good, since the planner uses the index or there is none for so short a part.
   */
  findDeviceParts(parts: DeviceParts): RawBuilder<{ found: number }> | undefined
  /** Largest number of parameters of a statement. */
  readonly maxParameters: number
  createAdapter(): DialectAdapter
  createQueryCompiler(): QueryCompiler
  createIntrospector: Dialect['createIntrospector']
  failureOf(error: unknown): Failure
}

/** The database handle of the migrations: they know no row types, since these describe the newest schema only. */
// biome-ignore lint/suspicious/noExplicitAny: Kysely's own type for a schema that is being built.
export type MigrationDb = Kysely<any>
