import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { SqlDialect } from '../dialects/dialect.ts'

/** When an update is given up, and by which time-outs of its own. Immutable. */
export function updateDeadlines({ types }: SqlDialect): Migration {
  return {
    async up(db) {
      await db.schema.alterTable('updates').addColumn('deadline', types.integer).execute()
      await db.schema.alterTable('updates').addColumn('time_outs', types.text).execute()
      await sql`create index updates_by_deadline on updates (deadline) where deadline is not null`.execute(db)
    },
  }
}
