import { createHash, randomBytes } from 'node:crypto'
import { type SimulatorClock, systemClock } from '../clock.ts'
import { DEFAULT_TIMEOUTS, HttpSession } from '../wire/http-session.ts'
import type { HttpReply, WireFailure } from '../wire/http-socket.ts'
import { httpTarget, type TlsTrust } from '../wire/http-target.ts'
import { encryptionOf, type Query, signatureOf } from './enos-signing.ts'
import { jsonObject, objectFields } from './json-fields.ts'

export interface EnosBackofficeOptions {
  readonly url: string
  readonly appKey: string
  readonly appSecret: string
  readonly orgId: string
  readonly tls?: TlsTrust
  readonly clock?: SimulatorClock
}

/** The envelope of a business reply, or what stood in its place. */
export type EnosReply =
  | { readonly kind: 'ok'; readonly data: unknown; readonly requestId: string; readonly status: number }
  | { readonly kind: 'refused'; readonly code: number; readonly message: string; readonly status: number }
  | { readonly kind: 'broken'; readonly detail: string }

export type EnosToken =
  | { readonly kind: 'token'; readonly accessToken: string; readonly expire: number }
  | { readonly kind: 'refused'; readonly status: number; readonly message: string }
  | { readonly kind: 'broken'; readonly detail: string }

export interface EnosCall {
  readonly api: 'ota-firmwares' | 'ota-jobs'
  readonly action: string
  /** Beyond `action` and `orgId`. */
  readonly query?: Query
  readonly method?: 'GET' | 'POST'
  /** Sent as JSON. */
  readonly body?: unknown
}

export interface EnosFirmwareUpload {
  readonly name: string
  readonly version: string
  readonly file: Uint8Array
  readonly fileName?: string
  readonly productKey?: string
  readonly enableVerification?: boolean
  readonly signMethod?: 'md5' | 'sha256'
}

/** What a program says of a new job, as the vendor's samples write it. */
export type EnosJob =
  | {
      readonly type: 'upgrade'
      readonly upgradeScope: EnosUpgradeScope
      readonly upgradePolicy: 'snapshot' | 'incremental'
      readonly enableUpgradeRequest: boolean
      readonly name?: { readonly defaultValue: string; readonly i18nValue: Readonly<Record<string, string>> }
      readonly upgradeTimeout?: number | string
      readonly retryPolicy?: object
      readonly schedulePolicy?: object
      readonly maximumConcurrency?: number | string
    }
  | { readonly type: 'verify'; readonly upgradeScope: EnosUpgradeScope; readonly upgradeTimeout?: number | string }

export interface EnosUpgradeScope {
  readonly type: 'total' | 'partial'
  readonly versionNumbers?: readonly string[]
  readonly deviceKeys?: readonly string[]
  readonly attributes?: Readonly<Record<string, readonly unknown[]>>
  readonly tags?: Readonly<Record<string, readonly string[]>>
}

/** A back-office program: token service and signed calls, as written in the vendor's documents. */
export class EnosBackoffice {
  readonly #options: EnosBackofficeOptions
  readonly #session: HttpSession
  readonly #clock: SimulatorClock
  #token: { readonly accessToken: string; readonly goodUntil: number } | undefined
  #lastTimestamp = 0

  constructor(options: EnosBackofficeOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#session = new HttpSession(httpTarget(options.url, options.tls), DEFAULT_TIMEOUTS)
  }

  close(): void {
    this.#session.close()
  }

  /** [enos 2.2] while a token lives, the service answers with the same one. */
  getToken(): Promise<EnosToken> {
    return this.#askToken('get', {})
  }

  refreshToken(accessToken: string): Promise<EnosToken> {
    return this.#askToken('refresh', { accessToken })
  }

  /** One signed call; an expired token is replaced once. */
  async call(call: EnosCall): Promise<EnosReply> {
    const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body))
    return this.#signed(call, body === undefined ? undefined : { bytes: body, type: 'application/json', signed: true })
  }

  getFirmware(firmwareId: string): Promise<EnosReply> {
    return this.call({ api: 'ota-firmwares', action: 'get', query: [['firmwareId', firmwareId]] })
  }

  /** [enos 3.4] multipart upload: the signature covers the query only. */
  createFirmware(upload: EnosFirmwareUpload): Promise<EnosReply> {
    const signMethod = upload.signMethod ?? 'sha256'
    const metadata = {
      name: { defaultValue: upload.name, i18nValue: {} },
      version: upload.version,
      signMethod,
      sign: createHash(signMethod).update(upload.file).digest('hex'),
      enableVerification: upload.enableVerification ?? false,
    }
    const boundary = `----${randomBytes(12).toString('hex')}`
    const bytes = Buffer.concat([
      Buffer.from(
        `--${boundary}\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n${JSON.stringify(metadata)}\r\n` +
          `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${upload.fileName ?? 'firmware.bin'}"\r\n` +
          'Content-Type: application/octet-stream\r\n\r\n',
      ),
      upload.file,
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ])
    const query: Query = upload.productKey === undefined ? [] : [['productKey', upload.productKey]]
    return this.#signed(
      { api: 'ota-firmwares', action: 'create', query, method: 'POST' },
      { bytes, type: `multipart/form-data; boundary=${boundary}`, signed: false },
    )
  }

  /** [enos 3.5] a job is born stopped; see {@link startJob}. */
  async createJob(firmwareId: string, job: EnosJob): Promise<EnosReply> {
    return this.#jobCall('create', [['firmwareId', firmwareId]], job)
  }

  startJob(jobId: string): Promise<EnosReply> {
    return this.#jobCall('start', [['jobId', jobId]])
  }

  stopJob(jobId: string): Promise<EnosReply> {
    return this.#jobCall('stop', [['jobId', jobId]])
  }

  deleteJob(jobId: string): Promise<EnosReply> {
    return this.#jobCall('delete', [['jobId', jobId]])
  }

  getJob(jobId: string): Promise<EnosReply> {
    return this.call({ api: 'ota-jobs', action: 'get', query: [['jobId', jobId]] })
  }

  searchTasks(expression: string, pagination?: { readonly pageNo: number; readonly pageSize: number }) {
    return this.#jobCall('searchTask', [], { expression, ...(pagination === undefined ? {} : { pagination }) })
  }

  cancelTasks(jobId: string, deviceKeys: readonly string[]): Promise<EnosReply> {
    return this.#jobCall('cancelTask', [['jobId', jobId]], { deviceKeys })
  }

  retryTasks(jobId: string, deviceKeys: readonly string[]): Promise<EnosReply> {
    return this.#jobCall('retryTask', [['jobId', jobId]], { deviceKeys })
  }

  #jobCall(action: string, query: Query, body?: unknown): Promise<EnosReply> {
    return this.call({ api: 'ota-jobs', action, query, method: 'POST', ...(body === undefined ? {} : { body }) })
  }

  async #signed(
    call: EnosCall,
    body: { readonly bytes: Uint8Array; readonly type: string; readonly signed: boolean } | undefined,
  ): Promise<EnosReply> {
    const query: Query = [['action', call.action], ['orgId', this.#options.orgId], ...(call.query ?? [])]
    const text = query.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')
    const once = async (): Promise<EnosReply> => {
      const token = await this.#currentToken()
      if (token.kind === 'refused') return { kind: 'refused', code: token.status, message: token.message, status: 200 }
      if (token.kind === 'broken') return token
      const { accessToken } = token
      const timestamp = this.#timestamp()
      const signature = signatureOf(
        { query, ...(body?.signed === true ? { body: body.bytes } : {}) },
        { accessToken, timestamp, appSecret: this.#options.appSecret },
      )
      const reply = await this.#session.request({
        method: call.method ?? (body === undefined ? 'GET' : 'POST'),
        path: `${this.#session.target.prefix}/connect-service/v2.1/${call.api}?${text}`,
        version: 'HTTP/1.1',
        headers: [
          ['Host', this.#session.target.hostHeader],
          ['apim-accesstoken', accessToken],
          ['apim-timestamp', String(timestamp)],
          ['apim-signature', signature],
          ...(body === undefined ? [] : ([['Content-Type', body.type]] as const)),
          ...(body === undefined && call.method !== 'POST'
            ? []
            : ([['Content-Length', String(body?.bytes.length ?? 0)]] as const)),
        ],
        ...(body === undefined ? {} : { body: body.bytes }),
      })
      return envelopeOf(reply)
    }
    const reply = await once()
    if (reply.kind !== 'refused' || reply.code !== 1203) return reply
    this.#token = undefined
    return once()
  }

  async #currentToken(): Promise<EnosToken> {
    if (this.#token !== undefined && this.#clock.now() < this.#token.goodUntil) {
      return { kind: 'token', accessToken: this.#token.accessToken, expire: 0 }
    }
    return this.getToken()
  }

  async #askToken(what: 'get' | 'refresh', extra: object): Promise<EnosToken> {
    const { appKey } = this.#options
    const timestamp = this.#timestamp()
    const encryption = encryptionOf(this.#options, timestamp)
    const body = Buffer.from(JSON.stringify({ appKey, encryption, timestamp, ...extra }))
    const reply = await this.#session.request({
      method: 'POST',
      path: `${this.#session.target.prefix}/apim-token-service/v2.0/token/${what}`,
      version: 'HTTP/1.1',
      headers: [
        ['Host', this.#session.target.hostHeader],
        ['Content-Type', 'application/json'],
        ['Content-Length', String(body.length)],
      ],
      body,
    })
    const token = tokenOf(reply)
    if (token.kind === 'token') {
      // Ten seconds of reserve for what is on its way.
      const goodUntil = this.#clock.now() + (token.expire - 10) * 1000
      this.#token = { accessToken: token.accessToken, goodUntil }
    }
    return token
  }

  /** Never the same twice: the same signature again would be a replay [enos 2.6]. */
  #timestamp(): number {
    this.#lastTimestamp = Math.max(this.#clock.now(), this.#lastTimestamp + 1)
    return this.#lastTimestamp
  }
}

function tokenOf(reply: HttpReply | WireFailure): EnosToken {
  if (reply.kind === 'wire-failure') return { kind: 'broken', detail: reply.detail }
  const fields = jsonObject(reply.body)
  const status = fields?.get('status')
  if (fields === undefined || typeof status !== 'number') {
    return { kind: 'broken', detail: `HTTP status ${reply.head.status} without the fields of the token service` }
  }
  if (status !== 0) return { kind: 'refused', status, message: String(fields.get('msg')) }
  const data = objectFields(fields.get('data'))
  const accessToken = data?.get('accessToken')
  const expire = data?.get('expire')
  if (typeof accessToken !== 'string' || typeof expire !== 'number')
    return { kind: 'broken', detail: 'no token in data' }
  return { kind: 'token', accessToken, expire }
}

/** [enos 3.1] `{code, msg, requestId, data}` */
function envelopeOf(reply: HttpReply | WireFailure): EnosReply {
  if (reply.kind === 'wire-failure') return { kind: 'broken', detail: reply.detail }
  const { status } = reply.head
  const fields = jsonObject(reply.body)
  const code = fields?.get('code')
  const requestId = fields?.get('requestId')
  if (fields === undefined || typeof code !== 'number' || typeof requestId !== 'string') {
    return { kind: 'broken', detail: `HTTP status ${status} without an envelope` }
  }
  if (code !== 0) return { kind: 'refused', code, message: String(fields.get('msg')), status }
  return { kind: 'ok', data: fields.get('data'), requestId, status }
}
