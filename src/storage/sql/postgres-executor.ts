import type pg from 'pg'
import type { Executor } from './session.ts'

/** Each statement on whatever connection of the pool is free. */
export function poolExecutor(pool: pg.Pool): Executor {
  return executor((text, values) => pool.query({ text, values }))
}

/** Every statement on one connection, one after the other, however many are asked for at once. */
export function clientExecutor(client: pg.PoolClient): Executor {
  let last: Promise<unknown> = Promise.resolve()
  return executor((text, values) => {
    const result = last.then(() => client.query({ text, values }))
    last = result.catch(() => undefined)
    return result
  })
}

type Query = (text: string, values: unknown[]) => Promise<pg.QueryResult>

function executor(query: Query): Executor {
  return {
    all: async (sql, parameters) => (await query(sql, [...parameters])).rows,
    first: async (sql, parameters) => (await query(sql, [...parameters])).rows[0],
    run: async (sql, parameters) => (await query(sql, [...parameters])).rowCount ?? 0,
  }
}
