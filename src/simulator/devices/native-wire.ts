import { randomUUID } from 'node:crypto'
import type { HeaderList } from '../wire/http-message.ts'
import type { HttpSession } from '../wire/http-session.ts'
import type { HttpReply, SinkFor, WireFailure } from '../wire/http-socket.ts'
import { jsonObject, objectFields } from './json-fields.ts'

/** [native 3.2] One module's part of an update. */
export interface NativeModule {
  readonly module: string
  readonly version: string
  readonly size: number
  readonly sha256: string
  readonly url: string
}

/** [native 3.2] What a check was answered, as far as a device needs it. */
export type NativeAnswer =
  | { readonly action: 'none'; readonly because: string }
  | { readonly action: 'update'; readonly update: string; readonly version: string; readonly modules: NativeModule[] }
  | { readonly action: 'cancel'; readonly update: string }

export type NativeState =
  | 'downloading'
  | 'downloaded'
  | 'installing'
  | 'succeeded'
  | 'failed'
  | 'rolled-back'
  | 'cancelled'

export type CheckResult =
  | { readonly kind: 'answer'; readonly answer: NativeAnswer }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'failed'; readonly code: number | string; readonly detail: string }

/** The calls of one device, over one kept-alive connection. */
export class NativeWire {
  readonly #session: HttpSession
  readonly #token: string
  #etag: string | undefined

  constructor(session: HttpSession, token: string) {
    this.#session = session
    this.#token = token
  }

  /** [native 3] A second check with nothing new is answered 304. */
  async check(body: object): Promise<CheckResult> {
    const known: HeaderList = this.#etag === undefined ? [] : [['If-None-Match', this.#etag]]
    const reply = await this.#post('/device/v1/check', body, known)
    if (reply.kind === 'wire-failure') return { kind: 'failed', code: reply.fault, detail: reply.detail }
    const { status } = reply.head
    if (status === 304) return { kind: 'unchanged' }
    if (status !== 200) return { kind: 'failed', code: status, detail: `check: status ${status}` }
    const answer = parseAnswer(reply.body)
    if (answer === undefined) return { kind: 'failed', code: 'bad-answer', detail: 'the answer makes no sense' }
    this.#etag = reply.head.headers.find(([name]) => name.toLowerCase() === 'etag')?.[1]
    return { kind: 'answer', answer }
  }

  /** [native 5] Answers the state of the update on the server; undefined when the report did not arrive. */
  async report(report: { update: string; state: NativeState; [more: string]: unknown }): Promise<string | undefined> {
    const body = { reports: [{ id: randomUUID(), ...report }] }
    const reply = await this.#post('/device/v1/reports', body)
    if (reply.kind === 'wire-failure' || reply.head.status !== 200) return undefined
    const results = jsonObject(reply.body)?.get('results')
    const state = Array.isArray(results) ? objectFields(results[0])?.get('state') : undefined
    return typeof state === 'string' ? state : undefined
  }

  /** [native 4] */
  get(path: string, headers: HeaderList, sinkFor: SinkFor): Promise<HttpReply | WireFailure> {
    return this.#session.request(
      { method: 'GET', path, version: 'HTTP/1.1', headers: [...this.#headers(), ...headers] },
      { sinkFor },
    )
  }

  #post(path: string, content: object, headers: HeaderList = []): Promise<HttpReply | WireFailure> {
    const body = Buffer.from(JSON.stringify(content))
    const described: HeaderList = [
      ...this.#headers(),
      ['Content-Type', 'application/json'],
      ['Content-Length', String(body.length)],
      ...headers,
    ]
    return this.#session.request({ method: 'POST', path, version: 'HTTP/1.1', headers: described, body })
  }

  #headers(): HeaderList {
    return [
      ['Host', this.#session.target.hostHeader],
      ['Authorization', `Bearer ${this.#token}`],
    ]
  }
}

/** Undefined when the body is no answer; an action that nobody knows is `none`. */
export function parseAnswer(body: Uint8Array): NativeAnswer | undefined {
  const fields = jsonObject(body)
  const action = fields?.get('action')
  if (fields === undefined || typeof action !== 'string') return undefined
  const update = objectFields(fields.get('update'))
  const id = update?.get('id')
  if (action === 'cancel' && typeof id === 'string') return { action, update: id }
  if (action !== 'update') return { action: 'none', because: String(fields.get('because') ?? '') }
  const listed = update?.get('modules')
  const modules = Array.isArray(listed) ? listed.map(parseModule) : []
  const good = modules.filter((one) => one !== undefined)
  if (typeof id !== 'string' || good.length === 0 || good.length < modules.length) return undefined
  return { action, update: id, version: String(update?.get('version') ?? ''), modules: good }
}

function parseModule(value: unknown): NativeModule | undefined {
  const fields = objectFields(value)
  const [module, version, size, sha256, url] = ['module', 'version', 'size', 'sha256', 'url'].map((name) =>
    fields?.get(name),
  )
  if (typeof module !== 'string' || typeof version !== 'string' || typeof size !== 'number') return undefined
  if (typeof sha256 !== 'string' || typeof url !== 'string') return undefined
  return { module, version, size, sha256, url }
}
