import { type AliasedExpression, sql } from 'kysely'
import type { Row, Schema } from './schema.ts'

/**
 * A row of another table in the same result row: its columns come under a prefix. `columns` names each column of the
 * table, which the compiler checks.
 */
export class SecondRow<N extends keyof Schema> {
  readonly #table: N
  readonly #columns: readonly string[]

  constructor(table: N, columns: Readonly<Record<keyof Row<N> & string, true>>) {
    this.#table = table
    this.#columns = Object.keys(columns)
  }

  /** For the select list. */
  get columns(): ReadonlyArray<AliasedExpression<unknown, `second_${string}`>> {
    return this.#columns.map((column) => sql.ref(`${this.#table}.${column}`).as(`second_${column}` as const))
  }

  of(row: object): Row<N> {
    return Object.fromEntries(this.#columns.map((column) => [column, Reflect.get(row, `second_${column}`)])) as Row<N>
  }
}
