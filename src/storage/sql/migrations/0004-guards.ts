import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { MigrationDb, SqlDialect } from '../dialects/dialect.ts'

/** The order of versions, from which ones a firmware can be installed, floors, products without downgrades. Immutable. */
export function guards(dialect: SqlDialect): Migration {
  const { types } = dialect
  return {
    async up(db) {
      await db.schema.alterTable('firmware').addColumn('sequence', types.integer).execute()
      await db.schema.alterTable('firmware').addColumn('from_versions', types.text).execute()
      await db.schema
        .alterTable('products')
        .addColumn('downgrades', types.text, (it) => it.notNull().defaultTo('guarded'))
        .execute()
      await createFloors(db, dialect)
      await sql`create unique index floors__id on floors (id)`.execute(db)
      await sql`create unique index floors__firmware on floors (firmware)`.execute(db)
      await sql`create index floors_by_product_serial on floors (product, serial)`.execute(db)
      await sql`create index floors_by_module on floors (module)`.execute(db)
      await sql`create index floors_by_organisation on floors (organisation)`.execute(db)
    },
  }
}

async function createFloors(db: MigrationDb, { types, withSerial }: SqlDialect): Promise<void> {
  await withSerial(db.schema.createTable('floors'))
    .addColumn('id', types.text, (it) => it.notNull())
    .addColumn('created_at', types.integer, (it) => it.notNull())
    .addColumn('revision', types.integer, (it) => it.notNull().defaultTo(1))
    .addColumn('organisation', types.integer, (it) =>
      it.notNull().references('organisations.serial').onDelete('restrict'),
    )
    .addColumn('product', types.integer, (it) => it.notNull().references('products.serial').onDelete('restrict'))
    .addColumn('module', types.integer, (it) => it.notNull().references('modules.serial').onDelete('restrict'))
    .addColumn('firmware', types.integer, (it) => it.notNull().references('firmware.serial').onDelete('restrict'))
    .addColumn('reason', types.text, (it) => it.notNull())
    .execute()
}
