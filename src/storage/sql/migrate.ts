import { sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import { OtaError } from '../../core/errors.ts'
import type { MigrationDb, SqlDialect } from './dialects/dialect.ts'
import { migrationsFor } from './migrations/migrations.ts'
import { SCHEMA_MINIMUM, type SchemaMigration, withMinimum } from './migrations/schema-migration.ts'

export type Migrations = Readonly<Record<string, SchemaMigration>>

/** How a schema and a Godwit fit. */
export interface SchemaStanding {
  /** Migrations that this Godwit needs and the database lacks, oldest first. */
  readonly pending: readonly string[]
  /** Migrations of a newer Godwit, oldest first. */
  readonly unknown: readonly string[]
  /** The oldest migration that a server must know; undefined when any will do. */
  readonly minimum: string | undefined
}

/** A server that was not seen for so long does not count any more. */
const SEEN_MS = 60_000

/**
 * Brings the schema up to date and returns the names of the migrations that ran, oldest first. Two processes at once
 * are safe. A schema of a newer Godwit is left alone if this one can work with it. Throws `storage-failed` when it
 * cannot, when a migration fails (it leaves no trace then), or when one would take away what a running server needs.
 */
export async function migrate(
  db: MigrationDb,
  dialect: SqlDialect,
  migrations: Migrations = migrationsFor(dialect),
): Promise<string[]> {
  const standing = await schemaStanding(db, dialect, migrations)
  requireKnown(standing, migrations)
  if (standing.unknown.length > 0 && standing.pending.length === 0) return []
  await requireNobodyLeftBehind(db, dialect, { standing, migrations })
  const { error, results } = await migrator(db, migrations).migrateToLatest()
  if (error !== undefined) throw migrationFailed(error, dialect)
  return (results ?? []).map((result) => result.migrationName)
}

/** Looks and changes nothing. */
export async function schemaStanding(
  db: MigrationDb,
  dialect: SqlDialect,
  migrations: Migrations = migrationsFor(dialect),
): Promise<SchemaStanding> {
  const all = await migrator(db, migrations).getMigrations()
  const pending = all.filter((migration) => migration.executedAt === undefined).map((migration) => migration.name)
  if (pending.length === all.length) return { pending, unknown: [], minimum: undefined }
  const executed = await db.selectFrom('migrations').select('name').orderBy('name').execute()
  const row = await db.selectFrom('settings').select('value').where('name', '=', SCHEMA_MINIMUM).executeTakeFirst()
  const unknown = executed.map(({ name }) => String(name)).filter((name) => !Object.hasOwn(migrations, name))
  return { pending, unknown, minimum: row?.['value'] }
}

/** Throws `storage-failed` when a newer Godwit has taken away what this one needs. */
export function requireKnown({ minimum }: SchemaStanding, migrations: Migrations): void {
  if (minimum === undefined || Object.hasOwn(migrations, minimum)) return
  const newest = Object.keys(migrations).at(-1)
  throw new OtaError(
    'storage-failed',
    `The database is of a newer Godwit, which left servers behind that do not know ${minimum}; this one knows ${newest}: install a newer Godwit`,
    { details: { minimum, newest } },
  )
}

/** Throws `storage-failed` when a pending migration contracts while a server runs that is too old for it. */
async function requireNobodyLeftBehind(
  db: MigrationDb,
  dialect: SqlDialect,
  { standing: { pending }, migrations }: { readonly standing: SchemaStanding; readonly migrations: Migrations },
): Promise<void> {
  const minimum = pending
    .map((name) => migrations[name]?.contracts)
    .filter((name) => name !== undefined)
    .toSorted()
    .at(-1)
  if (minimum === undefined || pending.includes(NODES)) return
  const old = await db
    .selectFrom('nodes')
    .select(['host', 'pid', 'version'])
    .where('schema', '<', minimum)
    .where('seen_at', '>', sql<number>`${dialect.now} - ${sql.lit(SEEN_MS)}`)
    .execute()
  if (old.length === 0) return
  const who = old.map(({ host, pid, version }) => `${version} on ${host} (process ${pid})`).join(', ')
  throw new OtaError(
    'storage-failed',
    `Servers run that need what this migration takes away: ${who}. Replace them first; one that is gone counts for a minute`,
    { details: { minimum } },
  )
}

/** The migration that made the table of nodes. */
const NODES = '0009-leases'

function migrator(db: MigrationDb, migrations: Migrations): Migrator {
  const provider = {
    getMigrations: async () =>
      Object.fromEntries(Object.entries(migrations).map(([name, migration]) => [name, withMinimum(migration)])),
  }
  return new Migrator({ db, provider, migrationTableName: 'migrations', migrationLockTableName: 'migrations_lock' })
}

function migrationFailed(cause: unknown, dialect: SqlDialect): OtaError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new OtaError('storage-failed', `The ${dialect.name} schema could not be brought up to date: ${reason}`, {
    cause,
  })
}
