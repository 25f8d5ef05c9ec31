import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { OpenBlob } from '../../core/blobs.ts'
import { OtaError } from '../../core/errors.ts'
import { BufferPool, LARGEST_PIECE } from './buffer-pool.ts'
import { FIRST_CHUNK, nextChunk } from './chunk-size.ts'
import type { AbortReason } from './download-policy.ts'
import type { Flow } from './egress.ts'
import type { ByteRange } from './parse-range.ts'
import type { Segment } from './send-plan.ts'

export interface PumpOptions {
  readonly blob: OpenBlob
  readonly segments: readonly Segment[]
  /** Bytes of all segments. */
  readonly length: number
  /** Says how many bytes may leave, and when. Not ended here. */
  readonly flow: Flow
  /** Writes status and headers; called once, when the first bytes of the file are at hand. */
  readonly writeHead: () => void
  readonly idleTimeoutMs: number
  readonly maxDurationMs: number
}

export type PumpResult =
  | { readonly kind: 'complete'; readonly bytesSent: number }
  | { readonly kind: 'aborted'; readonly bytesSent: number; readonly because: AbortReason; readonly cause?: unknown }

const buffers = new BufferPool()

/**
 * Writes segments of an open blob to a response, one piece at a time, reading on only when the network has taken the
 * last one. A body in memory is written from there, any other through one pooled buffer. Before the head it throws
 * `OtaError('blob-damaged')` when the first bytes cannot be read, and the caller can still answer; after the head every
 * failure closes the connection and comes back as `aborted`. The blob is not closed.
 */
export async function pump(response: ServerResponse, options: PumpOptions): Promise<PumpResult> {
  const wire = new Wire(response, options)
  const source = new Source(options)
  try {
    for (const segment of options.segments) {
      if (segment.kind === 'bytes') await sendBytes(wire, options.flow, segment.bytes)
      else await sendSpan(wire, options.flow, { source, ...segment.range })
      if (wire.broken !== undefined) break
    }
    if (wire.broken === undefined) {
      wire.begin()
      response.end()
    }
  } catch (error) {
    if (!wire.begun && wire.broken === undefined) throw unreadable(error)
    wire.break('read-failed', error)
  } finally {
    wire.release()
    source.release(wire.broken === undefined)
  }
  const { bytesSent } = wire
  return wire.broken === undefined ? { kind: 'complete', bytesSent } : { kind: 'aborted', bytesSent, ...wire.broken }
}

async function sendBytes(wire: Wire, flow: Flow, bytes: Uint8Array): Promise<void> {
  for (let position = 0; position < bytes.length; ) {
    const room = flow.take(bytes.length - position)
    const granted = typeof room === 'number' ? room : await room
    if (wire.broken !== undefined || granted === 0) return
    const sent = await wire.write(bytes.subarray(position, position + granted))
    flow.sent(granted, sent)
    position += granted
  }
}

interface Span extends ByteRange {
  readonly source: Source
}

async function sendSpan(wire: Wire, flow: Flow, { source, start, end }: Span): Promise<void> {
  for (let position = start; position <= end; ) {
    const room = flow.take(Math.min(wire.chunk, source.largest, end - position + 1))
    const granted = typeof room === 'number' ? room : await room
    if (wire.broken !== undefined || granted === 0) return
    const read = source.read(position, granted)
    const piece = read instanceof Promise ? await read : read
    if (wire.broken !== undefined) return
    const sent = await wire.write(piece)
    flow.sent(granted, sent)
    position += piece.length
  }
}

/** Where a body's bytes come from: memory, or the blob by way of a pooled buffer. A piece is good until the next one. */
class Source {
  /** Of one piece. */
  readonly largest: number
  readonly #blob: OpenBlob
  readonly #buffer: Buffer | undefined

  constructor({ blob, length }: PumpOptions) {
    this.#blob = blob
    this.#buffer = blob.memory ? undefined : buffers.acquire(length)
    this.largest = this.#buffer?.length ?? LARGEST_PIECE
  }

  read(position: number, length: number): Uint8Array | Promise<Uint8Array> {
    const { memory } = this.#blob
    return memory ? memory.subarray(position, position + length) : this.#read(position, length)
  }

  release(reusable: boolean): void {
    if (this.#buffer) buffers.release(this.#buffer, reusable)
  }

  async #read(position: number, length: number): Promise<Uint8Array> {
    const view = (this.#buffer ?? Buffer.alloc(0)).subarray(0, length)
    const read = await this.#blob.read(view, position)
    if (read === 0) throw new OtaError('blob-damaged', 'Stored file is shorter than its record')
    return read === length ? view : view.subarray(0, read)
  }
}

function unreadable(error: unknown): OtaError {
  if (error instanceof OtaError) return error
  return new OtaError('blob-damaged', 'Stored file cannot be read', { cause: error })
}

/** The response with its two time limits, and the one place that knows whether it still makes sense to go on. */
class Wire {
  /** Why the rest will never be sent. */
  broken: { because: AbortReason; cause?: unknown } | undefined
  begun = false
  bytesSent = 0
  /** How large the next piece should be at most. */
  chunk = FIRST_CHUNK
  readonly #response: ServerResponse
  readonly #socket: Socket
  readonly #writeHead: () => void
  readonly #flow: Flow
  readonly #deadline: NodeJS.Timeout
  readonly #onClose = () => this.break('client-gone')
  readonly #onIdle = () => this.break('too-slow')
  #pending: (() => void) | undefined

  constructor(response: ServerResponse, options: PumpOptions) {
    this.#response = response
    this.#socket = response.req.socket
    this.#writeHead = options.writeHead
    this.#flow = options.flow
    this.#flow.onStall = () => this.break('too-slow')
    // The socket's own time-out counts a write that is still being taken as activity.
    response.setTimeout(options.idleTimeoutMs, this.#onIdle)
    this.#deadline = setTimeout(() => this.break('too-long'), options.maxDurationMs)
    this.#socket.once('close', this.#onClose)
    if (this.#socket.destroyed) this.break('client-gone')
  }

  begin(): void {
    if (this.begun) return
    this.begun = true
    this.#writeHead()
  }

  /** Resolves when the network has taken the piece, with its length, or with 0 when it never will. The head goes first. */
  write(piece: Uint8Array): Promise<number> {
    this.begin()
    const began = performance.now()
    return new Promise((resolve) => {
      this.#pending = () => resolve(0)
      this.#response.write(piece, (error) => {
        if (error) return this.break('client-gone')
        this.bytesSent += piece.length
        this.#adapt(piece.length, performance.now() - began)
        resolve(piece.length)
      })
    })
  }

  #adapt(bytes: number, ms: number): void {
    const next = nextChunk(bytes, ms)
    // A piece may have been short for reasons of its own.
    this.chunk = next < bytes ? next : Math.max(this.chunk, Math.min(LARGEST_PIECE, next))
  }

  break(because: AbortReason, cause?: unknown): void {
    this.broken ??= cause === undefined ? { because } : { because, cause }
    this.#socket.destroy()
    // Whatever waits, for the network or for its share, goes on to see that it is over.
    this.#pending?.()
    this.#flow.end()
  }

  release(): void {
    clearTimeout(this.#deadline)
    this.#socket.off('close', this.#onClose)
    this.#response.off('timeout', this.#onIdle)
  }
}
