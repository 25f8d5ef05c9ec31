import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { MigrationDb, SqlDialect } from '../dialects/dialect.ts'

/** Webhooks with their progress and dead letters; who did it, as an index of the events. Immutable. */
export function webhooks(dialect: SqlDialect): Migration {
  return {
    async up(db) {
      await createWebhooks(db, dialect)
      await createProgress(db, dialect)
      await createDeadLetters(db, dialect)
      await sql`create index webhooks_by_organisation_serial on webhooks (organisation, serial)`.execute(db)
      await sql`create unique index webhooks__id on webhooks (id)`.execute(db)
      await sql`create unique index dead_letters__id on dead_letters (id)`.execute(db)
      await sql`create index dead_letters_by_webhook_serial on dead_letters (webhook, serial)`.execute(db)
      await sql`create index dead_letters_by_webhook_queued on dead_letters (webhook, serial)
        where queued_at is not null`.execute(db)
      await sql`create index dead_letters_by_organisation on dead_letters (organisation)`.execute(db)
      await sql`create index dead_letters_by_created_at on dead_letters (created_at)`.execute(db)
      // Devices write most events, and theirs are found by subject.
      await sql`create index events_by_organisation_actor_id_serial on events (organisation, actor_id, serial)
        where actor_kind <> 'device'`.execute(db)
    },
  }
}

async function createWebhooks(db: MigrationDb, { types, withSerial }: SqlDialect): Promise<void> {
  await withSerial(db.schema.createTable('webhooks'))
    .addColumn('id', types.text, (it) => it.notNull())
    .addColumn('created_at', types.integer, (it) => it.notNull())
    .addColumn('revision', types.integer, (it) => it.notNull().defaultTo(1))
    .addColumn('organisation', types.integer, (it) =>
      it.notNull().references('organisations.serial').onDelete('restrict'),
    )
    .addColumn('name', types.text, (it) => it.notNull())
    .addColumn('url', types.text, (it) => it.notNull())
    .addColumn('sealed_secret', types.text, (it) => it.notNull())
    .addColumn('sealed_former', types.text)
    .addColumn('former_until', types.integer)
    .addColumn('types', types.text, (it) => it.notNull())
    .addColumn('active', types.flag, (it) => it.notNull())
    .execute()
}

async function createProgress(db: MigrationDb, { types }: SqlDialect): Promise<void> {
  await db.schema
    .createTable('webhook_progress')
    .addColumn('webhook', types.integer, (it) =>
      it.notNull().primaryKey().references('webhooks.serial').onDelete('cascade'),
    )
    .addColumn('position', types.integer, (it) => it.notNull())
    .addColumn('active_since', types.integer, (it) => it.notNull())
    .addColumn('attempts', types.integer, (it) => it.notNull())
    .addColumn('failures', types.integer, (it) => it.notNull())
    .addColumn('given_up', types.integer, (it) => it.notNull())
    .addColumn('due_at', types.integer, (it) => it.notNull())
    .addColumn('paused_at', types.integer)
    .addColumn('pause_reason', types.text)
    .addColumn('lease_owner', types.text)
    .addColumn('lease_until', types.integer, (it) => it.notNull())
    .addColumn('attempted_at', types.integer)
    .addColumn('last_status', types.integer)
    .addColumn('last_error', types.text)
    .addColumn('delivered_at', types.integer)
    .execute()
}

async function createDeadLetters(db: MigrationDb, { types, withSerial }: SqlDialect): Promise<void> {
  await withSerial(db.schema.createTable('dead_letters'))
    .addColumn('id', types.text, (it) => it.notNull())
    .addColumn('created_at', types.integer, (it) => it.notNull())
    .addColumn('revision', types.integer, (it) => it.notNull().defaultTo(1))
    .addColumn('organisation', types.integer, (it) =>
      it.notNull().references('organisations.serial').onDelete('restrict'),
    )
    .addColumn('webhook', types.integer, (it) => it.notNull().references('webhooks.serial').onDelete('cascade'))
    .addColumn('event', types.text, (it) => it.notNull())
    .addColumn('type', types.text, (it) => it.notNull())
    .addColumn('body', types.text, (it) => it.notNull())
    .addColumn('attempts', types.integer, (it) => it.notNull())
    .addColumn('last_status', types.integer)
    .addColumn('last_error', types.text)
    .addColumn('queued_at', types.integer)
    .execute()
}
