import pg from 'pg'
import { OtaError } from '../../core/errors.ts'
import type { Change, Stores } from '../../core/ports.ts'
import { postgresDialect } from './dialects/postgres.ts'
import type { Announcement } from './postgres-change-feed.ts'
import { ClientExecutor, onLiveConnection } from './postgres-executor.ts'
import { Session } from './session.ts'
import { outcomeUnknown, storageFailed, toOtaError } from './sql-failure.ts'
import { createSqlStores } from './sql-stores.ts'

/**
 * Runs `work` in one transaction on a connection of its own, and says in it what it changed. Throws what `work` throws,
 * or `OtaError`.
 */
export async function runTransaction<T>(
  pool: pg.Pool,
  work: (stores: Stores) => Promise<T>,
  announce: (changes: readonly Change[]) => Announcement | undefined,
): Promise<T> {
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
    await commit(executor, announce(session.changes.list()))
    return result
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

/** What others are to know goes along in the message of the commit: it costs no round trip, and is the last to be written. */
async function commit(executor: ClientExecutor, announcement: Announcement | undefined): Promise<void> {
  try {
    const command = await executor.finish(announcement ? `${announcement.sql}; commit` : 'commit')
    // PostgreSQL answers `commit` with ROLLBACK when a statement had failed and the work went on regardless.
    if (command !== 'COMMIT')
      throw storageFailed('PostgreSQL rolled back a transaction in which a statement had failed')
  } catch (error) {
    if (isRefusal(error)) throw toOtaError(error, 'commit', postgresDialect)
    announcement?.unsure()
    throw outcomeUnknown(error)
  }
  announcement?.committed()
}

/** Whether the server itself said that it did not commit. */
function isRefusal(error: unknown): boolean {
  if (error instanceof OtaError) return true
  return error instanceof pg.DatabaseError && postgresDialect.failureOf(error).kind !== 'disconnected'
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
