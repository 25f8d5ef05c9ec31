import { CallFailure } from './failures.ts'
import { type Call, call, type Reply, textOf } from './http-call.ts'

/** What is to be installed. [native 3.2] */
export interface WorkModule {
  readonly module: string
  readonly version: string
  readonly size: number
  readonly sha256: string
  readonly url: string
}

/** [native 3.2] */
export interface Answer {
  readonly action: 'none' | 'update' | 'cancel'
  readonly because: string
  readonly retryAfterSeconds: number
  readonly update?: { readonly id: string; readonly version: string; readonly modules: readonly WorkModule[] }
}

/** [native 5.1] */
export interface WireReport {
  readonly id: string
  readonly update: string
  readonly state: 'downloading' | 'downloaded' | 'installing' | 'succeeded' | 'failed' | 'rolled-back' | 'cancelled'
  readonly progress?: number
  readonly reason?: string
  readonly running?: Readonly<Record<string, string>>
}

const IDLE_MS = 30_000

/** The calls of Godwit's own device protocol. Every failure is a `CallFailure`. */
export class Wire {
  readonly #server: string
  readonly #token: string
  #last: { readonly tag: string; readonly answer: Answer } | undefined

  constructor(options: { server: string; token: string }) {
    this.#server = options.server.replace(/\/+$/, '')
    this.#token = options.token
  }

  /** [native 3] [native 3.5] An unchanged answer comes from memory. */
  async check(body: object, signal: AbortSignal): Promise<Answer> {
    const known: Record<string, string> = this.#last ? { 'if-none-match': this.#last.tag } : {}
    const reply = await this.#send({ method: 'POST', path: '/device/v1/check', headers: known, body, signal })
    const text = await textOf(reply)
    if (reply.status === 304 && this.#last)
      return { ...this.#last.answer, retryAfterSeconds: secondsOf(reply) ?? this.#last.answer.retryAfterSeconds }
    if (reply.status !== 200) throw refused('check', reply, text)
    const answer = parseAnswer(text)
    const tag = reply.header('etag')
    this.#last = tag === undefined ? undefined : { tag, answer }
    return answer
  }

  /** [native 5] Resolves when the server has taken all of them. */
  async report(reports: readonly WireReport[], signal: AbortSignal): Promise<void> {
    const reply = await this.#send({ method: 'POST', path: '/device/v1/reports', body: { reports }, signal })
    const text = await textOf(reply)
    if (reply.status !== 200) throw refused('reports', reply, text)
  }

  /** [native 6] Whether there is something new. */
  async wait(seconds: number, hints: { isMetered: boolean }, signal: AbortSignal): Promise<boolean> {
    const path = `/device/v1/wait?timeout=${seconds}${hints.isMetered ? '&metered=true' : ''}`
    const headers: Record<string, string> = this.#last ? { 'if-none-match': this.#last.tag } : {}
    const reply = await this.#send({ method: 'GET', path, headers, idleMs: seconds * 1000 + IDLE_MS, signal })
    const text = await textOf(reply)
    if (reply.status !== 200) throw refused('wait', reply, text)
    return fieldsOf(parseJson(text))['changed'] === true
  }

  /** [native 4] The file from byte `from` on; from the store itself where the server sends there. */
  async fetch(url: string, from: number, signal: AbortSignal): Promise<Reply> {
    const range: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {}
    const ask = (prefer: Record<string, string>) =>
      call({ method: 'GET', url, headers: { ...this.#headers(), ...range, ...prefer }, idleMs: IDLE_MS, signal })
    const reply = await ask({ prefer: 'redirect' })
    const location = reply.status === 302 ? reply.header('location') : undefined
    if (location === undefined || !URL.canParse(location)) return reply
    reply.discard()
    // [native 4.5] The token stays here, and a store that cannot be reached from here is no reason to fail.
    const stored = await call({ method: 'GET', url: location, headers: range, idleMs: IDLE_MS, signal }).catch(
      () => undefined,
    )
    if (stored?.status === 200 || stored?.status === 206) return stored
    stored?.discard()
    return ask({})
  }

  #send(what: {
    method: string
    path: string
    headers?: Record<string, string>
    body?: object
    idleMs?: number
    signal: AbortSignal
  }): Promise<Reply> {
    const content = what.body === undefined ? {} : { 'content-type': 'application/json' }
    const request: Call = {
      method: what.method,
      url: this.#server + what.path,
      headers: { ...this.#headers(), ...content, ...what.headers },
      ...(what.body && { body: JSON.stringify(what.body) }),
      idleMs: what.idleMs ?? IDLE_MS,
      signal: what.signal,
    }
    return call(request)
  }

  #headers(): Record<string, string> {
    return { authorization: `Bearer ${this.#token}`, accept: 'application/json, application/octet-stream' }
  }
}

/** A refusal as the call's failure, with the server's own words and wish. */
export function refused(what: string, reply: Reply, text = ''): CallFailure {
  const problem = fieldsOf(tryJson(text))
  const words = typeof problem['detail'] === 'string' ? `: ${problem['detail']}` : ''
  const retryAfterSeconds = secondsOf(reply)
  return new CallFailure(`${what}: status ${reply.status}${words}`, {
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  })
}

function secondsOf(reply: Reply): number | undefined {
  const text = reply.header('retry-after') ?? ''
  return /^\d{1,7}$/.test(text) ? Number(text) : undefined
}

const USUAL_SECONDS = 300

/** Throws `CallFailure` for what is no answer; an action that nobody knows counts as none. */
export function parseAnswer(text: string): Answer {
  const fields = fieldsOf(parseJson(text))
  const { action, because, retryAfter } = fields
  const common = {
    because: typeof because === 'string' ? because : '',
    retryAfterSeconds: typeof retryAfter === 'number' && retryAfter > 0 ? Math.min(retryAfter, 86_400) : USUAL_SECONDS,
  }
  if (action !== 'update' && action !== 'cancel') {
    if (typeof action !== 'string') throw new CallFailure('the answer makes no sense')
    return { action: 'none', ...common }
  }
  const { id, version, modules } = fieldsOf(fields['update'])
  if (typeof id !== 'string' || !Array.isArray(modules)) throw new CallFailure('the answer makes no sense')
  const update = { id, version: typeof version === 'string' ? version : '', modules: modules.map(parseModule) }
  if (action === 'update' && modules.length === 0) throw new CallFailure('an update without modules')
  return { action, ...common, update }
}

function parseModule(value: unknown): WorkModule {
  const { module, version, size, sha256, url } = fieldsOf(value)
  const isGood =
    typeof module === 'string' &&
    typeof version === 'string' &&
    typeof size === 'number' &&
    Number.isSafeInteger(size) &&
    size >= 0 &&
    typeof sha256 === 'string' &&
    /^[0-9a-f]{64}$/.test(sha256) &&
    typeof url === 'string' &&
    /^https?:\/\//.test(url)
  if (!isGood) throw new CallFailure('a module of the answer makes no sense')
  return { module, version, size, sha256, url }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new CallFailure('the answer is no JSON', { cause: error })
  }
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
