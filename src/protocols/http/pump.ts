import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { OpenBlob } from '../../core/blobs.ts'
import { OtaError } from '../../core/errors.ts'
import { BufferPool } from './buffer-pool.ts'
import type { AbortReason } from './download-policy.ts'
import type { Segment } from './send-plan.ts'

export interface PumpOptions {
  readonly blob: OpenBlob
  readonly segments: readonly Segment[]
  /** Bytes of all segments. */
  readonly length: number
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
 * Writes segments of an open blob to a response, one pooled buffer at a time, reading on only when the network has
 * taken the last one. Before the head it throws `OtaError('blob-damaged')` when the first bytes cannot be read, and the
 * caller can still answer; after the head every failure closes the connection and comes back as `aborted`.
 * The blob is not closed.
 */
export async function pump(response: ServerResponse, options: PumpOptions): Promise<PumpResult> {
  const wire = new Wire(response, options)
  const buffer = buffers.acquire(options.length)
  let bytesSent = 0
  try {
    for await (const chunk of chunks(options, buffer)) {
      if (wire.broken !== undefined) break
      wire.begin()
      if (!(await wire.write(chunk))) break
      bytesSent += chunk.length
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
    buffers.release(buffer, wire.broken === undefined)
  }
  return wire.broken === undefined ? { kind: 'complete', bytesSent } : { kind: 'aborted', bytesSent, ...wire.broken }
}

/** Yields each segment in turn, those of the file through `buffer`: use a chunk before asking for the next. */
async function* chunks(options: PumpOptions, buffer: Buffer): AsyncGenerator<Uint8Array> {
  for (const segment of options.segments) {
    if (segment.kind === 'bytes') {
      yield segment.bytes
      continue
    }
    const { start, end } = segment.range
    for (let position = start; position <= end; ) {
      const view = buffer.subarray(0, Math.min(buffer.length, end - position + 1))
      const read = await options.blob.read(view, position)
      if (read === 0) throw new OtaError('blob-damaged', 'Stored file is shorter than its record')
      position += read
      yield read === view.length ? view : view.subarray(0, read)
    }
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
  readonly #response: ServerResponse
  readonly #socket: Socket
  readonly #writeHead: () => void
  readonly #deadline: NodeJS.Timeout
  readonly #onClose = () => this.break('client-gone')
  readonly #onIdle = () => this.break('too-slow')
  #pending: ((written: boolean) => void) | undefined

  constructor(response: ServerResponse, options: PumpOptions) {
    this.#response = response
    this.#socket = response.req.socket
    this.#writeHead = options.writeHead
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

  /** Resolves when the network has taken the chunk, or false when it never will. */
  write(chunk: Uint8Array): Promise<boolean> {
    return new Promise((resolve) => {
      this.#pending = resolve
      this.#response.write(chunk, (error) => {
        if (error) this.break('client-gone')
        else resolve(true)
      })
    })
  }

  break(because: AbortReason, cause?: unknown): void {
    this.broken ??= cause === undefined ? { because } : { because, cause }
    this.#socket.destroy()
    this.#pending?.(false)
  }

  release(): void {
    clearTimeout(this.#deadline)
    this.#socket.off('close', this.#onClose)
    this.#response.off('timeout', this.#onIdle)
  }
}
