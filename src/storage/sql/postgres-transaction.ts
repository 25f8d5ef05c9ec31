import type pg from 'pg'
import type { Stores } from '../../core/ports.ts'
import type { ChangeLog } from './change-log.ts'
import { postgresDialect } from './dialects/postgres.ts'
import { ClientExecutor, onLiveConnection } from './postgres-executor.ts'
import { Session } from './session.ts'
import { storageFailed, toOtaError } from './sql-failure.ts'
import { createSqlStores } from './sql-stores.ts'

export interface Committed<T> {
  readonly result: T
  readonly changes: ChangeLog
}

/** Runs `work` in one transaction on a connection of its own. Throws what `work` throws, or `OtaError`. */
export async function runTransaction<T>(pool: pg.Pool, work: (stores: Stores) => Promise<T>): Promise<Committed<T>> {
  const client = await begin(pool)
  let broken: Error | undefined
  const noteBroken = (error: Error) => {
    broken = error
  }
  client.on('error', noteBroken)
  const executor = new ClientExecutor(client)
  const session = new Session(postgresDialect, executor, 'write')
  try {
    const result = await work(createSqlStores(session))
    await commit(executor)
    return { result, changes: session.changes }
  } catch (error) {
    broken ??= await rollback(executor)
    throw error
  } finally {
    session.end()
    client.off('error', noteBroken)
    client.release(broken)
  }
}

/** Nothing has happened yet on a connection that breaks here, so another one is as good. */
async function begin(pool: pg.Pool): Promise<pg.PoolClient> {
  try {
    return await onLiveConnection(async () => {
      const client = await pool.connect()
      try {
        await client.query('begin')
        return client
      } catch (error) {
        client.release(true)
        throw error
      }
    })
  } catch (error) {
    throw toOtaError(error, 'begin', postgresDialect)
  }
}

async function commit(executor: ClientExecutor): Promise<void> {
  try {
    const { command } = await executor.finish('commit')
    // PostgreSQL answers `commit` with ROLLBACK when a statement had failed and the work went on regardless.
    if (command !== 'COMMIT')
      throw storageFailed('PostgreSQL rolled back a transaction in which a statement had failed')
  } catch (error) {
    throw toOtaError(error, 'commit', postgresDialect)
  }
}

/** The error when even that fails: the connection is of no more use. */
async function rollback(executor: ClientExecutor): Promise<Error | undefined> {
  try {
    await executor.finish('rollback')
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}
