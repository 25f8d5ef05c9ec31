import { setTimeout as delay } from 'node:timers/promises'
import type { OpenBlob } from '../../../core/blobs.ts'
import { blobDamaged, blobMissing } from '../blob-errors.ts'
import { NetworkChunks } from './network-chunks.ts'
import type { S3Body, S3Bucket, S3Span } from './s3-bucket.ts'
import { s3Failed } from './s3-failure.ts'

export interface S3Source {
  readonly bucket: S3Bucket
  readonly key: string
  readonly sha256: string
  readonly size: number
  readonly etag: string
  /** Tries in a row that brought no byte, before a read fails. */
  readonly attempts: number
}

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 2_000

/** An answer from which bytes are being taken, and where in the object it stands. */
interface Current {
  readonly body: S3Body
  readonly chunks: AsyncIterator<Uint8Array>
  readonly memory: NetworkChunks
  /** Came with the last chunk and was not asked for yet. */
  rest: Uint8Array
  position: number
}

/**
 * An object as an open body. It is read as one answer for as long as reads follow each other; when the connection
 * breaks, a new answer goes on from the same byte, of the same object alone. Reads take turns.
 */
export class S3Reader implements OpenBlob {
  readonly size: number
  readonly #source: S3Source
  /** Nothing beyond it is likely to be asked for. */
  readonly #likely: number
  #current: Current | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #closed = false

  /** `begun`: an answer that starts at `span.start`, if there is one already. */
  constructor(source: S3Source, begun?: { readonly body: S3Body; readonly span: S3Span }) {
    this.#source = source
    this.size = source.size
    this.#likely = begun?.span.end ?? source.size - 1
    if (begun !== undefined) this.#take(begun.body, begun.span.start)
  }

  read(buffer: Uint8Array, position: number): Promise<number> {
    const reading = this.#turn.then(() => this.#read(buffer, position))
    this.#turn = reading.catch(() => undefined)
    return reading
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#drop()
  }

  async #read(buffer: Uint8Array, position: number): Promise<number> {
    if (buffer.length === 0 || position >= this.size) return 0
    for (let attempt = 1; ; attempt += 1) {
      if (this.#closed) throw s3Failed('reading', new Error('closed'))
      try {
        const read = await this.#next(buffer, position)
        if (read > 0) return read
        if (attempt >= this.#source.attempts) throw blobDamaged(this.#source.sha256, 'it ends early in the store')
      } catch (error) {
        this.#drop()
        // What the SDK has tried again itself, or an object that is gone or another, is not asked for again.
        if (attempt >= this.#source.attempts || !isBroken(error)) throw s3Failed('reading', error)
      }
      await delay(Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS))
    }
  }

  /** Takes what comes next at `position`; 0 when the answer has ended there. */
  async #next(buffer: Uint8Array, position: number): Promise<number> {
    if (this.#current?.position !== position) await this.#seek(position)
    const current = this.#current
    if (current === undefined) return 0
    if (current.rest.length === 0) {
      const { done, value } = await current.chunks.next()
      if (done) {
        this.#drop()
        return 0
      }
      current.memory.next(value)
      current.rest = value
    }
    const taken = current.rest.subarray(0, buffer.length)
    buffer.set(taken)
    current.rest = current.rest.subarray(taken.length)
    current.position += taken.length
    return taken.length
  }

  async #seek(position: number): Promise<void> {
    this.#drop()
    const { bucket, key, sha256, size, etag } = this.#source
    const end = position <= this.#likely ? this.#likely : size - 1
    const body = await bucket.get(key, { span: { start: position, end }, ...(etag !== '' && { etag }) })
    if (body === undefined) throw blobMissing(sha256)
    if (this.#closed) return body.abort()
    this.#take(body, position)
  }

  #take(body: S3Body, position: number): void {
    const { stream } = body
    const [memory, rest] = [new NetworkChunks(stream), new Uint8Array(0)]
    this.#current = { body, chunks: stream[Symbol.asyncIterator](), memory, rest, position }
  }

  #drop(): void {
    this.#current?.body.abort()
    this.#current = undefined
  }
}

/** A connection that broke in the middle of an answer, as Node.js says it. */
function isBroken(error: unknown): boolean {
  return error instanceof Error && !('$metadata' in error) && error.name !== 'OtaError'
}
