import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import { compilerOf } from './compiler.ts'
import { postgresDialect } from './dialects/postgres.ts'
import { sqliteDialect } from './dialects/sqlite.ts'
import { Session } from './session.ts'
import { statement, statementOfRows } from './statement.ts'

const nothing = { all: () => [], first: () => undefined, run: () => 0 }
const sqlite = new Session(sqliteDialect, nothing, 'read')
const postgres = new Session(postgresDialect, nothing, 'read')

describe('statement', () => {
  it('is built once per dialect, and bound with other arguments each time', () => {
    let built = 0
    const find = statement((db, organisation: number, key: string) => {
      built += 1
      return db.selectFrom('devices').select('id').where('key', '=', key).where('organisation', '=', organisation)
    })
    expect(find(sqlite, 7, 'a')).toMatchObject({
      sql: 'select "id" from "devices" where "key" = ? and "organisation" = ?',
      parameters: ['a', 7],
    })
    expect(find(sqlite, 8, 'b').parameters).toEqual(['b', 8])
    expect(find(postgres, 9, 'c')).toMatchObject({
      sql: 'select "id" from "devices" where "key" = $1 and "organisation" = $2',
      parameters: ['c', 9],
    })
    expect(built).toBe(2)
  })

  it('keeps values of its own, and takes an argument in several places', () => {
    const find = statement((db, at: number) =>
      db
        .selectFrom('blobs')
        .select('sha256')
        .where('size', '>', 5)
        .where('touched_at', '<', at)
        .where(sql<boolean>`${at} > 0`),
    )
    expect(find(sqlite, 3).parameters).toEqual([5, 3, 3])
  })
})

describe('compiler', () => {
  it('refuses to run a query', async () => {
    const query = compilerOf(sqliteDialect).selectFrom('devices').selectAll()
    await expect(query.execute()).rejects.toMatchObject({ code: 'internal' })
  })
})

describe('a statement of rows', () => {
  const claim = statementOfRows({ key: 'text', at: 'bigint' }, ({ compiler, given }, purpose: string) =>
    compiler
      .insertInto('once')
      .columns(['purpose', 'key', 'expires_at'])
      .expression(sql`select ${purpose}, given.key, given.at from ${given}`),
  )

  it('has one text for any number of rows', () => {
    const one = claim(postgres, [{ key: 'a', at: 1 }], 'report')
    expect(one).toMatchObject({
      sql: 'insert into "once" ("purpose", "key", "expires_at") select $1, given.key, given.at from json_to_recordset(cast($2 as json)) as given("key" text, "at" bigint)',
      parameters: ['report', '[{"key":"a","at":1}]'],
    })
    const many = claim(
      postgres,
      [
        { key: 'b', at: 1 },
        { key: 'c"', at: null },
      ],
      'other',
    )
    expect(many?.parameters).toEqual(['other', '[{"key":"b","at":1},{"key":"c\\"","at":null}]'])
    expect(many?.sql).toBe(one?.sql)
  })

  it('is none where rows are best written one by one', () => {
    expect(claim(sqlite, [{ key: 'a', at: 1 }], 'report')).toBeUndefined()
  })
})
