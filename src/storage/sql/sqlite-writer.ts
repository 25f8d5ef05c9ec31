import { OtaError } from '../../core/errors.ts'
import type { Stores } from '../../core/ports.ts'
import { ChangeLog } from './change-log.ts'
import { sqliteDialect } from './dialects/sqlite.ts'
import { type Executor, Session } from './session.ts'
import { storageFailed, toOtaError } from './sql-failure.ts'
import { createSqlStores } from './sql-stores.ts'
import type { SqliteConnection } from './sqlite-connection.ts'

type Work<T> = (stores: Stores) => Promise<T>

interface Job {
  run(): Promise<void>
  readonly changes: ChangeLog
  committed(): void
  failed(error: unknown): void
}

/** Transactions that share one commit, and so one flush to the disk. */
const GROUP = 64

/**
 * The one writer. Transactions run one after the other, each in a savepoint of its own; those that wait at the same time
 * are committed together, so that many devices reporting at once cost one flush. A transaction resolves after the flush
 * that made it durable.
 */
export class SqliteWriter {
  readonly #connection: SqliteConnection
  readonly #onCommit: (changes: ChangeLog) => void
  readonly #waiting: Job[] = []
  #draining: Promise<void> | undefined
  #isClosed = false

  constructor(connection: SqliteConnection, onCommit: (changes: ChangeLog) => void) {
    this.#connection = connection
    this.#onCommit = onCommit
  }

  transaction<T>(work: Work<T>): Promise<T> {
    if (this.#isClosed) return Promise.reject(new OtaError('unavailable', 'The database is closed'))
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.#waiting.push(this.#job(work, { resolve, reject }))
    this.#draining ??= this.#drain()
    return promise
  }

  /** Resolves when everything that was begun is committed. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#draining
  }

  #job<T>(work: Work<T>, outcome: { resolve(result: T): void; reject(error: unknown): void }): Job {
    const session = new Session(sqliteDialect, transactionExecutor(this.#connection), 'write')
    let settle = () => {}
    return {
      changes: session.changes,
      run: async () => {
        try {
          const result = await work(createSqlStores(session))
          settle = () => outcome.resolve(result)
        } finally {
          session.end()
        }
      },
      committed: () => settle(),
      failed: (error) => outcome.reject(error),
    }
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      // The other requests of this turn of the event loop join the group.
      await new Promise((resume) => setImmediate(resume))
      await this.#runGroup()
    }
    this.#draining = undefined
  }

  async #runGroup(): Promise<void> {
    try {
      this.#execute('begin immediate')
    } catch (error) {
      this.#waiting.shift()?.failed(toOtaError(error, '', sqliteDialect))
      return
    }
    const done: Job[] = []
    try {
      await this.#runJobs(done)
      this.#execute('commit')
    } catch (error) {
      this.#undo(error, done)
      return
    }
    const changes = new ChangeLog()
    for (const job of done) changes.add(job.changes)
    this.#onCommit(changes)
    for (const job of done) job.committed()
  }

  async #runJobs(done: Job[]): Promise<void> {
    for (let begun = 0; begun < GROUP; begun += 1) {
      const job = this.#waiting.shift()
      if (job === undefined) return
      if (await this.#runJob(job)) done.push(job)
    }
  }

  /** False when the work failed and left no trace. Throws when the database gave up the whole group. */
  async #runJob(job: Job): Promise<boolean> {
    this.#execute('savepoint work')
    try {
      await job.run()
      this.#execute('release savepoint work')
      return true
    } catch (error) {
      job.failed(error)
      if (!this.#connection.isInTransaction) throw error
      this.#execute('rollback to savepoint work')
      this.#execute('release savepoint work')
      return false
    }
  }

  /** The database did not commit: nothing of the group happened. */
  #undo(error: unknown, done: readonly Job[]): void {
    const failure = toOtaError(error, '', sqliteDialect)
    for (const job of done) job.failed(failure)
    try {
      if (this.#connection.isInTransaction) this.#execute('rollback')
    } catch {
      // The next group will not be able to begin, and says so.
    }
  }

  #execute(sql: string): void {
    this.#connection.run(sql, [])
  }
}

/** Refuses to go on when SQLite has ended the transaction by itself (disk full, for one): nothing may commit alone. */
function transactionExecutor(connection: SqliteConnection): Executor {
  const requireTransaction = () => {
    if (!connection.isInTransaction) throw storageFailed('The database ended the transaction')
  }
  return {
    all(sql, parameters) {
      requireTransaction()
      return connection.all(sql, parameters)
    },
    first(sql, parameters) {
      requireTransaction()
      return connection.first(sql, parameters)
    },
    run(sql, parameters) {
      requireTransaction()
      return connection.run(sql, parameters)
    },
  }
}
