import pg from 'pg'
import { vi } from 'vitest'
import { SqliteConnection } from '../../src/storage/sql/sqlite-connection.ts'

/** What some work asked of the database. */
export interface Metered {
  readonly statements: number
  /** Rows inserted, changed and deleted, as the database counts them. */
  readonly written: number
  /** Rows answered to questions. */
  readonly read: number
}

const WRITES = /^\s*(with\b[\s\S]*\b)?(insert|update|delete)\b/i

/** How processes tell each other of commits, at moments of their own. */
const FEED = /^\s*(notify\b|(select|with)\b[\s\S]*\bchanges\b)/i

/**
 * Counts every statement that this process sends to SQLite or PostgreSQL while `work` runs, and the rows that it writes
 * and reads. The calls go through as they are.
 */
export async function metered(work: () => Promise<unknown>): Promise<Metered> {
  const counted = { statements: 0, written: 0, read: 0 }
  const count = (sql: string, written: number, read: number): void => {
    counted.statements += 1
    if (WRITES.test(sql)) counted.written += written
    else counted.read += read
  }
  const stops = [meterSqlite(count), meterPostgres(count)]
  try {
    await work()
  } finally {
    for (const stop of stops) stop()
  }
  return counted
}

type Count = (sql: string, written: number, read: number) => void

function meterSqlite(count: Count): () => void {
  const { all, first, run } = SqliteConnection.prototype
  const spies = [
    vi.spyOn(SqliteConnection.prototype, 'all').mockImplementation(function (this: SqliteConnection, sql, values) {
      const rows = all.call(this, sql, values)
      count(sql, rows.length, rows.length)
      return rows
    }),
    vi.spyOn(SqliteConnection.prototype, 'first').mockImplementation(function (this: SqliteConnection, sql, values) {
      const row = first.call(this, sql, values)
      count(sql, row === undefined ? 0 : 1, row === undefined ? 0 : 1)
      return row
    }),
    vi.spyOn(SqliteConnection.prototype, 'run').mockImplementation(function (this: SqliteConnection, sql, values) {
      const changes = run.call(this, sql, values)
      count(sql, changes, 0)
      return changes
    }),
  ]
  return () => {
    for (const spy of spies) spy.mockRestore()
  }
}

function meterPostgres(count: Count): () => void {
  const query = pg.Client.prototype.query as (...args: unknown[]) => unknown
  const spy = vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...args: unknown[]) {
    const answer = query.apply(this, args)
    const sql = textOf(args[0])
    // What other processes have committed is read and told now and then, whatever the work does.
    if (FEED.test(sql)) return answer
    if (answer instanceof Promise)
      return answer.then((result: pg.QueryResult | pg.QueryResult[]) => {
        // Several statements in one text have a result each.
        for (const one of Array.isArray(result) ? result : [result]) count(sql, one.rowCount ?? 0, one.rows.length)
        return result
      })
    return answer
  } as typeof pg.Client.prototype.query)
  return () => spy.mockRestore()
}

function textOf(query: unknown): string {
  if (typeof query === 'string') return query
  return typeof query === 'object' && query !== null && 'text' in query ? String(query.text) : ''
}
