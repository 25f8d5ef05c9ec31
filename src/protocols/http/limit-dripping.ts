import type { IncomingMessage, ServerResponse } from 'node:http'
import { OtaError } from '../../core/errors.ts'
import type { HttpLimits } from './limits.ts'

/** A request with a body that is still coming in, and its answer. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/**
 * Refuses a body that comes in too slowly: fewer than `bodyProgressBytes` in any `bodyProgressMs`. Whoever reads it gets
 * `OtaError('too-slow')` and answers that as its protocol does; the connection ends with the answer, or at once when
 * nobody reads or the answer was given already. Time in which the server itself keeps the sender waiting does not count.
 */
export function limitDripping({ request, response }: Exchange, limits: HttpLimits): void {
  const { bodyProgressBytes, bodyProgressMs } = limits
  const { socket } = request
  // An injected request (`app.inject`) has no connection that could drip.
  if (bodyProgressMs === 0 || typeof socket?.bytesRead !== 'number') return
  let before = socket.bytesRead
  const look = () => {
    const came = socket.bytesRead - before
    before = socket.bytesRead
    const isWaiting = request.readableLength > 0
    if (request.complete || came >= bodyProgressBytes || isWaiting) return
    stop()
    const error = new OtaError('too-slow', `Fewer than ${bodyProgressBytes} bytes came in ${bodyProgressMs / 1000} s`)
    // The framework's own reader would call it a 400.
    refuse({ request, response }, Object.assign(error, { statusCode: 408 }))
  }
  const timer = setInterval(look, bodyProgressMs)
  timer.unref()
  const stop = () => clearInterval(timer)
  for (const last of ['end', 'close']) request.once(last, stop)
}

function refuse({ request, response }: Exchange, error: OtaError): void {
  const isRead = request.listenerCount('error') > 0 && !response.headersSent
  // The rest of the body would come before the next request.
  response.shouldKeepAlive = false
  if (isRead) request.emit('error', error)
  else request.destroy(error)
}
