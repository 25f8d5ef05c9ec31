import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'

export interface SqliteConnectionOptions {
  readonly file: string
  readonly access: 'read' | 'write'
  /** How long a statement waits for a lock of another process, ms. */
  readonly busyTimeoutMs?: number
}

/** Prepared statements kept per connection; the least recently used goes first. */
const STATEMENTS = 500

/** Full: a commit is on the disk before it returns. The limit gives the space of a large import back. */
const WRITER = 'pragma journal_mode = wal; pragma synchronous = full; pragma journal_size_limit = 67108864'

interface Prepared {
  readonly statement: StatementSync
  readonly returnsRows: boolean
}

/**
 * One connection to an SQLite file in WAL mode. A reader sees everything that was committed before each statement and
 * never waits for the writer. Throws what node:sqlite throws. Also runs in the reader thread, so it imports nothing.
 */
export class SqliteConnection {
  readonly #database: DatabaseSync
  readonly #prepared = new Map<string, Prepared>()

  constructor({ file, access, busyTimeoutMs = 5_000 }: SqliteConnectionOptions) {
    this.#database = new DatabaseSync(file, { readOnly: access === 'read', timeout: busyTimeoutMs })
    try {
      if (access === 'write') this.#database.exec(WRITER)
      this.#database.exec('pragma foreign_keys = on; pragma temp_store = memory; pragma cache_size = -32768')
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  get isInTransaction(): boolean {
    return this.#database.isTransaction
  }

  all(sql: string, parameters: readonly unknown[]): unknown[] {
    const { statement, returnsRows } = this.#prepare(sql)
    if (returnsRows) return statement.all(...bound(parameters))
    statement.run(...bound(parameters))
    return []
  }

  first(sql: string, parameters: readonly unknown[]): unknown {
    return this.#prepare(sql).statement.get(...bound(parameters))
  }

  run(sql: string, parameters: readonly unknown[]): number {
    return Number(this.#prepare(sql).statement.run(...bound(parameters)).changes)
  }

  close(): void {
    this.#prepared.clear()
    this.#database.close()
  }

  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql)
    if (known !== undefined) {
      if (this.#prepared.size >= STATEMENTS) this.#keep(sql, known)
      return known
    }
    const statement = this.#database.prepare(sql)
    const prepared = { statement, returnsRows: statement.columns().length > 0 }
    this.#keep(sql, prepared)
    return prepared
  }

  #keep(sql: string, prepared: Prepared): void {
    this.#prepared.delete(sql)
    this.#prepared.set(sql, prepared)
    if (this.#prepared.size <= STATEMENTS) return
    const oldest = this.#prepared.keys().next()
    if (!oldest.done) this.#prepared.delete(oldest.value)
  }
}

/** SQLite knows no booleans. */
function bound(parameters: readonly unknown[]): SQLInputValue[] {
  return parameters.map((value) => (typeof value === 'boolean' ? Number(value) : value)) as SQLInputValue[]
}
