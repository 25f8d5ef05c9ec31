import { DatabaseSync } from 'node:sqlite'
import { OtaError } from '../../core/errors.ts'
import { sqliteDialect } from './dialects/sqlite.ts'

/**
 * Holds a database file against other processes until `release`. The lock is the operating system's, on a file beside
 * the database: whatever ends this process, kill -9 included, also ends the lock.
 */
export class FileLock {
  readonly #lock: DatabaseSync

  /** Throws `storage-failed` when another process, or another storage of this one, holds the lock. */
  constructor(file: string) {
    this.#lock = new DatabaseSync(`${file}-lock`, { timeout: 0 })
    try {
      this.#lock.exec('pragma journal_mode = delete; begin exclusive')
    } catch (cause) {
      this.#lock.close()
      if (sqliteDialect.failureOf(cause).kind !== 'again') throw cause
      throw new OtaError('storage-failed', `Another process has the database ${file} open`, { cause })
    }
  }

  release(): void {
    this.#lock.close()
  }
}
