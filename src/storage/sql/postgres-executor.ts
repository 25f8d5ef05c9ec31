import type pg from 'pg'
import { OtaError } from '../../core/errors.ts'
import { postgresDialect } from './dialects/postgres.ts'
import type { Executor } from './session.ts'

/** How many connections are tried: after a restart of the server the pool may hand out some that are dead. */
const CONNECTIONS = 3

/** Each statement, which must only read, on whatever connection of the pool is free. */
export function poolExecutor(pool: pg.Pool): Executor {
  return executor((text, values) => onLiveConnection(() => pool.query({ text, values })))
}

/** Does what may safely be done again on a fresh connection when the one that the pool had kept turns out to be dead. */
export async function onLiveConnection<T>(attempt: () => Promise<T>): Promise<T> {
  for (let connection = 1; ; connection += 1) {
    try {
      return await attempt()
    } catch (error) {
      if (connection >= CONNECTIONS || postgresDialect.failureOf(error).kind !== 'disconnected') throw error
    }
  }
}

/** Every statement of a transaction on its one connection, one after the other, however many are asked for at once. */
export class ClientExecutor implements Executor {
  readonly all: Executor['all']
  readonly first: Executor['first']
  readonly run: Executor['run']
  readonly #client: pg.PoolClient
  #last: Promise<unknown> = Promise.resolve()
  #isOver = false

  constructor(client: pg.PoolClient) {
    this.#client = client
    const { all, first, run } = executor((text, values) => this.#query(text, values))
    this.all = all
    this.first = first
    this.run = run
  }

  /**
   * What ends with `commit` or `rollback`, after whatever is under way; what still waits is refused and must not run any
   * more. Answers what the database says that it did last: `COMMIT` or `ROLLBACK`.
   */
  async finish(text: string): Promise<string> {
    this.#isOver = true
    await this.#last
    // Of several statements the client answers a list, which its type does not say.
    const answer: pg.QueryResult | readonly pg.QueryResult[] = await this.#client.query(text)
    const last = Array.isArray(answer) ? answer.at(-1) : answer
    return last?.command ?? ''
  }

  #query(text: string, values: unknown[]): Promise<pg.QueryResult> {
    const result = this.#last.then(() => {
      if (this.#isOver) throw new OtaError('internal', 'The transaction of these stores is over')
      return this.#client.query({ text, values })
    })
    this.#last = result.catch(() => undefined)
    return result
  }
}

type Query = (text: string, values: unknown[]) => Promise<pg.QueryResult>

function executor(query: Query): Executor {
  return {
    all: async (sql, parameters) => (await query(sql, [...parameters])).rows,
    first: async (sql, parameters) => (await query(sql, [...parameters])).rows[0],
    run: async (sql, parameters) => (await query(sql, [...parameters])).rowCount ?? 0,
  }
}
