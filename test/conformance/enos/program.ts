import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import type { TestClock } from '../../support/test-server.ts'

// A back-office program as the contract's chapter 2 describes it; it shares no code with the server.

// biome-ignore lint/suspicious/noExplicitAny: tests look at members of what came over the wire
export type Json = any

export interface Reply {
  readonly status: number
  readonly json: Json
  readonly text: string
  readonly headers: Headers
}

export interface HttpRequest {
  readonly method: string
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly payload?: string | Uint8Array
}

export interface SignedCall {
  readonly method?: 'GET' | 'POST'
  /** Default: ota-firmwares. */
  readonly path?: string
  /** Decoded names and values, in the order of the wire. */
  readonly query?: ReadonlyArray<readonly [string, string]>
  readonly body?: string | Uint8Array
  readonly contentType?: string
  /** What the signature covers of the body; default: all of it, nothing for multipart. */
  readonly signedBody?: string | Uint8Array
  readonly timestamp?: number | string
  readonly token?: string
  /** Changes or removes (undefined) headers after signing. */
  readonly headers?: Readonly<Record<string, string | undefined>>
}

export const FIRMWARES = '/connect-service/v2.1/ota-firmwares'
export const JOBS = '/connect-service/v2.1/ota-jobs'
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export function sha256(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}

export interface ProgramOptions {
  /** `http://127.0.0.1:<port>` */
  readonly base: string
  readonly clock: TestClock
  readonly key: string
  readonly secret: string
  readonly orgId: string
}

export class Program {
  readonly options: ProgramOptions
  readonly #memory: { token?: string; lastTimestamp: number }

  constructor(options: ProgramOptions, memory = { lastTimestamp: 0 }) {
    this.options = options
    this.#memory = memory
  }

  /** The same credential and token, calling for another organisation. */
  forOrganisation(orgId: string): Program {
    return new Program({ ...this.options, orgId }, this.#memory)
  }

  /** A call of the token service; `changes` replace fields after the digest was made. */
  async tokenService(
    what: 'get' | 'refresh',
    fields: Readonly<Record<string, unknown>> = {},
    changes: Readonly<Record<string, unknown>> = {},
  ): Promise<Reply> {
    const { key, secret } = this.options
    const timestamp = fields['timestamp'] ?? this.timestamp()
    const encryption = sha256(`${key}${timestamp}${secret}`)
    const payload = JSON.stringify({ appKey: key, encryption, timestamp, ...fields, ...changes })
    const url = `/apim-token-service/v2.0/token/${what}`
    return this.send({ method: 'POST', url, headers: { 'content-type': 'application/json' }, payload })
  }

  /** The program's token; asked for once. */
  async token(): Promise<string> {
    this.#memory.token ??= String((await this.tokenService('get')).json.data.accessToken)
    return this.#memory.token
  }

  async sign(call: SignedCall = {}): Promise<{ url: string; headers: Record<string, string> }> {
    const query = call.query ?? []
    const token = call.token ?? (await this.token())
    const timestamp = String(call.timestamp ?? this.timestamp())
    const isMultipart = call.contentType?.startsWith('multipart/') ?? false
    const signed = call.signedBody ?? (isMultipart ? '' : (call.body ?? ''))
    const parameters = [...query].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => name + value)
    const signature = sha256(token, parameters.join(''), signed, timestamp, this.options.secret)
    const text = query.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')
    const headers: Record<string, string> = {
      'apim-accesstoken': token,
      'apim-timestamp': timestamp,
      'apim-signature': signature,
      ...(call.contentType && { 'content-type': call.contentType }),
    }
    for (const [name, value] of Object.entries(call.headers ?? {}))
      if (value === undefined) delete headers[name]
      else headers[name] = value
    return { url: `${call.path ?? FIRMWARES}?${text}`, headers }
  }

  /** One signed call. */
  async call(call: SignedCall): Promise<Reply> {
    const { url, headers } = await this.sign(call)
    const method = call.method ?? (call.body === undefined ? 'GET' : 'POST')
    const payload = call.body === undefined ? {} : { payload: call.body }
    return this.send({ method, url, headers, ...payload })
  }

  /** `action` on this program's organisation; parameters without a value are left out. */
  action(
    action: string | undefined,
    parameters: Readonly<Record<string, string | undefined>> = {},
    rest: Omit<SignedCall, 'query'> = {},
  ): Promise<Reply> {
    const all = { action, orgId: this.options.orgId, ...parameters }
    const query = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]))
    return this.call({ ...rest, query })
  }

  search(action: string, body?: object, path?: string): Promise<Reply> {
    return this.action(
      action,
      {},
      {
        method: 'POST',
        ...(path && { path }),
        ...(body && { body: JSON.stringify(body), contentType: 'application/json' }),
      },
    )
  }

  /** Never the same twice: the same signature again would be a replay. */
  timestamp(): number {
    this.#memory.lastTimestamp = Math.max(this.options.clock.now(), this.#memory.lastTimestamp + 1)
    return this.#memory.lastTimestamp
  }

  async send({ method, url, headers = {}, payload }: HttpRequest): Promise<Reply> {
    const body = payload === undefined ? undefined : new Uint8Array(Buffer.from(payload as string))
    const reply = await fetch(this.options.base + url, { method, headers, ...(body && { body }) })
    const text = await reply.text()
    // [enos 2.5] the core SDK reacts to this key by rewriting its tokens
    expect(text).not.toContain('apim_status')
    const isJson = reply.headers.get('content-type')?.startsWith('application/json')
    return { status: reply.status, text, headers: reply.headers, json: isJson ? JSON.parse(text) : undefined }
  }
}

/** What every business reply must look like; answers its data. */
export function expectOk(reply: Reply): Json {
  expect(reply.json).toMatchObject({ code: 0, msg: 'OK' })
  expect(Object.keys(reply.json)).toEqual(['code', 'msg', 'requestId', 'data'])
  expect(reply.json.requestId).toMatch(UUID)
  expect(reply.status).toBe(200)
  return reply.json.data
}

export function expectRefused(reply: Reply, code: number, message?: string): void {
  expect(reply.json).toMatchObject({ code, ...(message !== undefined && { msg: message }) })
  expect(Object.keys(reply.json)).toEqual(['code', 'msg', 'requestId', 'data'])
  expect(reply.json.requestId).toMatch(UUID)
  expect(reply.json.data).toBeNull()
  expect(reply.status).toBe(200)
}
