import type pg from 'pg'
import { OtaError } from '../../core/errors.ts'
import { postgresDialect } from './dialects/postgres.ts'
import type { Executor } from './session.ts'

/** How many connections are tried: after a restart of the server the pool may hand out some that are dead. */
const CONNECTIONS = 3

/** Each statement, which must only read, on whatever connection of the pool is free. */
export function poolExecutor(pool: pg.Pool): Executor {
  return executor((query) => onLiveConnection(() => pool.query(query)))
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
    const { all, first, run } = executor((query) => this.#query(query))
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

  #query(query: pg.QueryConfig): Promise<pg.QueryResult> {
    const result = this.#last.then(() => {
      if (this.#isOver) throw new OtaError('internal', 'The transaction of these stores is over')
      return this.#client.query(query)
    })
    this.#last = result.catch(() => undefined)
    return result
  }
}

type Run = (query: pg.QueryConfig) => Promise<pg.QueryResult>

function executor(run: Run): Executor {
  const query = (text: string, values: readonly unknown[], name: string | undefined) =>
    run({ text, values: [...values], ...(name !== undefined && { name }) })
  return {
    all: async (sql, parameters, name) => (await query(sql, parameters, name)).rows,
    first: async (sql, parameters, name) => (await query(sql, parameters, name)).rows[0],
    run: async (sql, parameters, name) => (await query(sql, parameters, name)).rowCount ?? 0,
  }
}
