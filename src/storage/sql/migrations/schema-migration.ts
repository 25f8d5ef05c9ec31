import type { Migration } from 'kysely/migration'
import type { MigrationDb } from '../dialects/dialect.ts'

/**
 * One step of the schema. Every step *expands* unless it says otherwise: it adds what older servers do not look at, and
 * leaves what they read and write as it is (new columns are nullable or have a default), so that they go on while it runs
 * and afterwards. A step that takes something away *contracts*: it names the migration that a server must know to do
 * without it, and comes in a later release than that one.
 */
export interface SchemaMigration extends Migration {
  /** Servers that do not know this migration cannot work with the schema after this step. */
  readonly contracts?: string
}

export const SCHEMA_MINIMUM = 'schema-minimum'

/** A step that leaves in the database what it asks of servers, in the transaction of the step itself. */
export function withMinimum(migration: SchemaMigration): Migration {
  const { contracts } = migration
  if (contracts === undefined) return migration
  return {
    async up(db: MigrationDb) {
      await migration.up(db)
      const row = { name: SCHEMA_MINIMUM, value: contracts }
      await db
        .insertInto('settings')
        .values(row)
        .onConflict((on) => on.column('name').doUpdateSet({ value: contracts }))
        .execute()
    },
  }
}
