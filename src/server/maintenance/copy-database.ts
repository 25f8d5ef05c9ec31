import { writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { OtaError } from '../../core/errors.ts'
import { inspectDatabase } from '../../storage/sql/inspect-database.ts'
import { readPostgres } from '../../storage/sql/transfer/postgres-tables.ts'
import { SqliteFile } from '../../storage/sql/transfer/sqlite-file.ts'
import { copyTables } from '../../storage/sql/transfer/tables.ts'
import { databaseFile } from '../config/places.ts'
import type { Config } from '../config/settings.ts'

/**
 * Writes the configured database, as it is at one moment, into an SQLite file with mode 0600. Servers go on meanwhile.
 * Throws `storage-failed`.
 */
export async function copyDatabase(config: Config, to: string): Promise<void> {
  // SQLite takes an empty file for none, and keeps its mode.
  writeFileSync(to, '', { mode: 0o600 })
  if (config.databaseUrl === undefined) copyEmbedded(databaseFile(config), to)
  else await copyPostgres(config.databaseUrl, to)
}

/** `vacuum into` reads in one transaction and writes a compact copy. */
function copyEmbedded(from: string, to: string): void {
  const database = new DatabaseSync(from, { timeout: 30_000 })
  try {
    database.prepare('vacuum into ?').run(to)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new OtaError('storage-failed', `The database cannot be copied to ${dirname(to)}: ${reason}`, { cause })
  } finally {
    database.close()
  }
}

async function copyPostgres(url: string, to: string): Promise<void> {
  const { pending } = await inspectDatabase({ kind: 'postgres', url })
  if (pending.length > 0)
    throw new OtaError(
      'storage-failed',
      `The database is of an older version of Godwit (it lacks ${pending.join(', ')}): back it up with that version, or run godwit migrate first.`,
    )
  const file = await SqliteFile.open(to)
  try {
    await readPostgres(url, (source) => copyTables(source, file))
  } finally {
    file.close()
  }
}
