import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import type { Blobs, OpenBlob } from '../../core/blobs.ts'
import { isOtaError, OtaError } from '../../core/errors.ts'
import { databaseFile, masterKeyFile } from '../config/places.ts'
import type { Config } from '../config/settings.ts'
import { openBlobs } from '../open-blobs.ts'
import { VERSION } from '../version.ts'
import { BACKUP_FORMAT, BackupWriter } from './backup-file.ts'
import { copyDatabase } from './copy-database.ts'

export interface BackupOptions {
  /** Put the master key in, so that the file alone is enough; whoever has the file then has every secret. */
  readonly withKey?: boolean
  readonly now: number
  /** Called with the bytes that are to be copied, then with each step. */
  readonly onStart?: (totalBytes: number) => void
  readonly onBytes?: (bytes: number) => void
}

export interface BackupResult {
  readonly blobs: number
  /** Bytes of database and blobs. */
  readonly bytes: number
}

/** A file that is deleted while it is copied makes the copy of the database too old; then all begins anew. */
const ATTEMPTS = 3

/**
 * Writes one file that holds a consistent copy of the database and every file that it refers to, wherever these are
 * kept. Works while servers run. Nothing is left at `path` when it throws.
 */
export async function createBackup(config: Config, path: string, options: BackupOptions): Promise<BackupResult> {
  if (config.databaseUrl === undefined && !existsSync(databaseFile(config)))
    throw new OtaError('not-found', `There is no database in ${config.data}; nothing to back up.`)
  if (existsSync(path)) throw new OtaError('conflict', `${path} exists already.`)
  const blobs = await openBlobs(config)
  for (let attempt = 1; ; attempt += 1)
    try {
      return await writeBackup({ config, blobs, path, options })
    } catch (error) {
      if (!isOtaError(error, 'blob-missing') || attempt === ATTEMPTS) throw error
    }
}

interface Job {
  readonly config: Config
  readonly blobs: Blobs
  readonly path: string
  readonly options: BackupOptions
}

async function writeBackup({ config, blobs, path, options }: Job): Promise<BackupResult> {
  const temporary = `${path}.partial`
  const snapshot = `${path}.database`
  await removeAll([temporary, snapshot])
  let writer: BackupWriter | undefined
  try {
    await copyDatabase(config, snapshot)
    const files = referencedBlobs(snapshot)
    const size = files.bytes + createdBytes(snapshot)
    options.onStart?.(size)
    writer = new BackupWriter(temporary)
    writer.fact('format', String(BACKUP_FORMAT))
    writer.fact('godwit', VERSION)
    writer.fact('createdAt', new Date(options.now).toISOString())
    if (options.withKey) writer.fact('masterKey', keyOf(config))
    const count = (body: AsyncIterable<Uint8Array>) => counted(body, options.onBytes)
    await writer.add('database', count(createReadStream(snapshot, { highWaterMark: 2 ** 20 })))
    for (const file of files.list) {
      const open = await blobs.open(file.sha256, file.size)
      try {
        await writer.add('blob', count(bytesOf(open)), file)
      } finally {
        await open.close()
      }
    }
    writer.fact('blobs', String(files.list.length))
    await writer.finish()
    await rename(temporary, path)
    return { blobs: files.list.length, bytes: size }
  } finally {
    writer?.abandon()
    await removeAll([temporary, snapshot])
  }
}

interface BlobFile {
  readonly sha256: string
  readonly size: number
}

function referencedBlobs(snapshot: string): { list: BlobFile[]; bytes: number } {
  const database = new DatabaseSync(snapshot, { readOnly: true })
  try {
    const rows = database
      .prepare(
        'select sha256, size from artifacts union select sha256, size from data_files where sha256 is not null order by sha256',
      )
      .all()
    const list = rows.map((row) => ({ sha256: String(row['sha256']), size: Number(row['size']) }))
    return { list, bytes: list.reduce((sum, { size }) => sum + size, 0) }
  } finally {
    database.close()
  }
}

function createdBytes(path: string): number {
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    const number = (name: string) => Number(Object.values(database.prepare(`pragma ${name}`).get() ?? {})[0])
    return number('page_count') * number('page_size')
  } finally {
    database.close()
  }
}

function keyOf(config: Config): string {
  return config.masterKey ?? readFileSync(masterKeyFile(config), 'utf8').trim()
}

async function* bytesOf(blob: OpenBlob): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(2 ** 20)
  for (let position = 0; position < blob.size; ) {
    const read = await blob.read(buffer, position)
    if (read === 0) return
    yield buffer.subarray(0, read)
    position += read
  }
}

async function* counted(
  body: AsyncIterable<Uint8Array>,
  onBytes: ((bytes: number) => void) | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const piece of body) {
    yield piece
    onBytes?.(piece.length)
  }
}

async function removeAll(paths: readonly string[]): Promise<void> {
  for (const path of paths) for (const each of [path, `${path}-journal`]) await rm(each, { force: true })
}
