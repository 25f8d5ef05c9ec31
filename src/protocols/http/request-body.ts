import type { IncomingMessage } from 'node:http'
import { OtaError } from '../../core/errors.ts'
import { limitsOf } from './request-limits.ts'

export interface RawBodyOptions {
  /** Throws `OtaError('too-large')` once passed, and at once when Content-Length announces more. */
  readonly maxBytes: number
  /** The connection is cut when no byte came for so long. */
  readonly idleTimeoutMs?: number
}

/**
 * The raw bytes of an upload, to be consumed once. A connection that ends before the body is complete throws
 * `OtaError('invalid')`. When it fails or its consumer stops early, the rest is read and thrown away within limits.
 */
export async function* rawBody(request: IncomingMessage, options: RawBodyOptions): AsyncGenerator<Uint8Array> {
  const announced = Number(request.headers['content-length'] ?? 0)
  let received = 0
  const release = limitIdle(request, options.idleTimeoutMs)
  try {
    if (announced > options.maxBytes) throw tooLarge(options.maxBytes)
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      const bytes: Uint8Array = chunk
      received += bytes.length
      if (received > options.maxBytes) throw tooLarge(options.maxBytes)
      yield bytes
    }
  } catch (error) {
    throw uploadError(error)
  } finally {
    release()
    discardRest(request)
  }
}

/** What an error of a request's stream means to the domain: an upload that was not finished. */
export function uploadError(error: unknown): OtaError {
  if (error instanceof OtaError) return error
  return new OtaError('invalid', 'Upload is malformed or was not finished', {
    cause: error,
    details: { field: 'body' },
  })
}

/** Cuts the connection when no byte of a body comes for so long; returns how to stop watching. */
export function limitIdle(
  request: IncomingMessage,
  idleTimeoutMs: number = limitsOf(request).bodyIdleTimeoutMs,
): () => void {
  // An injected request (`app.inject`) has no connection that could stall.
  if (typeof request.setTimeout !== 'function') return () => {}
  const { socket } = request
  const onIdle = () => request.destroy(new Error('Upload stalled'))
  request.setTimeout(idleTimeoutMs, onIdle)
  return () => {
    request.off('timeout', onIdle)
    // A request whose reading failed has let go of its connection.
    socket.setTimeout(0)
  }
}

/**
 * Reads and throws away what is left of a refused upload: a sender that is still writing would otherwise see a reset
 * connection in place of the answer. Past the limits the connection is cut.
 */
export function discardRest(request: IncomingMessage): void {
  if (request.readableEnded || request.destroyed) return
  const { discardBytes, discardMs } = limitsOf(request)
  let left = discardBytes
  const cutOff = setTimeout(() => request.destroy(), discardMs)
  request.on('error', () => {})
  for (const last of ['end', 'close']) request.once(last, () => clearTimeout(cutOff))
  request.unpipe()
  request.on('data', (chunk: Uint8Array) => {
    left -= chunk.length
    if (left < 0) request.destroy()
  })
  request.resume()
}

function tooLarge(limit: number): OtaError {
  return new OtaError('too-large', `Body is larger than ${limit} bytes`, { details: { limit } })
}
