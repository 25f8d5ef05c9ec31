import { existsSync } from 'node:fs'
import type { Blobs, OpenBlob } from '../../core/blobs.ts'
import { isOtaError, OtaError } from '../../core/errors.ts'
import { inParallel } from '../../core/in-parallel.ts'
import { BlobVerifier } from '../../storage/blob/blob-verifier.ts'
import { type BlobRegister, type RegisteredBlob, withBlobRegister } from '../../storage/sql/blob-register.ts'
import { databaseFile } from '../config/places.ts'
import type { Config } from '../config/settings.ts'
import { openBlobStore } from '../open-blobs.ts'
import { databaseTarget } from './database-target.ts'

export type StoreKind = 's3' | 'filesystem'

export interface MoveOptions {
  readonly to: StoreKind
  /** Look, and change nothing. */
  readonly dryRun?: boolean
  /** Take from the old store what was read back whole from the new one. */
  readonly remove?: boolean
  readonly now: () => number
  /** Called with the bytes of all files, then with those of each as it is done. */
  readonly onStart?: (totalBytes: number) => void
  readonly onBytes?: (bytes: number) => void
}

/** A file that could not be moved. */
export interface LeftBlob {
  readonly sha256: string
  readonly because: 'missing' | 'damaged'
}

export interface MoveResult {
  readonly from: StoreKind
  readonly to: StoreKind
  /** What the database knows of. */
  readonly files: number
  readonly bytes: number
  /** Copied now; with `dryRun` what would be. */
  readonly moved: number
  readonly movedBytes: number
  /** Were in the new store already. */
  readonly present: number
  /** Taken from the old store. */
  readonly removed: number
  readonly removedBytes: number
  /** In neither store whole: these need the operator. */
  readonly left: readonly LeftBlob[]
}

/** Files that are on their way at one time. */
const AT_ONCE = 4
const PAGE = 500
const READ_BYTES = 256 * 1024

/**
 * Copies every file from one of the two configured stores to the other, while servers serve: they read from either.
 * Each copy is hashed on its way and by the new store; whatever is there already is not copied again, so that a move
 * that was cut off goes on with the next one. Nothing is taken from the old store without `remove`, and nothing that was
 * not read back whole from the new one first. Throws `invalid` when the configuration does not name both stores.
 */
export async function moveBlobs(config: Config, options: MoveOptions): Promise<MoveResult> {
  const ends = endsOf(config, options)
  if (config.databaseUrl === undefined && !existsSync(databaseFile(config)))
    throw new OtaError('not-found', `There is no database in ${config.data}, so nothing to move.`)
  // Both hash every file to its end before it counts as good, however large.
  const [source, target] = await Promise.all(
    [ends.from, ends.to].map((location) => openBlobStore(config, location, new BlobVerifier(Number.MAX_SAFE_INTEGER))),
  )
  if (!source || !target) throw new OtaError('internal', 'two stores')
  await target.check()
  return withBlobRegister(databaseTarget(config), async (register) => {
    const files = await allOf(register)
    const bytes = files.reduce((sum, { size }) => sum + size, 0)
    options.onStart?.(bytes)
    const move = new Move({ source, target, register, options })
    await inParallel(files, AT_ONCE, (file) => move.file(file))
    return { from: other(options.to), to: options.to, files: files.length, bytes, ...move.result }
  })
}

interface Ends {
  readonly from: string | undefined
  readonly to: string | undefined
}

function endsOf({ blobs, blobsFallback }: Config, { to, remove }: MoveOptions): Ends {
  const explain = `Set GODWIT_BLOBS to the store that is to be (${to}) and GODWIT_BLOBS_FALLBACK to the one that was, restart the servers with both, then move.`
  if (blobsFallback === undefined)
    throw new OtaError('invalid', `There is one store alone, so nothing can move. ${explain}`)
  if (kindOf(blobs) === kindOf(blobsFallback))
    throw new OtaError(
      'invalid',
      `Both stores are of one kind (${kindOf(blobs)}); --to cannot tell them apart. ${explain}`,
    )
  const isForward = kindOf(blobs) === to
  if (!isForward && remove)
    throw new OtaError(
      'invalid',
      `New files still go to the other store, so that nothing is removed from it. ${explain}`,
    )
  return isForward ? { from: blobsFallback, to: blobs } : { from: blobs, to: blobsFallback }
}

function kindOf(location: string | undefined): StoreKind {
  return location?.startsWith('s3:') ? 's3' : 'filesystem'
}

function other(kind: StoreKind): StoreKind {
  return kind === 's3' ? 'filesystem' : 's3'
}

async function allOf(register: BlobRegister): Promise<RegisteredBlob[]> {
  const files: RegisteredBlob[] = []
  for (;;) {
    const page = await register.list(files.at(-1)?.sha256 ?? '', PAGE)
    files.push(...page)
    if (page.length < PAGE) return files
  }
}

interface MoveParts {
  readonly source: Blobs
  readonly target: Blobs
  readonly register: BlobRegister
  readonly options: MoveOptions
}

class Move {
  readonly #parts: MoveParts
  readonly #counts = { moved: 0, movedBytes: 0, present: 0, removed: 0, removedBytes: 0 }
  readonly #left: LeftBlob[] = []
  #hasFailed = false

  constructor(parts: MoveParts) {
    this.#parts = parts
  }

  get result(): Omit<MoveResult, 'from' | 'to' | 'files' | 'bytes'> {
    return { ...this.#counts, left: this.#left }
  }

  /** Rejects when a store or the database fails; no further file is begun then. */
  async file(file: RegisteredBlob): Promise<void> {
    const { options } = this.#parts
    if (this.#hasFailed) return
    try {
      if (options.dryRun) await this.#look(file)
      else if ((await this.#copy(file)) && options.remove) await this.#remove(file)
    } catch (error) {
      this.#hasFailed = true
      throw error
    }
    options.onBytes?.(file.size)
  }

  async #look({ sha256, size }: RegisteredBlob): Promise<void> {
    const { source, target } = this.#parts
    if (await target.exists(sha256)) this.#counts.present += 1
    else if (await source.exists(sha256)) this.#moved(size)
    else this.#left.push({ sha256, because: 'missing' })
  }

  /** Whether the new store has the file now. A file that was deleted meanwhile is none that is left. */
  async #copy({ sha256, size }: RegisteredBlob): Promise<boolean> {
    const { source, target, register, options } = this.#parts
    if (options.remove ? await isWhole(target, { sha256, size }) : await target.exists(sha256)) {
      this.#counts.present += 1
      return true
    }
    let open: OpenBlob
    try {
      open = await source.open(sha256, size)
    } catch (error) {
      return await this.#leave(sha256, error)
    }
    try {
      const staged = await target.stage(bytesOf(open), { maxBytes: size })
      if (staged.digests.sha256 !== sha256) {
        await staged.discard()
        this.#left.push({ sha256, because: 'damaged' })
        return false
      }
      await staged.commit()
    } catch (error) {
      // A server's collection may take the copy away while it is looked at: nobody wants the file any more.
      if (await register.has(sha256)) throw error
      return false
    } finally {
      await open.close()
    }
    // A server may have deleted record and bytes meanwhile; what was copied then must not be forgotten in the store.
    await register.keep({ sha256, size }, options.now())
    this.#moved(size)
    return true
  }

  async #leave(sha256: string, error: unknown): Promise<false> {
    if (isOtaError(error, 'blob-damaged')) this.#left.push({ sha256, because: 'damaged' })
    else if (!isOtaError(error, 'blob-missing')) throw error
    else if (await this.#parts.register.has(sha256)) this.#left.push({ sha256, because: 'missing' })
    return false
  }

  async #remove({ sha256, size }: RegisteredBlob): Promise<void> {
    const { source, target } = this.#parts
    if (!(await source.exists(sha256))) return
    if (!(await isWhole(target, { sha256, size }))) return
    await source.delete(sha256)
    this.#counts.removed += 1
    this.#counts.removedBytes += size
  }

  #moved(size: number): void {
    this.#counts.moved += 1
    this.#counts.movedBytes += size
  }
}

/** Whether the store has the file, read to its end and hashed, once per process; a damaged one is written anew. */
async function isWhole(blobs: Blobs, { sha256, size }: RegisteredBlob): Promise<boolean> {
  try {
    await (await blobs.open(sha256, size, null)).close()
    return true
  } catch (error) {
    if (isOtaError(error, 'blob-missing') || isOtaError(error, 'blob-damaged')) return false
    throw error
  }
}

async function* bytesOf(blob: OpenBlob): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(READ_BYTES)
  for (let position = 0; position < blob.size; ) {
    const read = await blob.read(buffer, position)
    if (read === 0) return
    yield buffer.subarray(0, read)
    position += read
  }
}
