import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { MigrationDb, SqlDialect } from '../dialects/dialect.ts'

/**
 * Rollouts that are deleted in parts and hold on to nothing meanwhile, that finish by themselves, that go on with
 * cancelling where they were, and that are looked up by the devices which they name. Immutable.
 */
export function rolloutEnds(dialect: SqlDialect): Migration {
  const { types, canDropNotNull } = dialect
  return {
    async up(db) {
      await db.schema
        .alterTable('rollouts')
        .addColumn('cancel_after', types.integer, (it) => it.notNull().defaultTo(0))
        .execute()
      for (const column of ['is_complete', 'names_devices'])
        await db.schema
          .alterTable('rollouts')
          .addColumn(column, types.flag, (it) => it.notNull().defaultTo(false))
          .execute()
      await db.schema
        .alterTable('rollout_members')
        .addColumn('is_listed', types.flag, (it) => it.notNull().defaultTo(true))
        .execute()
      for (const index of INDEXES) await sql.raw(`drop index ${index.name}`).execute(db)
      for (const [column, table] of [
        ['product', 'products'],
        ['release', 'releases'],
      ] as const)
        if (canDropNotNull) await sql`alter table rollouts alter column ${sql.ref(column)} drop not null`.execute(db)
        else await putNullable(db, dialect, { column, table })
      for (const index of INDEXES) await sql.raw(`create index ${index.name} on ${index.on}`).execute(db)
      await createNames(db, dialect)
    },
  }
}

/** Of the columns that change; the one of live ones is only about those that do not name their devices. */
const INDEXES = [
  { name: 'rollouts_by_product_serial', on: 'rollouts (product, serial)' },
  { name: 'rollouts_by_release_serial', on: 'rollouts (release, serial)' },
  {
    name: 'rollouts_by_product_live',
    on: `rollouts (product, priority desc, created_at, serial)
      where state in ('running', 'paused') and names_devices = false`,
  },
  {
    name: 'rollouts_by_product_stopped',
    on: "rollouts (product, serial) where state = 'stopped' and names_devices = false",
  },
]

/** A column that may be null in the place of one that may not, where the database cannot change it. */
async function putNullable(
  db: MigrationDb,
  { types }: SqlDialect,
  { column, table }: { column: string; table: string },
): Promise<void> {
  const former = `${column}_was`
  await db.schema.alterTable('rollouts').renameColumn(column, former).execute()
  await db.schema
    .alterTable('rollouts')
    .addColumn(column, types.integer, (it) => it.references(`${table}.serial`).onDelete('restrict'))
    .execute()
  await sql`update rollouts set ${sql.ref(column)} = ${sql.ref(former)}`.execute(db)
  await db.schema.alterTable('rollouts').dropColumn(former).execute()
}

async function createNames(db: MigrationDb, { types }: SqlDialect): Promise<void> {
  await db.schema
    .createTable('rollout_names')
    .addColumn('name', types.text, (it) => it.notNull())
    .addColumn('rollout', types.integer, (it) => it.notNull().references('rollouts.serial').onDelete('cascade'))
    .addPrimaryKeyConstraint('rollout_names_pkey', ['name', 'rollout'])
    .execute()
  await sql`create index rollout_names_by_rollout on rollout_names (rollout)`.execute(db)
}
