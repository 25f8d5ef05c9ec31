import { createHash, type Hash } from 'node:crypto'
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'

/** Facts about written bytes; digests in lower-case hex. */
export interface FlashFacts {
  readonly size: number
  readonly sha256: string
  readonly md5: string
}

/** Two slots, as on a device with over-the-air updates: one runs, the other takes the download. */
export interface Flash {
  /** Empties the spare slot. */
  begin(): void
  /** Appends to the spare slot. */
  write(chunk: Uint8Array): void
  /** Bytes in the spare slot so far. */
  readonly written: number
  /** Facts about the spare slot; it can still grow afterwards. */
  staged(): FlashFacts
  /** The spare slot's bytes; undefined where they are not kept. */
  stagedBytes(): Uint8Array | undefined
  /** The spare slot becomes the running one. */
  activate(): void
  /** Facts about the running slot; undefined before the first `activate`. */
  readonly running: FlashFacts | undefined
  /** The running slot's bytes; undefined before the first `activate`, and where they are not kept. */
  runningBytes(): Uint8Array | undefined
}

/** Hashes what is written and keeps none of it: for large fleets. Images are then not parsed, only hashed. */
export class HashOnlyFlash implements Flash {
  #sha256: Hash = createHash('sha256')
  #md5: Hash = createHash('md5')
  #written = 0
  #running: FlashFacts | undefined

  get written(): number {
    return this.#written
  }

  get running(): FlashFacts | undefined {
    return this.#running
  }

  begin(): void {
    this.#sha256 = createHash('sha256')
    this.#md5 = createHash('md5')
    this.#written = 0
  }

  write(chunk: Uint8Array): void {
    this.#sha256.update(chunk)
    this.#md5.update(chunk)
    this.#written += chunk.length
  }

  staged(): FlashFacts {
    return {
      size: this.#written,
      sha256: this.#sha256.copy().digest('hex'),
      md5: this.#md5.copy().digest('hex'),
    }
  }

  stagedBytes(): Uint8Array | undefined {
    return undefined
  }

  activate(): void {
    this.#running = this.staged()
  }

  runningBytes(): Uint8Array | undefined {
    return undefined
  }
}

/** Both slots in memory. */
export class MemoryFlash extends HashOnlyFlash {
  #chunks: Uint8Array[] = []
  #runningBytes: Uint8Array | undefined

  override begin(): void {
    super.begin()
    this.#chunks = []
  }

  override write(chunk: Uint8Array): void {
    super.write(chunk)
    this.#chunks.push(Uint8Array.from(chunk))
  }

  override stagedBytes(): Uint8Array {
    return Buffer.concat(this.#chunks)
  }

  override activate(): void {
    super.activate()
    this.#runningBytes = this.stagedBytes()
    this.#chunks = []
  }

  override runningBytes(): Uint8Array | undefined {
    return this.#runningBytes
  }
}

/** The running slot is the file at `path`, the spare one a file beside it; the rename is the switch-over. */
export class FileFlash extends HashOnlyFlash {
  readonly path: string
  #descriptor: number | undefined

  constructor(path: string) {
    super()
    this.path = path
  }

  get #sparePath(): string {
    return `${this.path}.spare`
  }

  override begin(): void {
    super.begin()
    this.#close()
    this.#descriptor = openSync(this.#sparePath, 'w')
  }

  override write(chunk: Uint8Array): void {
    super.write(chunk)
    if (this.#descriptor === undefined) throw new Error('write before begin')
    for (let offset = 0; offset < chunk.length; ) offset += writeSync(this.#descriptor, chunk, offset)
  }

  override stagedBytes(): Uint8Array {
    return readFileSync(this.#sparePath)
  }

  override activate(): void {
    super.activate()
    this.#close()
    renameSync(this.#sparePath, this.path)
  }

  override runningBytes(): Uint8Array | undefined {
    return this.running === undefined ? undefined : readFileSync(this.path)
  }

  /** Removes a spare slot left over from a failed download. */
  discard(): void {
    this.#close()
    rmSync(this.#sparePath, { force: true })
  }

  #close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }
}
