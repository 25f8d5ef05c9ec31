import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import { compilerOf } from './compiler.ts'
import { postgresDialect } from './dialects/postgres.ts'
import { sqliteDialect } from './dialects/sqlite.ts'
import { Session } from './session.ts'
import { bulkStatement, statement } from './statement.ts'

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

describe('a statement about many rows', () => {
  const claim = bulkStatement(({ compiler, given, isOneOf }, rows: string, keys: readonly string[]) =>
    compiler
      .updateTable('once')
      .set({ purpose: 'x' })
      .from(given(rows, { key: 'text', at: 'bigint' }) as never)
      .where(isOneOf('once.key', keys, 'text')),
  )

  it('has one text and one name for any number of rows', () => {
    const one = claim(postgres, '[{"key":"a","at":1}]', ['a'])
    expect(one).toMatchObject({
      sql: expect.stringContaining('json_to_recordset(cast($2 as json)) as given("key" text, "at" bigint)'),
      parameters: ['x', '[{"key":"a","at":1}]', ['a']],
      name: expect.stringMatching(/^godwit_[0-9a-f]{24}$/),
    })
    expect(one?.sql).toContain('"once"."key" = any(cast($3 as text[]))')
    const many = claim(postgres, '[]', ['b', 'c'])
    expect(many?.parameters).toEqual(['x', '[]', ['b', 'c']])
    expect([many?.sql, many?.name]).toEqual([one?.sql, one?.name])
  })

  it('is none where rows are best read and written one by one', () => {
    expect(claim(sqlite, '[]', [])).toBeUndefined()
  })
})
