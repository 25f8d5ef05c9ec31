import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import type { WebhookAnswer, WebhookRequest, WebhookSender } from '../../core/webhook/webhook-sender.ts'
import { isPrivateAddress } from './private-address.ts'

export interface HttpWebhookSenderOptions {
  /** Also to loopback, private and link-local addresses. */
  readonly allowPrivate: boolean
  /** Godwit's version, for the receiver's log. */
  readonly version: string
  /** All addresses of a name; the system's resolver unless given. */
  readonly resolve?: (host: string) => Promise<readonly LookupAddress[]>
}

/** So much of an answer's body is read, so that the connection can serve the next delivery; a longer one ends it. */
const DRAINED_BYTES = 64 * 1024
const PRIVATE = 'the address is private or local, which this server does not send to (webhooks.allowPrivate)'

/**
 * Sends deliveries over HTTP. A name is looked up for each one, every address that it has is checked, and the connection
 * goes to one of those that were checked: a name that changes in between leads nowhere else.
 */
export class HttpWebhookSender implements WebhookSender {
  readonly #allowPrivate: boolean
  readonly #userAgent: string
  readonly #resolve: NonNullable<HttpWebhookSenderOptions['resolve']>
  readonly #agents = {
    http: new HttpAgent({ keepAlive: true, maxFreeSockets: 64, timeout: 60_000 }),
    https: new HttpsAgent({ keepAlive: true, maxFreeSockets: 64, timeout: 60_000 }),
  }

  constructor({ allowPrivate, version, resolve }: HttpWebhookSenderOptions) {
    this.#allowPrivate = allowPrivate
    this.#userAgent = `Godwit/${version} (webhooks)`
    this.#resolve = resolve ?? ((host) => lookup(host, { all: true }))
  }

  refusalOf(url: URL): string | undefined {
    const host = hostOf(url)
    return !this.#allowPrivate && isIP(host) !== 0 && isPrivateAddress(host) ? PRIVATE : undefined
  }

  async send(request: WebhookRequest): Promise<WebhookAnswer> {
    const signal = AbortSignal.timeout(request.timeoutMs)
    try {
      const url = new URL(request.url)
      const addresses = await Promise.race([this.#addressesOf(url), aborted(signal)])
      if (addresses === 'private') return { kind: 'failed', reason: PRIVATE }
      const response = await this.#post(url, { request, addresses, signal })
      await drained(response)
      return answerOf(response)
    } catch (error) {
      const seconds = request.timeoutMs / 1000
      return { kind: 'failed', reason: signal.aborted ? `it did not answer within ${seconds} s` : reasonOf(error) }
    }
  }

  /** Closes the connections that are kept for the next delivery. */
  close(): void {
    this.#agents.http.destroy()
    this.#agents.https.destroy()
  }

  async #addressesOf(url: URL): Promise<readonly LookupAddress[] | 'private'> {
    const host = hostOf(url)
    const family = isIP(host)
    const addresses = family === 0 ? await this.#resolve(host) : [{ address: host, family }]
    if (!this.#allowPrivate && addresses.some(({ address }) => isPrivateAddress(address))) return 'private'
    return addresses
  }

  async #post(url: URL, how: Posting): Promise<IncomingMessage> {
    for (;;) {
      const sent = this.#begin(url, how)
      try {
        return await sent.answer
      } catch (error) {
        // The receiver had closed a connection that was kept: nothing of this request has reached it.
        if (!(sent.isReused() && codeOf(error) === 'ECONNRESET' && !how.signal.aborted)) throw error
      }
    }
  }

  #begin(url: URL, { request, addresses, signal }: Posting): { answer: Promise<IncomingMessage>; isReused(): boolean } {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const options: RequestOptions = {
      method: 'POST',
      signal,
      headers: {
        ...request.headers,
        'content-length': String(Buffer.byteLength(request.body)),
        'user-agent': this.#userAgent,
      },
      lookup: (_host, { all }, done) => {
        const [first] = addresses
        if (first === undefined) done(Object.assign(new Error('no address'), { code: 'ENOTFOUND' }), '', 4)
        else if (all) done(null, [...addresses])
        else done(null, first.address, first.family)
      },
    }
    const sent =
      url.protocol === 'https:'
        ? httpsRequest(url, { ...options, agent: this.#agents.https })
        : httpRequest(url, { ...options, agent: this.#agents.http })
    sent.on('response', resolve)
    sent.on('error', reject)
    sent.end(request.body)
    return { answer: promise, isReused: () => sent.reusedSocket }
  }
}

interface Posting {
  readonly request: WebhookRequest
  readonly addresses: readonly LookupAddress[]
  readonly signal: AbortSignal
}

/** Without the brackets of an IPv6 address. */
function hostOf({ hostname }: URL): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}

/** The body is read only to be rid of it; one that breaks off or does not end in time is no failure. */
function drained(response: IncomingMessage): Promise<void> {
  let read = 0
  response.on('data', (chunk: Buffer) => {
    read += chunk.length
    if (read > DRAINED_BYTES) response.destroy()
  })
  return new Promise((resolve) => {
    response.on('error', () => {})
    response.on('close', resolve)
  })
}

function answerOf(response: IncomingMessage): WebhookAnswer {
  const retryAfterSeconds = secondsOf(response.headers['retry-after'])
  return {
    kind: 'answered',
    status: response.statusCode ?? 0,
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  }
}

/** `Retry-After`: seconds, or a date. */
function secondsOf(header: string | undefined): number | undefined {
  if (header === undefined) return undefined
  const seconds = /^\d{1,9}$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000
  return Number.isFinite(seconds) && seconds > 0 ? Math.ceil(seconds) : undefined
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was closed before it answered',
  ENOTFOUND: 'the name of the host is not known',
  EAI_AGAIN: 'the name of the host could not be looked up',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network of the host cannot be reached',
  EPROTO: 'it does not speak TLS',
  HPE_INVALID_CONSTANT: 'it does not speak HTTP',
}

/** A sentence with a code at most: messages of errors may hold the address with its secrets. */
function reasonOf(error: unknown): string {
  const inner = error instanceof AggregateError ? error.errors[0] : error
  const code = codeOf(inner) || codeOf(error)
  return REASONS[code] ?? `it could not be reached${code === '' ? '' : ` (${code})`}`
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
