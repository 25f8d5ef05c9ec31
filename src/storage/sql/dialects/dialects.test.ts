import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { postgresDialect } from './postgres.ts'
import { sqliteDialect } from './sqlite.ts'

function refusal(statement: string): unknown {
  const database = new DatabaseSync(':memory:')
  try {
    database.exec(`create table owners (serial integer primary key, file_alias text, product integer);
      create unique index "owners__file_alias" on owners (product, file_alias);
      create unique index "owners__name" on owners (coalesce(product, 0), file_alias) where product is null;
      create table kept (owner integer references owners on delete restrict);
      create table held (owner integer references owners);
      insert into owners values (1, 'a', 5), (2, 'b', null), (3, 'c', 1), (4, 'd', 1);
      insert into kept values (3); insert into held values (4)`)
    database.exec(statement)
    return undefined
  } catch (error) {
    return error
  } finally {
    database.close()
  }
}

function error(fields: object): Error {
  return Object.assign(new Error('refused'), fields)
}

describe('what SQLite refuses', () => {
  it.each([
    ["insert into owners values (9, 'a', 5)", { kind: 'unique', table: 'owners', field: 'fileAlias' }],
    ["insert into owners values (9, 'b', null)", { kind: 'unique', table: 'owners', field: 'name' }],
    ["insert into owners values (1, 'z', 6)", { kind: 'unique', table: 'owners', field: 'serial' }],
    ['delete from owners where serial = 3', { kind: 'reference' }],
    ['delete from owners where serial = 4', { kind: 'reference' }],
    ['insert into held values (77)', { kind: 'reference' }],
    ['select nonsense', { kind: 'other' }],
  ])('%s', (statement, failure) => {
    expect(sqliteDialect.failureOf(refusal(statement))).toEqual(failure)
  })

  it('tells a lock from other trouble', () => {
    expect(sqliteDialect.failureOf(error({ errcode: 5 }))).toEqual({ kind: 'again' })
    expect(sqliteDialect.failureOf(error({ errcode: 13 }))).toEqual({ kind: 'full' })
    expect(sqliteDialect.failureOf(error({ errcode: 10 }))).toEqual({ kind: 'other' })
    expect(sqliteDialect.failureOf(new Error('no errcode'))).toEqual({ kind: 'other' })
    expect(sqliteDialect.failureOf('text')).toEqual({ kind: 'other' })
  })
})

describe('what PostgreSQL refuses', () => {
  it.each([
    [
      { code: '23505', table: 'firmware', constraint: 'firmware__file_alias' },
      { kind: 'unique', table: 'firmware', field: 'fileAlias' },
    ],
    [
      { code: '23505', table: 'devices', constraint: 'devices_pkey' },
      { kind: 'unique', table: 'devices', field: 'serial' },
    ],
    [{ code: '23503' }, { kind: 'reference' }],
    [{ code: '22021' }, { kind: 'text' }],
    [{ code: '40001' }, { kind: 'again' }],
    [{ code: '40P01' }, { kind: 'again' }],
    [{ code: '53100' }, { kind: 'full' }],
    [{ code: '57P01' }, { kind: 'disconnected' }],
    [{ code: 'ECONNRESET' }, { kind: 'disconnected' }],
    [{ message: 'Connection terminated unexpectedly' }, { kind: 'disconnected' }],
    [{ message: 'Client has encountered a connection error and is not queryable' }, { kind: 'disconnected' }],
    [{ code: '57P03' }, { kind: 'unreachable' }],
    [{ code: 'ECONNREFUSED' }, { kind: 'unreachable' }],
    [{ message: 'timeout exceeded when trying to connect' }, { kind: 'unreachable' }],
    [{ message: 'Connection terminated due to connection timeout' }, { kind: 'unreachable' }],
    [{ code: '57014' }, { kind: 'other' }],
    [{}, { kind: 'other' }],
  ])('%o', (fields, failure) => {
    expect(postgresDialect.failureOf(error(fields))).toEqual(failure)
  })
})
