import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { chmod, open, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Blobs } from '../../core/blobs.ts'
import { OtaError } from '../../core/errors.ts'
import { syncDirectory } from '../../storage/blob/durable.ts'
import { FilesystemBlobs } from '../../storage/blob/filesystem-blobs.ts'
import { FileLock } from '../../storage/sql/file-lock.ts'
import { blobFolder, databaseFile, masterKeyFile } from '../config/places.ts'
import type { Config } from '../config/settings.ts'
import { BackupReader } from './backup-file.ts'
import { requireEmbedded } from './create-backup.ts'
import { writeSecretFile } from './write-secret-file.ts'

export interface RestoreOptions {
  readonly onStart?: (totalBytes: number) => void
  readonly onBytes?: (bytes: number) => void
}

export interface RestoreResult {
  readonly blobs: number
  readonly bytes: number
  /** When the backup was made, ISO 8601. */
  readonly createdAt: string
  /** `backup`: it was in the file. `present`: it was here already. `absent`: it must be brought before the server starts. */
  readonly masterKey: 'backup' | 'present' | 'absent'
}

/** Numbers that devices may have seen after the backup was made are never given out again: each sequence jumps. */
export const SEQUENCE_JUMP = 1_000_000

/** What may lie in the data directory before a restore. */
const WELCOME = new Set(['godwit.yaml', 'master.key', 'lost+found', 'godwit.db-lock', 'godwit.db-lock-journal'])

/**
 * Makes an empty data directory what it was when the backup was made. Every file is checked against its SHA-256.
 * Throws `conflict` when there is something in the directory; when it throws later, the directory is empty again.
 */
export async function restoreBackup(
  config: Config,
  path: string,
  options: RestoreOptions = {},
): Promise<RestoreResult> {
  requireEmbedded(config)
  requireEmpty(config.data)
  const backup = new BackupReader(path)
  const hadKey = existsSync(masterKeyFile(config))
  try {
    mkdirSync(config.data, { recursive: true, mode: 0o700 })
    const lock = new FileLock(databaseFile(config))
    try {
      return await restore({ config, backup, options })
    } catch (error) {
      await clear(config, hadKey)
      throw error
    } finally {
      lock.release()
    }
  } finally {
    backup.close()
  }
}

interface Job {
  readonly config: Config
  readonly backup: BackupReader
  readonly options: RestoreOptions
}

async function restore(job: Job): Promise<RestoreResult> {
  const { config, backup, options } = job
  const [database] = backup.entries('database')
  if (!database) throw new OtaError('invalid', 'The backup holds no database.')
  const files = backup.entries('blob')
  const bytes = [database, ...files].reduce((sum, { size }) => sum + size, 0)
  const masterKey = placeKey(config, backup)
  options.onStart?.(bytes)
  const temporary = `${databaseFile(config)}.restoring`
  // Not a stream: one that fails early still creates its file later, after the clearing up.
  await writeFile(temporary, counted(backup.read(database), options), { mode: 0o600 })
  await restoreBlobs(job, await FilesystemBlobs.open(blobFolder(config)))
  jumpSequences(temporary)
  await flush(temporary)
  await rename(temporary, databaseFile(config))
  await syncDirectory(config.data)
  return { blobs: files.length, bytes, createdAt: backup.fact('createdAt') ?? '', masterKey }
}

async function restoreBlobs({ backup, options }: Job, blobs: Blobs): Promise<void> {
  for (const file of backup.entries('blob')) {
    const staged = await blobs.stage(counted(backup.read(file), options), { maxBytes: file.size })
    try {
      if (staged.digests.sha256 !== file.sha256)
        throw new OtaError('blob-damaged', `The backup is damaged: file ${file.sha256}.`)
      await staged.commit()
    } finally {
      await staged.discard()
    }
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

/** Throws `conflict` when another master key lies there already. */
function placeKey(config: Config, backup: BackupReader): RestoreResult['masterKey'] {
  const file = masterKeyFile(config)
  const here = config.masterKey ?? (existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined)
  const kept = backup.fact('masterKey')
  if (kept === undefined) return here === undefined ? 'absent' : 'present'
  if (here !== undefined && here !== kept)
    throw new OtaError(
      'conflict',
      `The backup has another master key than ${file} or GODWIT_MASTER_KEY; take that away.`,
    )
  if (here === undefined) writeSecretFile(file, `${kept}\n`)
  return here === undefined ? 'backup' : 'present'
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

/** Takes back what was made here. Blobs that are kept elsewhere stay: others may be among them, and they do no harm. */
async function clear(config: Config, hadKey: boolean): Promise<void> {
  await rm(`${databaseFile(config)}.restoring`, { force: true })
  if (!hadKey) await rm(masterKeyFile(config), { force: true })
  if (blobFolder(config) !== config.data) return
  for (const folder of ['blobs', 'tmp']) await rm(join(config.data, folder), { recursive: true, force: true })
}

async function* counted(body: AsyncIterable<Uint8Array>, { onBytes }: RestoreOptions): AsyncGenerator<Uint8Array> {
  for await (const piece of body) {
    yield piece
    onBytes?.(piece.length)
  }
}
