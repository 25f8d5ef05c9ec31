import { createHash } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { invalid, OtaError } from '../../core/errors.ts'

/**
 * A backup is one SQLite file: facts by name, and entries (the database, and each blob) in pieces of 1 MiB, each entry
 * with its SHA-256. Anything that reads SQLite can look into it.
 */
const SCHEMA = `
  create table backup_manifest (name text primary key, value text not null);
  create table backup_entry (entry integer primary key, kind text not null, sha256 text not null, size integer not null);
  create table backup_part (entry integer not null, part integer not null, bytes blob not null, primary key (entry, part));
`

/** Grows when an older Godwit could not read the file any more. */
export const BACKUP_FORMAT = 1

const PART_BYTES = 2 ** 20

export type EntryKind = 'database' | 'blob'

export interface BackupEntry {
  readonly entry: number
  readonly kind: EntryKind
  readonly sha256: string
  readonly size: number
}

/** Writes a backup. Until `finish` the file is worth nothing. */
export class BackupWriter {
  readonly #path: string
  readonly #database: DatabaseSync

  /** Throws `conflict` when the file exists. */
  constructor(path: string) {
    if (existsSync(path)) throw new OtaError('conflict', `${path} exists already.`)
    this.#path = path
    writeFileSync(path, '', { mode: 0o600 })
    this.#database = new DatabaseSync(path)
    // Nothing here must survive a crash: a backup that was not finished is thrown away.
    this.#database.exec('pragma journal_mode = off; pragma synchronous = off')
    this.#database.exec(SCHEMA)
  }

  fact(name: string, value: string): void {
    this.#database.prepare('insert into backup_manifest (name, value) values (?, ?)').run(name, value)
  }

  /** Takes in a body; throws `blob-damaged` when it is not what `expected` says. */
  async add(kind: EntryKind, body: AsyncIterable<Uint8Array>, expected?: { sha256: string }): Promise<void> {
    const hash = createHash('sha256')
    const insert = this.#database.prepare('insert into backup_part (entry, part, bytes) values (?, ?, ?)')
    const { lastInsertRowid: entry } = this.#database
      .prepare("insert into backup_entry (kind, sha256, size) values (?, '', 0)")
      .run(kind)
    let size = 0
    let part = 0
    for await (const bytes of inParts(body)) {
      hash.update(bytes)
      insert.run(entry, part, bytes)
      size += bytes.length
      part += 1
    }
    const sha256 = hash.digest('hex')
    if (expected && expected.sha256 !== sha256)
      throw new OtaError('blob-damaged', `The stored file ${expected.sha256} is damaged.`, { details: expected })
    this.#database.prepare('update backup_entry set sha256 = ?, size = ? where entry = ?').run(sha256, size, entry)
  }

  /** Flushes the file. */
  async finish(): Promise<void> {
    this.#database.close()
    const file = await open(this.#path, 'r+')
    try {
      await file.sync()
    } finally {
      await file.close()
    }
  }

  abandon(): void {
    if (this.#database.isOpen) this.#database.close()
  }
}

/** Reads a backup. */
export class BackupReader {
  readonly #database: DatabaseSync

  /** Throws `invalid` when the file is no backup that this Godwit can read. */
  constructor(path: string) {
    if (!existsSync(path)) throw invalid('FILE', `${path} does not exist`)
    this.#database = new DatabaseSync(path, { readOnly: true })
    try {
      if (this.fact('format') !== String(BACKUP_FORMAT))
        throw invalid('FILE', `${path} was made by a newer Godwit (${this.fact('godwit') ?? '?'})`)
    } catch (cause) {
      this.#database.close()
      if (cause instanceof OtaError) throw cause
      throw new OtaError('invalid', `${path} is not a backup of Godwit.`, { cause })
    }
  }

  fact(name: string): string | undefined {
    const row = this.#database.prepare('select value from backup_manifest where name = ?').get(name)
    return typeof row?.['value'] === 'string' ? row['value'] : undefined
  }

  entries(kind: EntryKind): BackupEntry[] {
    return this.#database
      .prepare('select entry, sha256, size from backup_entry where kind = ? order by entry')
      .all(kind)
      .map((row) => ({
        entry: Number(row['entry']),
        kind,
        sha256: String(row['sha256']),
        size: Number(row['size']),
      }))
  }

  /** The bytes of an entry. Throws `blob-damaged` at their end when they are not what was written. */
  async *read(entry: BackupEntry): AsyncGenerator<Uint8Array> {
    const hash = createHash('sha256')
    const parts = this.#database.prepare('select bytes from backup_part where entry = ? and part = ?')
    for (let part = 0; ; part += 1) {
      const bytes = parts.get(entry.entry, part)?.['bytes']
      if (!(bytes instanceof Uint8Array)) break
      hash.update(bytes)
      yield bytes
    }
    if (hash.digest('hex') !== entry.sha256)
      throw new OtaError(
        'blob-damaged',
        `The backup is damaged: ${entry.kind} ${entry.sha256} does not hash to its name.`,
      )
  }

  close(): void {
    this.#database.close()
  }
}

/** Whole parts, however the bytes come. */
async function* inParts(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(PART_BYTES)
  let filled = 0
  for await (const piece of body) {
    for (let offset = 0; offset < piece.length; ) {
      const taken = Math.min(PART_BYTES - filled, piece.length - offset)
      buffer.set(piece.subarray(offset, offset + taken), filled)
      filled += taken
      offset += taken
      if (filled < PART_BYTES) continue
      yield buffer
      filled = 0
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled)
}
