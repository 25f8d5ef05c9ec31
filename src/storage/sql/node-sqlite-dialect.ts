import { CompiledQuery, type DatabaseConnection, type Dialect, type Driver, type QueryResult } from 'kysely'
import { OtaError } from '../../core/errors.ts'
import { sqliteDialect } from './dialects/sqlite.ts'
import type { SqliteConnection } from './sqlite-connection.ts'

/** Kysely over one open node:sqlite connection, for what Kysely itself runs: the migrations. Leaves it open. */
export function nodeSqliteDialect(connection: SqliteConnection): Dialect {
  return {
    createAdapter: () => sqliteDialect.createAdapter(),
    createDriver: () => new NodeSqliteDriver(connection),
    createIntrospector: sqliteDialect.createIntrospector,
    createQueryCompiler: () => sqliteDialect.createQueryCompiler(),
  }
}

class NodeSqliteDriver implements Driver {
  readonly #connection: DatabaseConnection

  constructor(connection: SqliteConnection) {
    this.#connection = new NodeSqliteConnection(connection)
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'))
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('rollback'))
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {}
}

class NodeSqliteConnection implements DatabaseConnection {
  readonly #connection: SqliteConnection

  constructor(connection: SqliteConnection) {
    this.#connection = connection
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    return { rows: this.#connection.all(sql, parameters) as R[] }
  }

  // biome-ignore lint/correctness/useYield: the contract asks for a generator.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new OtaError('unsupported', 'Rows are not streamed from SQLite')
  }
}
