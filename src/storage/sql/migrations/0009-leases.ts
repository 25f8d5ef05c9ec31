import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { SqlDialect } from '../dialects/dialect.ts'

/** Leases of background jobs, and the processes that run on this database. Immutable. */
export function leases({ types }: SqlDialect): Migration {
  return {
    async up(db) {
      await db.schema
        .createTable('leases')
        .addColumn('name', types.text, (it) => it.primaryKey())
        .addColumn('holder', types.text, (it) => it.notNull())
        .addColumn('token', types.integer, (it) => it.notNull())
        .addColumn('expires_at', types.integer, (it) => it.notNull())
        .execute()
      // Makes the token a key: a holder's share of the row then bars its taking and nothing else, its renewal least of all.
      await sql`create unique index leases__token on leases (name, token)`.execute(db)
      await db.schema
        .createTable('nodes')
        .addColumn('id', types.text, (it) => it.primaryKey())
        .addColumn('host', types.text, (it) => it.notNull())
        .addColumn('pid', types.integer, (it) => it.notNull())
        .addColumn('version', types.text, (it) => it.notNull())
        .addColumn('schema', types.text, (it) => it.notNull())
        .addColumn('connections', types.integer, (it) => it.notNull())
        .addColumn('seen_at', types.integer, (it) => it.notNull())
        .execute()
    },
  }
}
