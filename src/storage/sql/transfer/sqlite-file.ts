import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import { sqliteDialect } from '../dialects/sqlite.ts'
import { migrate } from '../migrate.ts'
import { nodeSqliteDialect } from '../node-sqlite-dialect.ts'
import { toOtaError } from '../sql-failure.ts'
import { SqliteConnection } from '../sqlite-connection.ts'
import { NOT_COPIED, otherSchema, type StoredRow, type TableSource, type TableTarget } from './tables.ts'

const BATCH = 2_000

/**
 * An SQLite file that no server has open, as the source or the target of a copy. It is brought up to the schema of this
 * Godwit first, and made when absent.
 */
export class SqliteFile implements TableSource, TableTarget {
  readonly #database: DatabaseSync
  readonly #inserts = new Map<string, Insert>()

  private constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** Throws `storage-failed` when the file is no database of Godwit's, or of a newer one. */
  static async open(path: string): Promise<SqliteFile> {
    try {
      const connection = new SqliteConnection({ file: path, access: 'write' })
      try {
        await migrate(new Kysely({ dialect: nodeSqliteDialect(connection) }), sqliteDialect)
      } finally {
        connection.close()
      }
      const database = new DatabaseSync(path)
      // A copy that was cut off is thrown away whole, so nothing has to survive that. Tables are filled in any order.
      database.exec('pragma journal_mode = delete; pragma synchronous = off; pragma foreign_keys = off')
      return new SqliteFile(database)
    } catch (error) {
      throw toOtaError(error, '', sqliteDialect)
    }
  }

  async tables(): Promise<readonly string[]> {
    return this.#database
      .prepare("select name from pragma_table_list where schema = 'main' and type = 'table' order by name")
      .all()
      .map((row) => String(row['name']))
      .filter((name) => !NOT_COPIED.has(name) && !name.startsWith('sqlite_'))
  }

  async *rows(table: string): AsyncGenerator<readonly StoredRow[]> {
    let batch: StoredRow[] = []
    for (const row of this.#database.prepare(`select * from "${table}" order by rowid`).iterate()) {
      batch.push(row)
      if (batch.length < BATCH) continue
      yield batch
      batch = []
    }
    if (batch.length > 0) yield batch
  }

  async lastSerial(table: string): Promise<number | undefined> {
    if (!this.#isNumbered(table)) return undefined
    return Number(this.#database.prepare('select seq from sqlite_sequence where name = ?').get(table)?.['seq'] ?? 0)
  }

  async insert(table: string, rows: readonly StoredRow[]): Promise<void> {
    const { statement, columns } = this.#insertInto(table)
    const strange = Object.keys(rows[0] ?? {}).filter((column) => !columns.includes(column))
    if (strange.length > 0) throw otherSchema(strange.map((column) => `${table}.${column}`))
    this.#database.exec('begin')
    for (const row of rows) statement.run(...columns.map((column) => bound(row[column])))
    this.#database.exec('commit')
  }

  async startAfter(table: string, serial: number): Promise<void> {
    this.#database.prepare('delete from sqlite_sequence where name = ?').run(table)
    this.#database.prepare('insert into sqlite_sequence (name, seq) values (?, ?)').run(table, serial)
  }

  close(): void {
    this.#database.close()
  }

  #isNumbered(table: string): boolean {
    const row = this.#database.prepare("select sql from sqlite_schema where type = 'table' and name = ?").get(table)
    return /autoincrement/i.test(String(row?.['sql']))
  }

  #insertInto(table: string): Insert {
    const known = this.#inserts.get(table)
    if (known) return known
    const columns = this.#database
      .prepare('select name from pragma_table_info(?)')
      .all(table)
      .map((row) => String(row['name']))
    const names = columns.map((column) => `"${column}"`).join(', ')
    const places = columns.map(() => '?').join(', ')
    const statement = this.#database.prepare(`insert into "${table}" (${names}) values (${places})`)
    const made = { columns, statement }
    this.#inserts.set(table, made)
    return made
  }
}

interface Insert {
  readonly columns: readonly string[]
  readonly statement: StatementSync
}

function bound(value: unknown): SQLInputValue {
  return (typeof value === 'boolean' ? Number(value) : value) as SQLInputValue
}
