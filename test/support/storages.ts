import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import type { Storage } from '../../src/core/ports.ts'
import { openMemoryStorage } from '../../src/storage/memory/memory-storage.ts'
import { openSqlStorage } from '../../src/storage/sql/open-storage.ts'
import { sharedPostgres } from './postgres.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** A kind of database; `open` makes an empty one each time. */
export interface StorageKind {
  readonly name: string
  /** `connections`: how many transactions may be under way at once, where the database allows any number. */
  open(options?: { readonly connections?: number }): Promise<Storage>
}

const folder = await temporaryFolder()
afterAll(() => folder.remove())
const postgres = await sharedPostgres()

/** Copying a database is much faster than creating its schema again. */
let migrated: Promise<string> | undefined
async function migrate(url: string): Promise<string> {
  const storage = await openSqlStorage({ kind: 'postgres', url, migrate: true })
  await storage.close()
  return url
}

async function openPostgres(
  create: (template?: string) => Promise<string>,
  { connections = 5 }: { connections?: number } = {},
): Promise<Storage> {
  migrated ??= create().then(migrate)
  return openSqlStorage({ kind: 'postgres', url: await create(await migrated), migrate: false, poolSize: connections })
}

/** Every database that the server runs on; without PostgreSQL on this machine it is left out, with a warning. */
export const STORAGES: readonly StorageKind[] = [
  { name: 'memory', open: async () => openMemoryStorage() },
  { name: 'SQLite', open: () => openSqlStorage({ kind: 'sqlite', file: join(folder.path, `${randomUUID()}.db`) }) },
  ...(postgres.kind === 'none'
    ? []
    : [
        {
          name: 'PostgreSQL',
          open: (options?: { readonly connections?: number }) =>
            openPostgres((template) => postgres.createDatabase(template), options),
        },
      ]),
]
