import { Client, type CustomTypesConfig, types } from 'pg'
import type { SqlDialect } from './dialects/dialect.ts'
import { postgresDialect } from './dialects/postgres.ts'
import { sqliteDialect } from './dialects/sqlite.ts'
import { FileLock } from './file-lock.ts'
import { type Executor, Session } from './session.ts'
import { toOtaError } from './sql-failure.ts'
import { SqliteConnection } from './sqlite-connection.ts'

/** The database for maintenance that nobody may watch half done. */
export interface ExclusiveDatabase {
  /** Runs `work` in one transaction, alone. */
  transaction<T>(work: (session: Session) => Promise<T>): Promise<T>
  close(): Promise<void>
}

export type ExclusiveTarget =
  | { readonly kind: 'sqlite'; readonly file: string }
  | { readonly kind: 'postgres'; readonly url: string }

/**
 * Opens a database that exists and is up to date. SQLite: throws `storage-failed` while a server has it open.
 * PostgreSQL: other processes wait while a transaction runs; that none of them serves is the operator's to see to.
 */
export function openExclusively(target: ExclusiveTarget): Promise<ExclusiveDatabase> {
  return target.kind === 'sqlite' ? openSqlite(target.file) : openPostgres(target.url)
}

async function openSqlite(file: string): Promise<ExclusiveDatabase> {
  const lock = new FileLock(file)
  try {
    const connection = new SqliteConnection({ file, access: 'write' })
    // What is overwritten or deleted here must not linger in free pages.
    connection.run('pragma secure_delete = on', [])
    return exclusive(sqliteDialect, connection, {
      begin: () => connection.run('begin immediate', []),
      end: (how) => connection.run(how, []),
      async close() {
        connection.all('pragma wal_checkpoint(truncate)', [])
        connection.close()
        lock.release()
      },
    })
  } catch (error) {
    lock.release()
    throw toOtaError(error, '', sqliteDialect)
  }
}

/** Every table that holds sealed values. */
const LOCKED = 'credentials, access_keys, access_tokens, idempotency, settings, webhooks'

const INT8 = 20

const numbers: CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === INT8 ? Number : types.getTypeParser(oid, format)) as CustomTypesConfig['getTypeParser'],
}

async function openPostgres(url: string): Promise<ExclusiveDatabase> {
  const client = new Client({ connectionString: url, types: numbers })
  try {
    await client.connect()
  } catch (error) {
    throw toOtaError(error, '', postgresDialect)
  }
  const query = async (text: string, values: readonly unknown[] = []) => client.query(text, [...values])
  const executor: Executor = {
    all: async (text, values) => (await query(text, values)).rows,
    first: async (text, values) => (await query(text, values)).rows[0],
    run: async (text, values) => (await query(text, values)).rowCount ?? 0,
  }
  return exclusive(postgresDialect, executor, {
    async begin() {
      await query('begin')
      await query(`lock table ${LOCKED} in access exclusive mode`)
    },
    end: (how) => query(how),
    close: () => client.end(),
  })
}

interface Ends {
  begin(): unknown
  end(how: 'commit' | 'rollback'): unknown
  close(): Promise<void>
}

function exclusive(dialect: SqlDialect, executor: Executor, ends: Ends): ExclusiveDatabase {
  return {
    async transaction(work) {
      await ends.begin()
      try {
        const result = await work(new Session(dialect, executor, 'write'))
        await ends.end('commit')
        return result
      } catch (error) {
        await ends.end('rollback')
        throw error
      }
    },
    close: ends.close,
  }
}
