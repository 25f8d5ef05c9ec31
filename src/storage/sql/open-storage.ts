import type { Storage } from '../../core/ports.ts'
import type { PostgresOptions } from './postgres-storage.ts'
import { openSqliteStorage, type SqliteOptions } from './sqlite-storage.ts'

export type SqlStorageOptions = SqliteOptions | PostgresOptions

/** Opens the database that `options` name, with its schema up to date. Throws `storage-failed`. */
export async function openSqlStorage(options: SqlStorageOptions): Promise<Storage> {
  switch (options.kind) {
    case 'sqlite':
      return openSqliteStorage(options)
    case 'postgres': {
      // Loaded only where it is used.
      const { openPostgresStorage } = await import('./postgres-storage.ts')
      return openPostgresStorage(options)
    }
  }
}
