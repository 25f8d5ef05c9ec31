import type { SimulatorClock } from '../clock.ts'
import type { HeaderList } from '../wire/http-message.ts'
import type { HttpSession } from '../wire/http-session.ts'
import type { HttpReply, SinkFor, WireFailure } from '../wire/http-socket.ts'

export interface SpokeZoneCredentials {
  /** The initial token; renewal always sends this one, never a later one. */
  readonly token: string
  /** Both together make renewal possible. */
  readonly cpuId?: string
  readonly uuid?: string
}

/** [spoke-zone 5] transport errors, 429 and 5xx are repeated after these waits, in milliseconds. */
export const SDK_RETRY_SCHEDULE_MS: readonly number[] = [15_000, 30_000, 60_000]

const RENEW_WHEN_LEFT_MS = 12 * 60 * 60 * 1000

export interface SpokeZoneClientOptions {
  readonly credentials: SpokeZoneCredentials
  readonly session: HttpSession
  readonly clock: SimulatorClock
  readonly retryScheduleMs: readonly number[]
  /** The SDK logs in at start; devices with HTTP code of their own need not. */
  readonly loginAtStart: boolean
}

/** A Spoke.Zone client's token and retries; every call answers with the last reply or failure. */
export class SpokeZoneClient {
  readonly #options: SpokeZoneClientOptions
  #token: string | undefined
  #started = false
  /** Renewals asked for so far. */
  logins = 0

  constructor(options: SpokeZoneClientOptions) {
    this.#options = options
    this.#token = options.credentials.token
  }

  /** The token in use; undefined after a 401 whose renewal failed. */
  get token(): string | undefined {
    return this.#token
  }

  async get(path: string, extra: HeaderList = [], sinkFor?: SinkFor): Promise<HttpReply | WireFailure> {
    const refused = await this.#freshen()
    if (refused !== undefined) return refused
    const reply = await this.#retried(() => this.#get(path, extra, sinkFor))
    if (reply.kind !== 'reply' || reply.head.status !== 401 || !this.#canRenew) return reply
    // [spoke-zone 5] the token is dropped, one login, the request once more; a second 401 is final
    this.#token = undefined
    const login = await this.#login()
    if (this.#token === undefined) return login
    return this.#retried(() => this.#get(path, extra, sinkFor))
  }

  get #canRenew(): boolean {
    const { cpuId, uuid } = this.#options.credentials
    return cpuId !== undefined && uuid !== undefined
  }

  /** Renews before a request: at start where wanted, and when 12 hours or less are left. */
  async #freshen(): Promise<HttpReply | WireFailure | undefined> {
    if (!this.#canRenew) return undefined
    const atStart = !this.#started && this.#options.loginAtStart
    this.#started = true
    const expiry = this.#token === undefined ? undefined : expiryOf(this.#token)
    const soon = expiry !== undefined && expiry - this.#options.clock.now() <= RENEW_WHEN_LEFT_MS
    if (!atStart && !soon && this.#token !== undefined) return undefined
    const login = await this.#login()
    return login.kind === 'reply' && login.head.status < 400 ? undefined : login
  }

  /** [spoke-zone 2] 201 brings a new token; 200 says that the initial one still serves. */
  async #login(): Promise<HttpReply | WireFailure> {
    const { token, cpuId = '', uuid = '' } = this.#options.credentials
    const body = Buffer.from(JSON.stringify({ token, cpu_id: cpuId, uuid }))
    const { session } = this.#options
    const reply = await this.#retried(() => {
      this.logins += 1
      return session.request({
        method: 'POST',
        path: `${session.target.prefix}/loginDevice`,
        version: 'HTTP/1.1',
        headers: [
          ['Host', session.target.hostHeader],
          ['Content-Type', 'application/json'],
          ['Content-Length', String(body.length)],
        ],
        body,
      })
    })
    if (reply.kind === 'reply' && reply.head.status === 201) this.#token = tokenIn(reply.body)
    else if (reply.kind === 'reply' && reply.head.status === 200) this.#token = token
    return reply
  }

  #get(path: string, extra: HeaderList, sinkFor: SinkFor | undefined): Promise<HttpReply | WireFailure> {
    const { session } = this.#options
    return session.request(
      {
        method: 'GET',
        path: `${session.target.prefix}${path}`,
        version: 'HTTP/1.1',
        headers: [['Host', session.target.hostHeader], ['x-access-token', this.#token ?? ''], ...extra],
      },
      sinkFor === undefined ? {} : { sinkFor },
    )
  }

  async #retried(attempt: () => Promise<HttpReply | WireFailure>): Promise<HttpReply | WireFailure> {
    let reply = await attempt()
    for (const wait of this.#options.retryScheduleMs) {
      if (!isWorthRetrying(reply)) return reply
      await this.#options.clock.sleep(wait)
      reply = await attempt()
    }
    return reply
  }
}

/** `exp` of a token in milliseconds, read without any check, as clients do. */
export function expiryOf(token: string): number | undefined {
  try {
    const payload: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
    if (typeof payload !== 'object' || payload === null || !('exp' in payload)) return undefined
    return typeof payload.exp === 'number' ? payload.exp * 1000 : undefined
  } catch {
    return undefined
  }
}

function tokenIn(body: Uint8Array): string | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString('utf8'))
    if (typeof value !== 'object' || value === null || !('token' in value)) return undefined
    return typeof value.token === 'string' ? value.token : undefined
  } catch {
    return undefined
  }
}

/** A body that breaks off is the caller's to resume; all other broken transport is repeated. */
function isWorthRetrying(reply: HttpReply | WireFailure): boolean {
  if (reply.kind === 'reply') return reply.head.status === 429 || reply.head.status >= 500
  return reply.fault === 'connect' || reply.fault === 'head-timeout' || reply.fault === 'closed-before-head'
}
