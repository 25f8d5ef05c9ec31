import { type ColumnDefinitionBuilder, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { MigrationDb, SqlDialect } from '../dialects/dialect.ts'

/** Rollouts with their members, counters and approvals; which updates came from them. Immutable. */
export function rollouts(dialect: SqlDialect): Migration {
  return {
    async up(db) {
      await createRollouts(db, dialect)
      await createMembers(db, dialect)
      await createTallies(db, dialect)
      await createApprovals(db, dialect)
      await db.schema
        .alterTable('updates')
        .addColumn('rollout', dialect.types.integer, (it) => it.references('rollouts.serial').onDelete('set null'))
        .execute()
      for (const statement of [...ROLLOUT_INDEXES, ...MEMBER_INDEXES, ...OTHER_INDEXES])
        await sql.raw(statement).execute(db)
    },
  }
}

const ROLLOUT_INDEXES = [
  'create unique index rollouts__id on rollouts (id)',
  'create unique index rollouts__key on rollouts (organisation, key)',
  'create index rollouts_by_organisation_serial on rollouts (organisation, serial)',
  'create index rollouts_by_product_serial on rollouts (product, serial)',
  'create index rollouts_by_release_serial on rollouts (release, serial)',
  'create index rollouts_by_state_serial on rollouts (state, serial)',
  'create index rollouts_by_undoes on rollouts (undoes) where undoes is not null',
  // What a device meets, in the order in which it meets it.
  `create index rollouts_by_product_live on rollouts (product, priority desc, created_at, serial)
    where state in ('running', 'paused')`,
  "create index rollouts_by_product_stopped on rollouts (product, serial) where state = 'stopped'",
  'create index rollouts_by_cancelling on rollouts (cancelling) where cancelling = true',
  'create index rollouts_by_is_taking on rollouts (is_taking) where is_taking = true',
]

const MEMBER_INDEXES = [
  'create unique index rollout_members__device on rollout_members (device, rollout)',
  'create index rollout_members_by_rollout_serial on rollout_members (rollout, serial)',
  'create index rollout_members_by_rollout_state_serial on rollout_members (rollout, state, serial)',
  'create index rollout_members_by_rollout_excluded on rollout_members (rollout, serial) where excluded_at is not null',
  `create index rollout_members_by_rollout_settle_at on rollout_members (rollout, settle_at, serial)
    where is_settled = false and settle_at is not null`,
]

const OTHER_INDEXES = [
  'create unique index rollout_tallies__position on rollout_tallies (rollout, family, position) where position > 0',
  'create index updates_by_rollout_serial on updates (rollout, serial) where rollout is not null',
]

type Column = (column: ColumnDefinitionBuilder) => ColumnDefinitionBuilder

const given: Column = (it) => it.notNull()
const counter: Column = (it) => it.notNull().defaultTo(0)
const ofRollout: Column = (it) => it.notNull().references('rollouts.serial').onDelete('cascade')

async function createRollouts(db: MigrationDb, { types, withSerial }: SqlDialect): Promise<void> {
  await withSerial(db.schema.createTable('rollouts'))
    .addColumn('id', types.text, given)
    .addColumn('created_at', types.integer, given)
    .addColumn('revision', types.integer, (it) => it.notNull().defaultTo(1))
    .addColumn('organisation', types.integer, (it) =>
      it.notNull().references('organisations.serial').onDelete('restrict'),
    )
    .addColumn('key', types.text, given)
    .addColumn('name', types.text, given)
    .addColumn('key_folded', types.text, given)
    .addColumn('name_folded', types.text, given)
    .addColumn('kind', types.text, given)
    .addColumn('product', types.integer, (it) => it.notNull().references('products.serial').onDelete('restrict'))
    .addColumn('release', types.integer, (it) => it.notNull().references('releases.serial').onDelete('restrict'))
    .addColumn('undoes', types.integer, (it) => it.references('rollouts.serial').onDelete('restrict'))
    .addColumn('state', types.text, given)
    .addColumn('priority', types.integer, given)
    .addColumn('membership', types.text, given)
    .addColumn('snapshot', types.text, given)
    .addColumn('is_taking', types.flag, given)
    .addColumn('selection', types.text, given)
    .addColumn('stages', types.text, given)
    .addColumn('health', types.text, given)
    .addColumn('options', types.text, given)
    .addColumn('stage', types.integer, given)
    .addColumn('stage_started_at', types.integer)
    .addColumn('run', types.integer, given)
    .addColumn('unverifiable_approved', types.flag, given)
    .addColumn('cancelling', types.flag, given)
    .addColumn('started_at', types.integer)
    .addColumn('ended_at', types.integer)
    .addColumn('stop', types.text)
    .addColumn('created_by', types.text, given)
    .addColumn('extra', types.text, given)
    .execute()
}

// No foreign key to the update: closed ones are deleted after a time, and their numbers never come again.
async function createMembers(db: MigrationDb, { types, withSerial }: SqlDialect): Promise<void> {
  await withSerial(db.schema.createTable('rollout_members'))
    .addColumn('organisation', types.integer, given)
    .addColumn('rollout', types.integer, ofRollout)
    .addColumn('device', types.integer, (it) => it.notNull().references('devices.serial').onDelete('cascade'))
    .addColumn('created_at', types.integer, given)
    .addColumn('state', types.text, given)
    .addColumn('stage', types.integer)
    .addColumn('granted_at', types.integer)
    .addColumn('settle_at', types.integer)
    .addColumn('is_settled', types.flag, given)
    .addColumn('has_failed', types.flag, given)
    .addColumn('is_verifiable', types.flag, given)
    .addColumn('counted', types.text, given)
    .addColumn('newest_update', types.integer)
    .addColumn('attempts', types.integer, given)
    .addColumn('holds_slot', types.flag, given)
    .addColumn('excluded_at', types.integer)
    .addColumn('excluded_reason', types.text, given)
    .addColumn('pardoned_at', types.integer)
    .addColumn('changed_at', types.integer, given)
    .execute()
}

async function createTallies(db: MigrationDb, { types }: SqlDialect): Promise<void> {
  await db.schema
    .createTable('rollout_tallies')
    .addColumn('rollout', types.integer, ofRollout)
    .addColumn('scope', types.text, given)
    .addColumn('family', types.text, given)
    .addColumn('value', types.text, given)
    .addColumn('position', types.integer, given)
    .addColumn('is_active', types.flag, given)
    .addColumn('stop_words', types.text)
    .addColumn('run', types.integer, counter)
    .addColumn('granted', types.integer, counter)
    .addColumn('settled', types.integer, counter)
    .addColumn('failed', types.integer, counter)
    .addColumn('settled_failed', types.integer, counter)
    .addColumn('silent', types.integer, counter)
    .addColumn('unverifiable', types.integer, counter)
    .addColumn('grant_limit', types.integer, given)
    .addColumn('unverifiable_limit', types.integer, given)
    .addColumn('devices', types.integer, counter)
    .addColumn('slots', types.integer, counter)
    .addColumn('open_devices', types.integer, counter)
    .addColumn('succeeded_devices', types.integer, counter)
    .addColumn('failed_devices', types.integer, counter)
    .addColumn('rolled_back_devices', types.integer, counter)
    .addColumn('cancelled_devices', types.integer, counter)
    .addColumn('superseded_devices', types.integer, counter)
    .addColumn('delivered_devices', types.integer, counter)
    .addColumn('minute', types.integer, counter)
    .addColumn('minute_grants', types.integer, counter)
    .addPrimaryKeyConstraint('rollout_tallies_pkey', ['rollout', 'scope'])
    .execute()
}

async function createApprovals(db: MigrationDb, { types }: SqlDialect): Promise<void> {
  await db.schema
    .createTable('rollout_approvals')
    .addColumn('rollout', types.integer, ofRollout)
    .addColumn('stage', types.integer, given)
    .addColumn('run', types.integer, given)
    .addColumn('account', types.text, given)
    .addColumn('name', types.text, given)
    .addColumn('at', types.integer, given)
    .addPrimaryKeyConstraint('rollout_approvals_pkey', ['rollout', 'stage', 'run', 'account'])
    .execute()
}
