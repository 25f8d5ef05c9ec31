import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Storage } from '../../../src/core/ports.ts'
import { openMemoryStorage } from '../../../src/storage/memory/memory-storage.ts'
import { openSqlStorage } from '../../../src/storage/sql/open-storage.ts'
import { sharedPostgres } from '../../support/postgres.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

export interface ApiStorage {
  readonly name: string
  /** An empty one, and how to get rid of it after it was closed. */
  readonly open: () => Promise<{ storage: Storage; remove: () => Promise<void> }>
}

const postgres = await sharedPostgres()

/** The databases under which these tests run. */
export const STORAGES: readonly ApiStorage[] = [
  { name: 'memory', open: async () => ({ storage: openMemoryStorage(), remove: async () => undefined }) },
  {
    name: 'SQLite',
    async open() {
      const folder = await temporaryFolder()
      const storage = await openSqlStorage({ kind: 'sqlite', file: join(folder.path, `${randomUUID()}.db`) })
      return { storage, remove: () => folder.remove() }
    },
  },
  ...(postgres.kind === 'running'
    ? [
        {
          name: 'PostgreSQL',
          async open() {
            const url = await postgres.createDatabase()
            const storage = await openSqlStorage({ kind: 'postgres', url, migrate: true })
            return { storage, remove: async () => undefined }
          },
        },
      ]
    : []),
]
