import type { CompiledQuery } from 'kysely'
import { OtaError } from '../../core/errors.ts'
import { ChangeLog } from './change-log.ts'
import { type Compiler, compilerOf } from './compiler.ts'
import type { SqlDialect } from './dialects/dialect.ts'
import { toOtaError } from './sql-failure.ts'

type Eventually<T> = T | Promise<T>

/**
 * Runs compiled statements on one connection or pool; throws what the database throws. `name`: the statement may be
 * prepared under it, once for each connection.
 */
export interface Executor {
  all(sql: string, parameters: readonly unknown[], name?: string): Eventually<unknown[]>
  first(sql: string, parameters: readonly unknown[], name?: string): Eventually<unknown>
  /** Number of rows changed. */
  run(sql: string, parameters: readonly unknown[], name?: string): Eventually<number>
}

/** A compiled query; `name` as of `Executor`. */
export type Query<R> = CompiledQuery<R> & { readonly name?: string }

const READS = /^(select|with)\b/
const SAVEPOINT = { sql: 'savepoint inner_work', parameters: [] }
const RELEASE = { sql: 'release savepoint inner_work', parameters: [] }
const ROLLBACK_TO = { sql: 'rollback to savepoint inner_work', parameters: [] }

/**
 * What the stores of one reader or one transaction share. Every failure comes out as `OtaError`: `conflict` for a taken
 * unique name, `in-use` for a delete that a foreign key forbids, `not-found` for a reference to nothing,
 * `storage-full` without room on the disk, `storage-failed` for the rest.
 */
export class Session {
  readonly dialect: SqlDialect
  readonly compiler: Compiler
  readonly changes = new ChangeLog()
  readonly #isWritable: boolean
  #executor: Executor
  #lastSavepoint: Promise<unknown> = Promise.resolve()

  constructor(dialect: SqlDialect, executor: Executor, access: 'read' | 'write') {
    this.dialect = dialect
    this.compiler = compilerOf(dialect)
    this.#executor = executor
    this.#isWritable = access === 'write'
  }

  async all<R>(query: Query<R>): Promise<R[]> {
    this.#admit(query.sql)
    try {
      return (await this.#executor.all(query.sql, query.parameters, query.name)) as R[]
    } catch (error) {
      throw toOtaError(error, query.sql, this.dialect)
    }
  }

  async first<R>(query: Query<R>): Promise<R | undefined> {
    this.#admit(query.sql)
    try {
      return (await this.#executor.first(query.sql, query.parameters, query.name)) as R | undefined
    } catch (error) {
      throw toOtaError(error, query.sql, this.dialect)
    }
  }

  /** Number of rows changed. */
  async run(query: Pick<Query<unknown>, 'sql' | 'parameters' | 'name'>): Promise<number> {
    this.#admit(query.sql)
    try {
      return await this.#executor.run(query.sql, query.parameters, query.name)
    } catch (error) {
      throw toOtaError(error, query.sql, this.dialect)
    }
  }

  /**
   * Several statements of which all or none happen, so that the caller may go on when they throw. One at a time; `work`
   * must not ask for another one.
   */
  savepoint<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#lastSavepoint.then(() => this.#runSavepoint(work))
    this.#lastSavepoint = result.catch(() => undefined)
    return result
  }

  async #runSavepoint<T>(work: () => Promise<T>): Promise<T> {
    await this.run(SAVEPOINT)
    try {
      const result = await work()
      await this.run(RELEASE)
      return result
    } catch (error) {
      // When the database has given up the whole transaction already, `error` says more than a missing savepoint.
      await this.run(ROLLBACK_TO).catch(() => undefined)
      throw error
    }
  }

  /** The transaction is over: stores that somebody kept refuse from now on. */
  end(): void {
    this.#executor = ENDED
  }

  #admit(sql: string): void {
    if (!this.#isWritable && !READS.test(sql)) throw new OtaError('internal', 'Writes need an open transaction')
  }
}

function refuse(): never {
  throw new OtaError('internal', 'The transaction of these stores is over')
}

const ENDED: Executor = { all: refuse, first: refuse, run: refuse }
