import { type Compilable, type CompiledQuery, type Kysely, sql } from 'kysely'
import type { Compiler } from './compiler.ts'
import { ENTITIES } from './entities.ts'
import type { Schema } from './schema.ts'
import type { Session } from './session.ts'
import { conflict, storageFailed } from './sql-failure.ts'
import { Template, TemplateCache } from './statement.ts'
import type { Values } from './values.ts'

/** A unique index as an insert that ran into it asks: who has the name already? */
export interface Unique {
  /** What the conflict is reported as. */
  readonly field: string
  /** Two rows collide when all of these are equal; one that is null keeps its row out of it. */
  readonly columns: readonly string[]
  /** ... and these, where null is a value like others. */
  readonly orNull?: readonly string[]
  /** Only rows with these values take part. */
  readonly among?: Values
}

export interface Target {
  readonly table: keyof Schema
  readonly uniques: readonly Unique[]
}

/** Statements on a table that is known at run time only. */
export type AnyDb = Kysely<Record<string, Record<string, unknown>>>

export function anyDb(compiler: Compiler): AnyDb {
  return compiler as unknown as AnyDb
}

/** Draws again when a generated number turns out to be taken: numbers given explicitly can overtake the generator. */
const DRAWS = 5

/**
 * Inserts one row and returns it as stored. A taken name is found without an error of the database, which would end a
 * PostgreSQL transaction: the caller may go on after the `conflict`.
 */
export async function insertRow<R>(session: Session, target: Target, values: Values): Promise<R> {
  for (let draw = 0; draw < DRAWS; draw += 1) {
    const row = await session.first<R>(insertStatement<R>(session.compiler, target.table, values))
    if (row !== undefined) return row
    const field = await takenField(session, target, values)
    if (field !== undefined) throw conflict(ENTITIES[target.table], field)
  }
  throw storageFailed(`No free number for a new ${ENTITIES[target.table]} was found`)
}

/** Which unique name of a refused row is taken; undefined when it is free by now. */
export async function takenField(session: Session, target: Target, values: Values): Promise<string | undefined> {
  for (const unique of target.uniques) {
    if (!takesPart(unique, values)) continue
    let query = anyDb(session.compiler).selectFrom(target.table).select(sql<number>`1`.as('taken'))
    for (const [column, value] of conditions(unique, values)) {
      query = value === null ? query.where(column, 'is', null) : query.where(column, '=', value)
    }
    if ((await session.first(query.limit(1).compile())) !== undefined) return unique.field
  }
  return undefined
}

function conditions({ columns, orNull = [], among = {} }: Unique, values: Values): Array<[string, unknown]> {
  const equal = [...columns, ...orNull].map((column): [string, unknown] => [column, values[column]])
  return [...equal, ...Object.entries(among)]
}

function takesPart({ columns, among = {} }: Unique, values: Values): boolean {
  return (
    columns.every((column) => values[column] !== undefined && values[column] !== null) &&
    Object.entries(among).every(([column, value]) => values[column] === value)
  )
}

const inserts = new TemplateCache()

/** One row; nothing when a name is taken. The text depends on table and columns alone: compiled once, bound for each row. */
export function insertStatement<R>(compiler: Compiler, table: string, values: Values): CompiledQuery<R> {
  const columns = Object.keys(values)
  const template = inserts.get(
    compiler,
    `${table} ${columns.join()}`,
    () =>
      new Template<R>(columns.length, (standIns) =>
        insertQuery<R>(compiler, table, [
          Object.fromEntries(columns.map((column, index) => [column, standIns[index]])),
        ]),
      ),
  )
  return template.bind(Object.values(values))
}

/** All rows in one statement; they must have the same columns. Rows whose names are taken are left out. */
export function insertQuery<R>(compiler: Compiler, table: string, rows: readonly Values[]): Compilable<R> {
  const query = anyDb(compiler)
    .insertInto(table)
    .values(rows)
    .onConflict((on) => on.doNothing())
    .returningAll()
  return query as unknown as Compilable<R>
}
