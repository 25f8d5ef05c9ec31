import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import type { Blobs } from '../../core/blobs.ts'
import { OtaError } from '../../core/errors.ts'
import { masterKeyFile } from '../config/places.ts'
import type { Config } from '../config/settings.ts'
import { openBlobStore } from '../open-blobs.ts'
import { BackupReader } from './backup-file.ts'
import { type RestoreTarget, restoreTarget } from './restore-target.ts'
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

/**
 * Fills an empty data directory or PostgreSQL database with what a backup holds, whichever database it was made of.
 * Every file is checked against its SHA-256. Throws `conflict` when there is something already; when it throws later,
 * the directory or database is empty again.
 */
export async function restoreBackup(
  config: Config,
  path: string,
  options: RestoreOptions = {},
): Promise<RestoreResult> {
  const target = restoreTarget(config)
  const backup = new BackupReader(path)
  const hadKey = existsSync(masterKeyFile(config))
  try {
    await target.requireEmpty()
    mkdirSync(config.data, { recursive: true, mode: 0o700 })
    return await target.alone(async () => {
      try {
        return await restore({ config, target, backup, options })
      } catch (error) {
        if (!hadKey) await rm(masterKeyFile(config), { force: true })
        await target.clear()
        throw error
      }
    })
  } finally {
    backup.close()
  }
}

interface Job {
  readonly config: Config
  readonly target: RestoreTarget
  readonly backup: BackupReader
  readonly options: RestoreOptions
}

async function restore(job: Job): Promise<RestoreResult> {
  const { config, target, backup, options } = job
  const [database] = backup.entries('database')
  if (!database) throw new OtaError('invalid', 'The backup holds no database.')
  const files = backup.entries('blob')
  const bytes = [database, ...files].reduce((sum, { size }) => sum + size, 0)
  const masterKey = placeKey(config, backup)
  options.onStart?.(bytes)
  // Not a stream: one that fails early still creates its file later, after the clearing up.
  await writeFile(target.temporary, counted(backup.read(database), options), { mode: 0o600 })
  await restoreBlobs(job, await openBlobStore(config, config.blobs))
  await target.place()
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

async function* counted(body: AsyncIterable<Uint8Array>, { onBytes }: RestoreOptions): AsyncGenerator<Uint8Array> {
  for await (const piece of body) {
    yield piece
    onBytes?.(piece.length)
  }
}
