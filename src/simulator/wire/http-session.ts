import type { HttpRequest } from './http-message.ts'
import { headerOf } from './http-message.ts'
import { type ExchangeOptions, exchange, type HttpReply, HttpSocket, type WireFailure } from './http-socket.ts'
import type { HttpTarget } from './http-target.ts'

/** How long a device waits, in milliseconds of silence. */
export interface HttpTimeouts {
  readonly connectMs: number
  readonly headMs: number
  readonly bodyMs: number
}

export const DEFAULT_TIMEOUTS: HttpTimeouts = { connectMs: 10_000, headMs: 30_000, bodyMs: 30_000 }

/**
 * One kept-alive connection to one server, as ordinary HTTP libraries keep it: reopened when it is gone, and a
 * request that dies on a reused connection before any reply is sent once more on a fresh one.
 */
export class HttpSession {
  readonly target: HttpTarget
  readonly #timeouts: HttpTimeouts
  #socket: HttpSocket | undefined

  constructor(target: HttpTarget, timeouts: HttpTimeouts = DEFAULT_TIMEOUTS) {
    this.target = target
    this.#timeouts = timeouts
  }

  async request(
    request: HttpRequest,
    options: Pick<ExchangeOptions, 'sinkFor' | 'maxBodyBytes'> = {},
  ): Promise<HttpReply | WireFailure> {
    const reused = this.#socket !== undefined && !this.#socket.serverEnded
    const reply = await this.#once(request, options)
    const stale = reply.kind === 'wire-failure' && reply.fault === 'closed-before-head'
    return reused && stale ? this.#once(request, options) : reply
  }

  close(): void {
    this.#socket?.close()
    this.#socket = undefined
  }

  async #once(
    request: HttpRequest,
    options: Pick<ExchangeOptions, 'sinkFor' | 'maxBodyBytes'>,
  ): Promise<HttpReply | WireFailure> {
    if (this.#socket?.serverEnded === true) this.close()
    if (this.#socket === undefined) {
      const opened = await HttpSocket.open(this.target, this.#timeouts.connectMs)
      if ('kind' in opened) return opened
      this.#socket = opened
    }
    const { headMs, bodyMs } = this.#timeouts
    const reply = await exchange(this.#socket, request, { headTimeoutMs: headMs, bodyTimeoutMs: bodyMs, ...options })
    if (reply.kind === 'wire-failure' || !mayStayOpen(request, reply)) this.close()
    return reply
  }
}

function mayStayOpen(request: HttpRequest, reply: HttpReply): boolean {
  if (request.version === 'HTTP/1.0' || reply.head.version === 'HTTP/1.0') return false
  if (reply.framing.kind === 'until-close') return false
  return !/\bclose\b/i.test(headerOf(reply.head, 'connection') ?? '')
}
