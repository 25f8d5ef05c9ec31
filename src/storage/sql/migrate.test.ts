import { join } from 'node:path'
import { Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type TemporaryFolder, temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { sqliteDialect } from './dialects/sqlite.ts'
import { ENTITIES } from './entities.ts'
import { migrate, pendingMigrations } from './migrate.ts'
import { migrationsFor } from './migrations/migrations.ts'
import { nodeSqliteDialect } from './node-sqlite-dialect.ts'
import { openSqlStorage } from './open-storage.ts'
import { SqliteConnection } from './sqlite-connection.ts'

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
    expect(await pendingMigrations(db, sqliteDialect)).toEqual(all)
    expect(await migrate(db, sqliteDialect)).toEqual(all)
    expect(await pendingMigrations(db, sqliteDialect)).toEqual([])
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

  it('refuse a database of a newer server', async () => {
    await migrate(db, sqliteDialect)
    await sql`insert into migrations (name, timestamp) values ('9999-future', '2030-01-01')`.execute(db)
    connection.close()
    const opening = openSqlStorage({ kind: 'sqlite', file: file() })
    await expect(opening).rejects.toMatchObject({
      code: 'storage-failed',
      message: expect.stringContaining('9999-future'),
    })
    connection = new SqliteConnection({ file: file(), access: 'write' })
  })
})
