import { existsSync, readdirSync } from 'node:fs'
import { chmod, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { OtaError } from '../../core/errors.ts'
import { syncDirectory } from '../../storage/blob/durable.ts'
import { FileLock } from '../../storage/sql/file-lock.ts'
import { migrateDatabase } from '../../storage/sql/inspect-database.ts'
import { fillPostgres, requireEmptyPostgres } from '../../storage/sql/transfer/postgres-tables.ts'
import { SqliteFile } from '../../storage/sql/transfer/sqlite-file.ts'
import { copyTables } from '../../storage/sql/transfer/tables.ts'
import { databaseFile, folderOf } from '../config/places.ts'
import type { Config } from '../config/settings.ts'

/** Where the database of a backup goes. */
export interface RestoreTarget {
  /** Where the backup's database is to be written first, as an SQLite file. */
  readonly temporary: string
  /** Throws `conflict` when there is something already. */
  requireEmpty(): Promise<void>
  /** Runs `work` while no server can use the target. */
  alone<T>(work: () => Promise<T>): Promise<T>
  /** Makes the database at `temporary` the configured one, in one step; its numbers jump. */
  place(): Promise<void>
  /** Takes back what a restore that failed has made. */
  clear(): Promise<void>
}

export function restoreTarget(config: Config): RestoreTarget {
  return config.databaseUrl === undefined ? embeddedTarget(config) : postgresTarget(config, config.databaseUrl)
}

/** Numbers that devices may have seen after the backup was made are never given out again: each sequence jumps. */
export const SEQUENCE_JUMP = 1_000_000

/** What may lie in the data directory before a restore. */
const WELCOME = new Set(['godwit.yaml', 'master.key', 'lost+found', 'godwit.db-lock', 'godwit.db-lock-journal'])

function embeddedTarget(config: Config): RestoreTarget {
  const file = databaseFile(config)
  const temporary = `${file}.restoring`
  return {
    temporary,
    requireEmpty: async () => requireEmpty(config.data),
    async alone(work) {
      const lock = new FileLock(file)
      try {
        return await work()
      } finally {
        lock.release()
      }
    },
    async place() {
      jumpSequences(temporary)
      await flush(temporary)
      await rename(temporary, file)
      await syncDirectory(config.data)
    },
    async clear() {
      await rm(temporary, { force: true })
      // Blobs that are kept elsewhere stay: others may be among them, and they do no harm.
      const isHere = folderOf(config, config.blobs) === config.data
      for (const folder of isHere ? ['blobs', 'tmp'] : ['tmp'])
        await rm(join(config.data, folder), { recursive: true, force: true })
    },
  }
}

/** Blobs stay when a restore fails: others may be among them, and they do no harm. */
function postgresTarget(config: Config, url: string): RestoreTarget {
  const temporary = join(config.data, 'restoring.db')
  const clear = () => rm(temporary, { force: true })
  return {
    temporary,
    async requireEmpty() {
      await migrateDatabase({ kind: 'postgres', url })
      await requireEmptyPostgres(url)
    },
    // Servers on an empty database have nothing to lose; what they write first makes the restore a conflict.
    alone: (work) => work(),
    async place() {
      const file = await SqliteFile.open(temporary)
      try {
        await fillPostgres(url, (target) => copyTables(file, target, { serialJump: SEQUENCE_JUMP }))
      } finally {
        file.close()
        await clear()
      }
    },
    clear,
  }
}

function requireEmpty(folder: string): void {
  const found = existsSync(folder) ? readdirSync(folder).filter((name) => !WELCOME.has(name)) : []
  if (found.length > 0)
    throw new OtaError(
      'conflict',
      `${folder} is not empty (${found.slice(0, 5).join(', ')}); a restore goes into an empty data directory.`,
    )
}

function jumpSequences(file: string): void {
  const database = new DatabaseSync(file)
  try {
    const tables = database
      .prepare("select name from sqlite_schema where type = 'table' and sql like '%autoincrement%'")
      .all()
    database.exec('begin')
    for (const { name } of tables) {
      const jumped = database
        .prepare('update sqlite_sequence set seq = seq + ? where name = ?')
        .run(SEQUENCE_JUMP, String(name))
      if (jumped.changes === 0)
        database.prepare('insert into sqlite_sequence (name, seq) values (?, ?)').run(String(name), SEQUENCE_JUMP)
    }
    database.exec('commit')
  } finally {
    database.close()
  }
}

async function flush(path: string): Promise<void> {
  await chmod(path, 0o600)
  const file = await open(path, 'r+')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
