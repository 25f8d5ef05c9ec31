import type { Compilable, CompiledQuery } from 'kysely'
import type { Entity, New, Patch, Serial } from '../../core/common.ts'
import { invalid } from '../../core/errors.ts'
import { ENTITIES } from './entities.ts'
import { anyDb, insertQuery, insertRow, type Target, takenField, type Unique } from './insert-row.ts'
import { pauses } from './pauses.ts'
import type { EntityTables, Row } from './schema.ts'
import type { Session } from './session.ts'
import { conflict } from './sql-failure.ts'
import { Template, TemplateCache } from './statement.ts'
import { defined, type Values } from './values.ts'

export interface EntityMapping<N extends keyof EntityTables, T extends Entity> {
  readonly table: N
  /** Besides `serial` and `id`. */
  readonly uniques: readonly Unique[]
  /** Columns of the members that are given, without serial, id, creation time and revision. */
  readonly toColumns: (given: Partial<T>) => Values
  readonly toEntity: (row: Row<N>) => T
}

export interface ChangeOptions {
  /** The change happens only to this revision. */
  readonly ifRevision?: number | undefined
  /** ... and only while these columns have these values. */
  readonly while?: Values
}

const BASE: readonly Unique[] = [
  { field: 'serial', columns: ['serial'] },
  { field: 'id', columns: ['id'] },
]

/** What all numbered, revised tables have in common: insert, find and change by serial. */
export class EntityTable<N extends keyof EntityTables, T extends Entity> {
  readonly #mapping: EntityMapping<N, T>
  readonly #target: Target
  readonly #templates = new TemplateCache()

  constructor(mapping: EntityMapping<N, T>) {
    this.#mapping = mapping
    this.#target = { table: mapping.table, uniques: [...mapping.uniques, ...BASE] }
  }

  get #name(): string {
    return this.#mapping.table
  }

  /** Throws `conflict` naming the field that is taken; the transaction stays usable. */
  async insert(session: Session, row: New<T>): Promise<T> {
    const inserted = await insertRow<Row<N>>(session, this.#target, this.#values(row))
    await this.#pushSerial(session, row.serial)
    return this.#mapping.toEntity(inserted)
  }

  /** In the order of `rows`, all or none. Throws `conflict` for the first row that has a taken name. */
  async insertMany(session: Session, rows: readonly New<T>[]): Promise<T[]> {
    return session.savepoint(async () => {
      const inserted: T[] = []
      const pause = pauses()
      for (const chunk of this.#chunks(session, rows)) {
        inserted.push(...(await this.#insertChunk(session, chunk)))
        await pause()
      }
      await this.#pushSerial(session, rows.reduce((highest, row) => Math.max(highest, row.serial ?? 0), 0) || undefined)
      return inserted
    })
  }

  async one(session: Session, query: CompiledQuery<Row<N>>): Promise<T | undefined> {
    const row = await session.first(query)
    return row === undefined ? undefined : this.#mapping.toEntity(row)
  }

  async many(session: Session, query: CompiledQuery<Row<N>>): Promise<T[]> {
    return (await session.all(query)).map(this.#mapping.toEntity)
  }

  async find(session: Session, serial: Serial): Promise<T | undefined> {
    const { compiler } = session
    const template = this.#templates.get(compiler, 'find', () =>
      this.#template(1, ([standIn]) =>
        anyDb(compiler).selectFrom(this.#name).selectAll().where('serial', '=', standIn),
      ),
    )
    return this.one(session, template.bind([serial]))
  }

  /** Raises the revision by one. undefined when there is no such row or it is not as `options` want it. */
  async change(
    session: Session,
    serial: Serial,
    { patch, ...options }: ChangeOptions & { readonly patch: Patch<T> },
  ): Promise<T | undefined> {
    const { compiler } = session
    const values = defined(this.#mapping.toColumns(patch as Partial<T>))
    const conditions = defined({ serial, revision: options.ifRevision, ...options.while })
    const columns = Object.keys(values)
    const tested = Object.keys(conditions)
    const template = this.#templates.get(compiler, `change ${columns.join()} if ${tested.join()}`, () =>
      this.#template(columns.length + tested.length, (standIns) => {
        const set = Object.fromEntries(columns.map((column, index) => [column, standIns[index]]))
        let query = anyDb(compiler)
          .updateTable(this.#name)
          .set((is) => ({ ...set, revision: is('revision', '+', 1) }))
          .returningAll()
        tested.forEach((column, index) => {
          query = query.where(column, '=', standIns[columns.length + index])
        })
        return query
      }),
    )
    return this.one(session, template.bind([...Object.values(values), ...Object.values(conditions)]))
  }

  #template(values: number, build: (standIns: readonly unknown[]) => Compilable<unknown>): Template<Row<N>> {
    return new Template(values, (standIns) => build(standIns) as Compilable<Row<N>>)
  }

  #values(row: New<T>): Values {
    const { serial, id, createdAt } = row as Pick<New<Entity>, 'serial' | 'id' | 'createdAt'>
    if (serial !== undefined && !(Number.isSafeInteger(serial) && serial > 0)) {
      throw invalid('serial', 'must be a positive integer below 2^53')
    }
    return defined({ serial, id, created_at: createdAt, ...this.#mapping.toColumns(row as Partial<T>) })
  }

  /** Rows of one statement must agree on whether they bring a serial. */
  *#chunks(session: Session, rows: readonly New<T>[]): Generator<Values[]> {
    let chunk: Values[] = []
    for (const row of rows) {
      const values = this.#values(row)
      const columns = Object.keys(values).length
      const isFull =
        chunk.length >= Math.min(session.dialect.bulkRows, Math.floor(session.dialect.maxParameters / columns))
      const isOfAnotherShape = chunk[0] !== undefined && 'serial' in chunk[0] !== 'serial' in values
      if (isFull || isOfAnotherShape) {
        yield chunk
        chunk = []
      }
      chunk.push(values)
    }
    if (chunk.length > 0) yield chunk
  }

  async #insertChunk(session: Session, chunk: readonly Values[]): Promise<T[]> {
    const [only] = chunk
    if (only !== undefined && chunk.length === 1) {
      return [this.#mapping.toEntity(await insertRow<Row<N>>(session, this.#target, only))]
    }
    const stored = await session.all(insertQuery<Row<N>>(session.compiler, this.#name, chunk).compile())
    const byId = new Map(stored.map((row) => [String((row as { id?: unknown }).id), row]))
    const rows: T[] = []
    for (const values of chunk) {
      const row = byId.get(String(values['id']))
      byId.delete(String(values['id']))
      if (row === undefined) throw await this.#refusal(session, values)
      rows.push(this.#mapping.toEntity(row))
    }
    return rows
  }

  async #refusal(session: Session, values: Values): Promise<Error> {
    return conflict(ENTITIES[this.#mapping.table], (await takenField(session, this.#target, values)) ?? 'serial')
  }

  async #pushSerial(session: Session, serial: Serial | undefined): Promise<void> {
    const push = session.dialect.pushSerial
    if (serial !== undefined && push) await session.first(push(this.#name, serial).compile(session.compiler))
  }
}
