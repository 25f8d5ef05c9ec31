import { Migrator } from 'kysely/migration'
import { OtaError } from '../../core/errors.ts'
import type { MigrationDb, SqlDialect } from './dialects/dialect.ts'
import { migrationsFor } from './migrations/migrations.ts'

/**
 * Brings the schema up to date and returns the names of the migrations that ran, oldest first. Two processes at once
 * are safe. Throws `storage-failed` when one fails (it leaves no trace then) or when a newer Godwit made the database.
 */
export async function migrate(db: MigrationDb, dialect: SqlDialect): Promise<string[]> {
  const { error, results } = await migrator(db, dialect).migrateToLatest()
  if (error !== undefined) throw migrationFailed(error, dialect)
  return (results ?? []).map((result) => result.migrationName)
}

/** Names of the migrations that this Godwit needs and the database lacks, oldest first. */
export async function pendingMigrations(db: MigrationDb, dialect: SqlDialect): Promise<string[]> {
  const all = await migrator(db, dialect).getMigrations()
  return all.filter((migration) => migration.executedAt === undefined).map((migration) => migration.name)
}

function migrator(db: MigrationDb, dialect: SqlDialect): Migrator {
  const provider = { getMigrations: async () => migrationsFor(dialect) }
  return new Migrator({ db, provider, migrationTableName: 'migrations', migrationLockTableName: 'migrations_lock' })
}

function migrationFailed(cause: unknown, dialect: SqlDialect): OtaError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new OtaError('storage-failed', `The ${dialect.name} schema could not be brought up to date: ${reason}`, {
    cause,
  })
}
