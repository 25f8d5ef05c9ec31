import { join } from 'node:path'
import { Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type TemporaryFolder, temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { sqliteDialect } from './dialects/sqlite.ts'
import { ENTITIES } from './entities.ts'
import { type Migrations, migrate, schemaStanding } from './migrate.ts'
import { migrationsFor } from './migrations/migrations.ts'
import { nodeSqliteDialect } from './node-sqlite-dialect.ts'
import { openSqlStorage } from './open-storage.ts'
import { SqliteConnection } from './sqlite-connection.ts'

const all = migrationsFor(sqliteDialect)
/** What a later release adds, and what the one after it takes away. */
const EXPANDING: Migrations = {
  '9998-colours': {
    up: async (db) => {
      await db.schema.alterTable('products').addColumn('shade', 'text').execute()
      await db.schema.alterTable('products').addColumn('colour', 'text').execute()
    },
  },
}
const CONTRACTING: Migrations = {
  '9999-no-shades': {
    contracts: '9998-colours',
    up: (db) => db.schema.alterTable('products').dropColumn('shade').execute(),
  },
}

describe('migrations', () => {
  let folder: TemporaryFolder
  let connection: SqliteConnection
  let db: Kysely<Record<string, never>>
  const file = () => join(folder.path, 'godwit.db')
  beforeEach(async () => {
    folder = await temporaryFolder()
    connection = new SqliteConnection({ file: file(), access: 'write' })
    db = new Kysely({ dialect: nodeSqliteDialect(connection) })
  })
  afterEach(async () => {
    connection.close()
    await folder.remove()
  })

  it('run once, in order, and are pending until then', async () => {
    const all = Object.keys(migrationsFor(sqliteDialect))
    expect(all.toSorted()).toEqual(all)
    expect((await schemaStanding(db, sqliteDialect)).pending).toEqual(all)
    expect(await migrate(db, sqliteDialect)).toEqual(all)
    expect((await schemaStanding(db, sqliteDialect)).pending).toEqual([])
    expect(await migrate(db, sqliteDialect)).toEqual([])
  })

  it('make every table that the stores know', async () => {
    await migrate(db, sqliteDialect)
    const tables = connection.all("select name from sqlite_schema where type = 'table'", []) as Array<{ name: string }>
    expect(tables.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(ENTITIES)))
  })

  it('give products of an earlier server guarded downgrades', async () => {
    const all = migrationsFor(sqliteDialect)
    for (const name of ['0001-initial', '0002-webhooks']) await all[name]?.up(db)
    await sql`insert into organisations (id, created_at, key, name, frozen, aliases, settings)
      values ('o', 1, 'acme', 'Acme', 0, '{}', '{}')`.execute(db)
    await sql`insert into products (id, created_at, organisation, key, name, distribution, aliases)
      values ('p', 1, 1, 'panel', 'Panel', 'managed', '{}')`.execute(db)
    await all['0004-guards']?.up(db)
    expect(connection.all('select key, downgrades from products', [])).toEqual([
      { key: 'panel', downgrades: 'guarded' },
    ])
  })

  it('leave no trace when one fails', async () => {
    await sql`create table access_keys (in_the_way text)`.execute(db)
    await expect(migrate(db, sqliteDialect)).rejects.toMatchObject({ code: 'storage-failed' })
    const tables = connection.all("select name from sqlite_schema where name = 'organisations'", [])
    expect(tables).toEqual([])
    await sql`drop table access_keys`.execute(db)
    expect(await migrate(db, sqliteDialect)).toEqual(Object.keys(migrationsFor(sqliteDialect)))
  })

  it('accept a database that a newer server only expanded, and refuse one that it contracted', async () => {
    await migrate(db, sqliteDialect, { ...all, ...EXPANDING })
    connection.close()
    await (await openSqlStorage({ kind: 'sqlite', file: file() })).close()
    connection = new SqliteConnection({ file: file(), access: 'write' })
    db = new Kysely({ dialect: nodeSqliteDialect(connection) })
    await migrate(db, sqliteDialect, { ...all, ...EXPANDING, ...CONTRACTING })
    connection.close()
    await expect(openSqlStorage({ kind: 'sqlite', file: file() })).rejects.toMatchObject({
      code: 'storage-failed',
      message: expect.stringContaining('do not know 9998-colours'),
    })
    connection = new SqliteConnection({ file: file(), access: 'write' })
  })

  it('keep what an older server needs as long as one was seen lately', async () => {
    await migrate(db, sqliteDialect, { ...all, ...EXPANDING })
    const seen = (schema: string, ago: number) =>
      sql`insert into nodes (id, host, pid, version, schema, connections, seen_at)
        values (${schema}, 'n1', 7, '0.1.0', ${schema}, 1, ${Date.now() - ago})`.execute(db)
    await seen('9998-colours', 0)
    await seen('0009-leases', 40_000)
    const contract = () => migrate(db, sqliteDialect, { ...all, ...EXPANDING, ...CONTRACTING })
    await expect(contract()).rejects.toMatchObject({ message: expect.stringContaining('0.1.0 on n1 (process 7)') })
    expect(connection.all('select shade from products', [])).toEqual([])
    await sql`update nodes set seen_at = ${Date.now() - 61_000} where id = '0009-leases'`.execute(db)
    expect(await contract()).toEqual(['9999-no-shades'])
    expect((await schemaStanding(db, sqliteDialect)).minimum).toBe('9998-colours')
    expect((await schemaStanding(db, sqliteDialect)).unknown).toEqual(['9998-colours', '9999-no-shades'])
  })
})
