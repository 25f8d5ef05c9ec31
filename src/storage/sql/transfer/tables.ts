import { OtaError } from '../../../core/errors.ts'

/** A row as it is stored, by column: text, whole numbers, flags and null. */
export type StoredRow = Readonly<Record<string, unknown>>

/** A database whose tables can be read whole, all of them as they were at one moment. */
export interface TableSource {
  /** Names of the tables, in no particular order. */
  tables(): Promise<readonly string[]>
  /** Rows in batches; where rows refer to others of their table, those come earlier. */
  rows(table: string): AsyncIterable<readonly StoredRow[]>
  /** The last number that the table's sequence gave; undefined when the database does not number its rows. */
  lastSerial(table: string): Promise<number | undefined>
}

/** A database without rows, whose tables are filled. */
export interface TableTarget {
  /** Names of the tables, such that each comes after those that it refers to. */
  tables(): Promise<readonly string[]>
  insert(table: string, rows: readonly StoredRow[]): Promise<void>
  /** The sequence goes on after this number. */
  startAfter(table: string, serial: number): Promise<void>
}

/** What a database keeps about itself, and what lives for seconds only. */
export const NOT_COPIED: ReadonlySet<string> = new Set(['migrations', 'migrations_lock', 'changes', 'leases', 'nodes'])

export interface CopyOptions {
  /** Added to the last number of each sequence. Default 0. */
  readonly serialJump?: number
  readonly onRows?: (rows: number) => void
}

/**
 * Copies every row; the caller sees to it that all becomes visible at once or not at all. Answers how many rows there
 * were. Throws `storage-failed` when the databases have not the same tables and columns.
 */
export async function copyTables(
  source: TableSource,
  target: TableTarget,
  { serialJump = 0, onRows }: CopyOptions = {},
): Promise<number> {
  const tables = await target.tables()
  const strange = [...new Set(tables).symmetricDifference(new Set(await source.tables()))]
  if (strange.length > 0) throw otherSchema(strange)
  let total = 0
  for (const table of tables) {
    for await (const rows of source.rows(table)) {
      await target.insert(table, rows)
      total += rows.length
      onRows?.(rows.length)
    }
    const last = await source.lastSerial(table)
    if (last !== undefined) await target.startAfter(table, last + serialJump)
  }
  return total
}

/** `what`: names that one of the two databases does not have. */
export function otherSchema(what: readonly string[]): OtaError {
  return new OtaError('storage-failed', `The database is of another version of Godwit (${what.join(', ')}).`)
}
