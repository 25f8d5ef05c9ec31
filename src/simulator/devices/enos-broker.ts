import type { SimulatorClock } from '../clock.ts'
import { type HeaderList, headerOf } from '../wire/http-message.ts'
import { HttpSession, type HttpTimeouts } from '../wire/http-session.ts'
import type { HttpReply, SinkFor, WireFailure } from '../wire/http-socket.ts'
import { splitLink } from '../wire/http-target.ts'
import { type EnosDeviceIdentity, httpAuthSign } from './enos-signing.ts'
import { jsonObject, objectFields } from './json-fields.ts'

/** An offered firmware, pushed or pulled. */
export interface EnosOffer {
  readonly version: string
  readonly sign: string
  readonly signMethod: string
  readonly fileUrl: string
  readonly fileSize: number
}

/** A command that came on a reply. */
export interface EnosPush {
  /** The reply it came on: `auth`, or the last part of the topic published to. */
  readonly on: string
  readonly topic: string
  readonly id: string
  readonly offer: EnosOffer
}

export type EnosAnswer =
  | { readonly kind: 'ok'; readonly data: unknown }
  | { readonly kind: 'failed'; readonly code: number | string; readonly detail: string }

export interface EnosBrokerOptions {
  readonly device: EnosDeviceIdentity
  readonly session: HttpSession
  readonly clock: SimulatorClock
  readonly lifetimeMs: number
  readonly timeouts: HttpTimeouts
}

/** The vendor SDK's HTTP connection of one device: session, publishing, commands on replies, download addresses. */
export class EnosBroker {
  readonly pushes: EnosPush[] = []
  readonly #options: EnosBrokerOptions
  #sessionId: string | undefined
  #authenticatedAt = 0
  #messageId = 0

  constructor(options: EnosBrokerOptions) {
    this.#options = options
  }

  /** Forgets the session, as a reboot does. */
  forget(): void {
    this.#sessionId = undefined
  }

  /** [enos 6] again once `lifetime` has passed since the last authentication, whatever was sent meanwhile. */
  async ready(): Promise<EnosAnswer> {
    const { clock, lifetimeMs } = this.#options
    if (this.#sessionId !== undefined && clock.now() - this.#authenticatedAt < lifetimeMs)
      return { kind: 'ok', data: {} }
    const { device } = this.#options
    const reply = await this.#post('auth', `/auth/${device.productKey}/${device.deviceKey}`, {
      signMethod: 'sha256',
      lifetime: lifetimeMs,
      sign: httpAuthSign(device, lifetimeMs),
      clientInfo: { ipAddress: '127.0.0.1', sdkVersion: '2.2.16' },
      acceptCommandTypes: [],
    })
    if (reply.kind === 'failed') return reply
    const sessionId = objectFields(reply.data)?.get('sessionId')
    if (typeof sessionId !== 'string') return { kind: 'failed', code: 'bad-reply', detail: 'no sessionId' }
    this.#sessionId = sessionId
    this.#authenticatedAt = clock.now()
    return reply
  }

  /** Publishes on one of the device's topics and answers the reply's data. */
  async publish(what: 'inform' | 'progress' | 'getversion', params: object): Promise<EnosAnswer> {
    const ready = await this.ready()
    if (ready.kind === 'failed') return ready
    this.#messageId += 1
    const id = String(this.#messageId)
    const message = { id, version: '1.0', method: `ota.device.${what}`, params }
    return this.#post(what, this.#topicPath(what), message, id)
  }

  /** Answers a command; the SDK's programs often never do. */
  async replyToUpgrade(push: EnosPush): Promise<EnosAnswer> {
    const ready = await this.ready()
    if (ready.kind === 'failed') return ready
    return this.#post('upgrade_reply', this.#topicPath('upgrade_reply'), { id: push.id, code: 200, data: {} })
  }

  /** Asks for the bytes of an offered file, or for a part of them. */
  async download(fileUrl: string, range: HeaderList, sinkFor: SinkFor): Promise<HttpReply | WireFailure> {
    const { session, timeouts } = this.#options
    if (/^https?:/.test(fileUrl)) {
      const { target, path } = splitLink(fileUrl, session.target.tls)
      const direct = new HttpSession(target, timeouts)
      const reply = await direct.request(getRequest(target.hostHeader, path, range), { sinkFor })
      direct.close()
      return reply
    }
    const path = `${session.target.prefix}${this.#filePath('download', fileUrl)}`
    return session.request(getRequest(session.target.hostHeader, path, range), { sinkFor })
  }

  /** [enos 6] the signed address of an offered file. */
  async downloadAddress(fileUrl: string): Promise<EnosAnswer> {
    const { session } = this.#options
    const path = `${session.target.prefix}${this.#filePath('download/url', fileUrl)}`
    return answerOf(await session.request(getRequest(session.target.hostHeader, path, [])))
  }

  #topicPath(what: string): string {
    const { productKey, deviceKey } = this.#options.device
    return `/topic/sys/${productKey}/${deviceKey}/ota/device/${what}?sessionId=${this.#sessionId ?? ''}`
  }

  /** Quirk: fileUri comes unencoded, double slash and all [enos 6]. */
  #filePath(what: 'download' | 'download/url', fileUrl: string): string {
    const { productKey, deviceKey } = this.#options.device
    return `/multipart/sys/${productKey}/${deviceKey}/file/${what}?sessionId=${this.#sessionId ?? ''}&fileUri=${fileUrl}&category=ota`
  }

  async #post(on: string, path: string, value: object, id?: string): Promise<EnosAnswer> {
    const { session } = this.#options
    const body = Buffer.from(JSON.stringify(value))
    const reply = await session.request({
      method: 'POST',
      path: `${session.target.prefix}${path}`,
      version: 'HTTP/1.1',
      headers: [
        ['Content-Type', 'application/json; charset=utf-8'],
        ['Content-Length', String(body.length)],
        ['Host', session.target.hostHeader],
        ['Connection', 'Keep-Alive'],
        ['User-Agent', 'okhttp/3.12.1'],
      ],
      body,
    })
    if (reply.kind === 'reply') this.#takePush(on, reply)
    return answerOf(reply, id)
  }

  #takePush(on: string, reply: HttpReply): void {
    const payload = jsonObject(headerOf(reply.head, 'command-payload') ?? '')
    const offer = offerOf(payload?.get('params'))
    if (payload === undefined || offer === undefined) return
    this.pushes.push({ on, topic: headerOf(reply.head, 'topic') ?? '', id: String(payload.get('id')), offer })
  }
}

/** Undefined unless all five fields have their types. */
export function offerOf(value: unknown): EnosOffer | undefined {
  const fields = objectFields(value)
  const [version, sign, signMethod, fileUrl, fileSize] = ['version', 'sign', 'signMethod', 'fileUrl', 'fileSize'].map(
    (name) => fields?.get(name),
  )
  if (typeof version !== 'string' || typeof sign !== 'string' || typeof signMethod !== 'string') return undefined
  if (typeof fileUrl !== 'string' || typeof fileSize !== 'number') return undefined
  return { version, sign, signMethod, fileUrl, fileSize }
}

function getRequest(host: string, path: string, extra: HeaderList) {
  return {
    method: 'GET',
    path,
    version: 'HTTP/1.1',
    headers: [...extra, ['Host', host], ['Connection', 'Keep-Alive'], ['User-Agent', 'okhttp/3.12.1']],
  } as const
}

/** [enos 5.2] `{id, code, data}`; the id must be the one sent, as text. */
function answerOf(reply: HttpReply | WireFailure, id?: string): EnosAnswer {
  if (reply.kind === 'wire-failure') return { kind: 'failed', code: reply.fault, detail: reply.detail }
  const fields = jsonObject(reply.body)
  if (fields === undefined)
    return { kind: 'failed', code: 'bad-reply', detail: `status ${reply.head.status}, no JSON object` }
  const code = fields.get('code')
  if (code !== 200) {
    const detail = fields.get('message') ?? `status ${reply.head.status}`
    return { kind: 'failed', code: typeof code === 'number' ? code : 'bad-reply', detail: String(detail) }
  }
  // Quirk: a numeric id makes the vendor's Python SDK time out [enos 5.3].
  if (id !== undefined && fields.get('id') !== id) {
    return { kind: 'failed', code: 'bad-reply', detail: `id ${JSON.stringify(fields.get('id'))}, not "${id}"` }
  }
  return { kind: 'ok', data: fields.get('data') }
}
