import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** An error of the HTTP parser, before there is a request. `code` is Node's (`HPE_INVALID_METHOD`, ...). */
export interface ClientError extends Error {
  readonly code?: string
}

export interface ClientErrorOptions {
  /** Counts each one, by code: a metric. */
  readonly count: (code: string) => void
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Gets at most one line a minute, with code and count; never what the peer sent. */
  readonly debug: (facts: { readonly code: string; readonly since: number }, message: string) => void
}

export interface ClientErrors {
  /** Fastify's `clientErrorHandler` option. */
  readonly handler: (error: ClientError, socket: Socket) => void
}

const STATUS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}
/** Codes of the parser and its time-outs; all others (ECONNRESET, EPIPE, ...) mean that the peer is gone. */
const PARSER = /^(HPE_|ERR_HTTP_)/
const LINE_EVERY_MS = 60_000

/** Node notes there which answer a connection is about to get, and forgets it with the answer's last byte. */
type AnsweringSocket = Socket & { readonly _httpMessage?: ServerResponse | null }

/**
 * Answers what is not HTTP: a bare 400 (431 when the header is too large, 408 when it took too long) if the peer can
 * still be written to, then the end of the connection. [iotaap 4.3] Devices send raw MQTT here, and the packet holds
 * their names: it is never logged.
 */
export function createClientErrors(options: ClientErrorOptions): ClientErrors {
  let lastLine = Number.NEGATIVE_INFINITY
  let since = 0
  const report = (code: string): void => {
    options.count(code)
    since += 1
    if (Math.abs(options.now() - lastLine) < LINE_EVERY_MS) return
    options.debug({ code, since }, 'Connections closed for what is not HTTP')
    lastLine = options.now()
    since = 0
  }
  return {
    handler(error, socket) {
      const code = error.code ?? 'unknown'
      if (!PARSER.test(code) || socket.destroyed) {
        socket.destroy()
        return
      }
      report(code)
      const response = (socket as AnsweringSocket)._httpMessage
      const isMidAnswer = response?.headersSent === true && !response.writableFinished
      if (!socket.writable || isMidAnswer) {
        socket.destroy()
        return
      }
      socket.end(`HTTP/1.1 ${STATUS[code] ?? '400 Bad Request'}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
      socket.destroySoon()
    },
  }
}
