import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { pipeline } from 'node:stream/promises'
import { CommandFailure } from '../exit.ts'

export interface WireRequest {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** Whole, or in pieces; pieces are sent as they come, so that a file never stands in memory. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>
}

export interface WireAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Must be read to its end or destroyed. */
  readonly body: IncomingMessage
}

/** Longest silence of the server, ms. */
const SILENCE_MS = 300_000

const agents = {
  'http:': new HttpAgent({ keepAlive: true }),
  'https:': new HttpsAgent({ keepAlive: true }),
}

/**
 * Sends one request and resolves with the head of its answer, also when that comes before the body is sent whole (a
 * refusal). Throws `CommandFailure` with a sentence when the server cannot be reached.
 */
export function sendRequest(wire: WireRequest): Promise<WireAnswer> {
  const { url } = wire
  const isTls = url.protocol === 'https:'
  const options = { method: wire.method, headers: wire.headers, timeout: SILENCE_MS }
  return new Promise((resolve, reject) => {
    let isAnswered = false
    const request = isTls
      ? httpsRequest(url, { ...options, agent: agents['https:'] })
      : httpRequest(url, { ...options, agent: agents['http:'] })
    const fail = (error: unknown) => {
      if (!isAnswered) reject(unreachable(url, error))
    }
    request.on('response', (answer) => {
      isAnswered = true
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: answer })
    })
    request.on('timeout', () => request.destroy(new Error(`it was silent for ${SILENCE_MS / 1000} s`)))
    request.on('error', fail)
    if (wire.body === undefined) request.end()
    else if (wire.body instanceof Uint8Array) request.end(wire.body)
    // A server that refuses early closes while we still write; the answer tells more than the broken pipe.
    else pipeline(wire.body, request).catch((error: unknown) => setTimeout(fail, 100, error))
  })
}

function unreachable(url: URL, error: unknown): CommandFailure {
  if (error instanceof CommandFailure) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const sentence = SENTENCES[code]?.(url) ?? `${url.origin} cannot be reached: ${messageOf(error)}`
  return new CommandFailure(sentence, undefined, { cause: error })
}

const SENTENCES: Readonly<Record<string, (url: URL) => string>> = {
  ECONNREFUSED: (url) =>
    `nothing answers at ${url.origin}; is the server running? Name another with --server or GODWIT_SERVER.`,
  ENOTFOUND: (url) => `the name ${url.hostname} is not known; check --server or GODWIT_SERVER.`,
  ECONNRESET: (url) => `${url.origin} closed the connection before it answered.`,
  EPROTO: (url) => `${url.origin} does not speak TLS; write http:// if it is meant to be reached in clear.`,
  DEPTH_ZERO_SELF_SIGNED_CERT: (url) =>
    `${url.origin} shows a certificate that nobody known has signed; name its file in NODE_EXTRA_CA_CERTS.`,
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
