import { createHash } from 'node:crypto'
import type { BlobSpan, Blobs, OpenBlob, StagedBlob } from '../../core/blobs.ts'
import { BoundedMap } from '../../core/bounded-map.ts'
import { blobDamaged } from './blob-errors.ts'

export interface HotBlobsOptions {
  /** All bodies in memory together, bytes; 0 keeps none. */
  readonly totalBytes: number
  /** Largest body that is kept, bytes. */
  readonly bodyBytes: number
  /** A body that nobody opened for so long is forgotten, ms. */
  readonly idleMs: number
  /**
   * Lets the store open a body before each answer from memory, so that it notices one that is gone or was changed there;
   * default true.
   */
  readonly checksStore?: boolean
  /** Any clock that never goes back, ms. */
  readonly now?: () => number
}

/** What the memory did since the start, and holds now. */
export interface HotBlobsCounts {
  readonly hits: number
  /** Opens of bodies small enough that went to the store. */
  readonly misses: number
  readonly evictions: number
  readonly bodies: number
  readonly bytes: number
}

interface Entry {
  readonly bytes: Uint8Array
  users: number
  usedAt: number
  /** Out of the map; its bytes count until the last reader has closed. */
  isGone: boolean
}

interface Loading {
  readonly done: Promise<void>
  isCancelled: boolean
}

/** Bodies whose first opening is remembered. */
const REMEMBERED = 1_024
const HASH_PIECE = 256 * 1024

/**
 * Keeps small bodies in memory from their second opening on, in front of any store: one that a single device fetches
 * once never gets there. Only bytes that hashed to their name are kept; a deleted body is forgotten at once. Bodies in
 * use stay, so that the limit holds for everything that downloads refer to.
 */
export class HotBlobs implements Blobs {
  readonly #store: Blobs
  readonly #options: HotBlobsOptions
  readonly #now: () => number
  /** The least recently used first. */
  readonly #entries = new Map<string, Entry>()
  readonly #asked = new BoundedMap<string, true>(REMEMBERED)
  readonly #loading = new Map<string, Loading>()
  #bytes = 0
  #hits = 0
  #misses = 0
  #evictions = 0

  constructor(store: Blobs, options: HotBlobsOptions) {
    this.#store = store
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  get counts(): HotBlobsCounts {
    return {
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evictions,
      bodies: this.#entries.size,
      bytes: this.#bytes,
    }
  }

  async open(sha256: string, size: number, likely?: BlobSpan | null): Promise<OpenBlob> {
    // What is not read is not worth keeping.
    if (likely === null || size === 0 || size > Math.min(this.#options.bodyBytes, this.#options.totalBytes))
      return this.#store.open(sha256, size, likely)
    let kept = await this.#fromMemory(sha256, size)
    const loading = this.#loading.get(sha256)
    if (!kept && loading) {
      // Those that come while it is loaded share the one reading.
      await loading.done
      kept = await this.#fromMemory(sha256, size)
    }
    if (kept) return kept
    this.#misses += 1
    const isHot = this.#asked.get(sha256) === true
    this.#asked.set(sha256, true)
    const mayLoad = isHot && !this.#loading.has(sha256) && !this.#entries.has(sha256)
    return mayLoad && this.#makeRoom(size) ? this.#load(sha256, size) : this.#store.open(sha256, size, likely)
  }

  async delete(sha256: string): Promise<void> {
    this.#asked.delete(sha256)
    this.#forget(sha256)
    await this.#store.delete(sha256)
    // One that opened it just before has perhaps kept it meanwhile.
    this.#forget(sha256)
  }

  /** Forgets what nobody opened for long; to be called every now and then. */
  trim(): void {
    const before = this.#now() - this.#options.idleMs
    for (const [sha256, entry] of this.#entries)
      if (entry.users === 0 && entry.usedAt <= before) this.#drop(sha256, entry)
  }

  stage(source: AsyncIterable<Uint8Array>, options: { readonly maxBytes: number }): Promise<StagedBlob> {
    return this.#store.stage(source, options)
  }
  link(sha256: string, size: number): Promise<string | undefined> {
    return this.#store.link(sha256, size)
  }
  exists(sha256: string): Promise<boolean> {
    return this.#store.exists(sha256)
  }
  list(): AsyncIterable<string> {
    return this.#store.list()
  }
  sweep(): Promise<number> {
    return this.#store.sweep()
  }
  check(): Promise<void> {
    return this.#store.check()
  }

  async #fromMemory(sha256: string, size: number): Promise<OpenBlob | undefined> {
    const entry = this.#entries.get(sha256)
    if (entry?.bytes.length !== size) return undefined
    if (this.#options.checksStore !== false) await this.#checkStore(sha256, size)
    if (entry.isGone) return undefined
    this.#hits += 1
    return this.#lend(sha256, entry)
  }

  async #checkStore(sha256: string, size: number): Promise<void> {
    try {
      const blob = await this.#store.open(sha256, size, null)
      await blob.close()
    } catch (error) {
      this.#forget(sha256)
      throw error
    }
  }

  #lend(sha256: string, entry: Entry): OpenBlob {
    this.#entries.delete(sha256)
    this.#entries.set(sha256, entry)
    entry.users += 1
    entry.usedAt = this.#now()
    return new HotBlob(entry.bytes, () => {
      entry.users -= 1
      if (entry.isGone && entry.users === 0) this.#bytes -= entry.bytes.length
    })
  }

  /** Reads a body into the room that was made for it. */
  async #load(sha256: string, size: number): Promise<OpenBlob> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const loading: Loading = { done: promise, isCancelled: false }
    this.#loading.set(sha256, loading)
    this.#bytes += size
    try {
      const bytes = await this.#read(sha256, size)
      const entry = { bytes, users: 0, usedAt: 0, isGone: loading.isCancelled }
      const lent = this.#lend(sha256, entry)
      if (loading.isCancelled) this.#entries.delete(sha256)
      return lent
    } catch (error) {
      this.#bytes -= size
      throw error
    } finally {
      this.#loading.delete(sha256)
      resolve()
    }
  }

  async #read(sha256: string, size: number): Promise<Uint8Array> {
    const blob = await this.#store.open(sha256, size)
    try {
      const bytes = await readWhole(sha256, blob)
      if ((await sha256Of(bytes)) !== sha256) throw blobDamaged(sha256, 'content does not match its hash')
      return bytes
    } finally {
      await blob.close()
    }
  }

  /** False when everything that is kept is in use. */
  #makeRoom(size: number): boolean {
    for (const [sha256, entry] of this.#entries) {
      if (this.#bytes + size <= this.#options.totalBytes) return true
      if (entry.users > 0) continue
      this.#evictions += 1
      this.#drop(sha256, entry)
    }
    return this.#bytes + size <= this.#options.totalBytes
  }

  #forget(sha256: string): void {
    const loading = this.#loading.get(sha256)
    if (loading) loading.isCancelled = true
    const entry = this.#entries.get(sha256)
    if (entry) this.#drop(sha256, entry)
  }

  #drop(sha256: string, entry: Entry): void {
    this.#entries.delete(sha256)
    entry.isGone = true
    if (entry.users === 0) this.#bytes -= entry.bytes.length
  }
}

class HotBlob implements OpenBlob {
  readonly size: number
  readonly memory: Uint8Array
  readonly #release: () => void
  #isClosed = false

  constructor(bytes: Uint8Array, release: () => void) {
    this.memory = bytes
    this.size = bytes.length
    this.#release = release
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    const part = this.memory.subarray(position, position + buffer.length)
    buffer.set(part)
    return part.length
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#release()
  }
}

async function readWhole(sha256: string, blob: OpenBlob): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(blob.size)
  for (let position = 0; position < bytes.length; ) {
    const read = await blob.read(bytes.subarray(position), position)
    if (read === 0) throw blobDamaged(sha256, 'the file ends early')
    position += read
  }
  return bytes
}

/** In pieces, so that other requests have their turn. */
async function sha256Of(bytes: Uint8Array): Promise<string> {
  const hash = createHash('sha256')
  for (let start = 0; start < bytes.length; start += HASH_PIECE) {
    hash.update(bytes.subarray(start, start + HASH_PIECE))
    await new Promise((resume) => setImmediate(resume))
  }
  return hash.digest('hex')
}
