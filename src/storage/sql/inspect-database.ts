import { Kysely, PostgresDialect } from 'kysely'
import { Client, Pool } from 'pg'
import type { MigrationDb, SqlDialect } from './dialects/dialect.ts'
import { postgresDialect } from './dialects/postgres.ts'
import { sqliteDialect } from './dialects/sqlite.ts'
import { FileLock } from './file-lock.ts'
import { migrate, requireKnown, schemaStanding } from './migrate.ts'
import { migrationsFor } from './migrations/migrations.ts'
import { nodeSqliteDialect } from './node-sqlite-dialect.ts'
import type { ExclusiveTarget } from './open-exclusively.ts'
import { toOtaError } from './sql-failure.ts'
import { SqliteConnection } from './sqlite-connection.ts'

export interface DatabaseFacts {
  /** Migrations that this Godwit needs and the database lacks, oldest first. */
  readonly pending: readonly string[]
  /** Migrations of a newer Godwit, oldest first. */
  readonly unknown: readonly string[]
  /** What the master key can be checked against; undefined in a database that no server has used. */
  readonly masterKeyCheck: string | undefined
  /** Searches for devices have their index. */
  readonly hasDeviceSearch: boolean
  /** When the newest event was written, epoch ms. */
  readonly newestEventAt: number | undefined
}

/** Looks into a database and changes nothing; a server may be running. Throws `storage-failed` when it does not answer. */
export function inspectDatabase(target: ExclusiveTarget): Promise<DatabaseFacts> {
  return withDatabase(target, 'read', async (db, dialect) => {
    const standing = await schemaStanding(db, dialect)
    requireKnown(standing, migrationsFor(dialect))
    const { pending, unknown } = standing
    if (pending.includes(FIRST))
      return { pending, unknown, masterKeyCheck: undefined, hasDeviceSearch: true, newestEventAt: undefined }
    const check = await db.selectFrom('settings').select('value').where('name', '=', CHECK).executeTakeFirst()
    const newest = await db.selectFrom('events').select('at').orderBy('serial', 'desc').limit(1).executeTakeFirst()
    return {
      pending,
      unknown,
      masterKeyCheck: check?.['value'],
      hasDeviceSearch: await dialect.hasDeviceSearch(db),
      newestEventAt: newest === undefined ? undefined : Number(newest['at']),
    }
  })
}

/** Makes the schema current, creating the embedded database where there is none. Answers what ran, oldest first. */
export async function migrateDatabase(target: ExclusiveTarget): Promise<string[]> {
  const lock = target.kind === 'sqlite' ? new FileLock(target.file) : undefined
  try {
    return await withDatabase(target, 'write', migrate)
  } finally {
    lock?.release()
  }
}

/** Whether another process has the embedded database open. */
export function isInUse(file: string): boolean {
  try {
    new FileLock(file).release()
    return false
  } catch {
    return true
  }
}

const FIRST = '0001-initial'
const CHECK = 'master-key-check'

/** Opens a database for as long as `work` runs, beside whoever else has it open. */
export async function withDatabase<T>(
  target: ExclusiveTarget,
  access: 'read' | 'write',
  work: (db: MigrationDb, dialect: SqlDialect) => Promise<T>,
): Promise<T> {
  if (target.kind === 'postgres') return withPostgres(target.url, work)
  const connection = openFile(target.file, access)
  try {
    return await work(new Kysely({ dialect: nodeSqliteDialect(connection) }), sqliteDialect)
  } finally {
    connection.close()
  }
}

function openFile(file: string, access: 'read' | 'write'): SqliteConnection {
  try {
    return new SqliteConnection({ file, access })
  } catch (error) {
    throw toOtaError(error, '', sqliteDialect)
  }
}

async function withPostgres<T>(url: string, work: (db: MigrationDb, dialect: SqlDialect) => Promise<T>): Promise<T> {
  const probe = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  try {
    await probe.connect()
    await probe.query('select 1')
  } catch (error) {
    throw toOtaError(error, '', postgresDialect)
  } finally {
    await probe.end().catch(() => undefined)
  }
  const db: MigrationDb = new Kysely({
    dialect: new PostgresDialect({ pool: new Pool({ connectionString: url, max: 2 }) }),
  })
  try {
    return await work(db, postgresDialect)
  } finally {
    await db.destroy()
  }
}
