import { Kysely } from 'kysely'
import type { ChangeListener, Storage, Stores } from '../../core/ports.ts'
import { WaitingLimit } from '../../core/waiting-limit.ts'
import { SOLE_WRITER } from '../sole-writer.ts'
import { CommitListeners } from './commit-listeners.ts'
import { sqliteDialect } from './dialects/sqlite.ts'
import { FileLock } from './file-lock.ts'
import { migrate } from './migrate.ts'
import { NestingGuard } from './nesting-guard.ts'
import { nodeSqliteDialect } from './node-sqlite-dialect.ts'
import { ReaderThread } from './reader-thread.ts'
import { type Executor, Session } from './session.ts'
import { storageFailed, toOtaError } from './sql-failure.ts'
import { createSqlStores } from './sql-stores.ts'
import { SqliteConnection } from './sqlite-connection.ts'
import { SqliteWriter } from './sqlite-writer.ts'

export interface SqliteOptions {
  readonly kind: 'sqlite'
  /** Created, with its schema, when absent; its folder must exist. */
  readonly file: string
  /** Long reads in a thread of their own (default), or on the connection of the poll reads. */
  readonly readWorker?: boolean
  /** See `WaitingLimit`. */
  readonly waitingTransactions?: number | undefined
}

/** Opens or creates the database and brings its schema up to date. Throws `storage-failed`. */
export async function openSqliteStorage(options: SqliteOptions): Promise<Storage> {
  const closing: Array<() => void> = []
  try {
    const lock = new FileLock(options.file)
    closing.push(() => lock.release())
    const writer = new SqliteConnection({ file: options.file, access: 'write' })
    closing.push(() => writer.close())
    await migrate(new Kysely({ dialect: nodeSqliteDialect(writer) }), sqliteDialect)
    const reader = new SqliteConnection({ file: options.file, access: 'read' })
    closing.push(() => reader.close())
    const thread = options.readWorker === false ? undefined : new ReaderThread(options.file)
    const limit = new WaitingLimit(options.waitingTransactions)
    return new SqliteStorage({ writer, reader, thread, lock, limit })
  } catch (error) {
    for (const close of closing.reverse()) close()
    throw toOtaError(error, '', sqliteDialect)
  }
}

interface Parts {
  readonly writer: SqliteConnection
  readonly reader: SqliteConnection
  readonly thread: ReaderThread | undefined
  readonly lock: FileLock
  readonly limit: WaitingLimit
}

class SqliteStorage implements Storage {
  readonly invalidation = SOLE_WRITER
  readonly read: Stores
  readonly management: Stores
  readonly #parts: Parts
  readonly #writer: SqliteWriter
  readonly #listeners = new CommitListeners()
  readonly #nesting = new NestingGuard()
  #closing: Promise<void> | undefined

  constructor(parts: Parts) {
    this.#parts = parts
    this.#writer = new SqliteWriter(parts.writer, (changes) => this.#listeners.notify(changes.list(), 'own'))
    this.read = readerStores(parts.reader)
    this.management = parts.thread ? readerStores(parts.thread) : this.read
  }

  transaction<T>(work: (stores: Stores) => Promise<T>): Promise<T> {
    return this.#nesting.check(() =>
      this.#parts.limit.run(() => this.#writer.transaction((stores) => this.#nesting.within(() => work(stores)))),
    )
  }

  onChange(listener: ChangeListener): void {
    this.#listeners.add(listener)
  }

  async check(): Promise<void> {
    try {
      this.#parts.reader.first('select 1 from settings', [])
    } catch (cause) {
      throw storageFailed('The database does not answer', cause)
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#writer.close()
    await this.#parts.thread?.close()
    this.#parts.reader.close()
    this.#parts.writer.close()
    this.#parts.lock.release()
  }
}

function readerStores(executor: Executor): Stores {
  return createSqlStores(new Session(sqliteDialect, executor, 'read'))
}
