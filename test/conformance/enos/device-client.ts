import { type Json, sha256 } from './program.ts'

/** A device on the HTTP broker, as the contract's chapter 6 describes it. */
export class DeviceClient {
  readonly base: string
  readonly productKey: string
  readonly deviceKey: string
  readonly secret: string
  sessionId = ''

  constructor(base: string, deviceKey: string, secret = 's3cr3t', productKey = 'pk1') {
    this.base = base
    this.deviceKey = deviceKey
    this.secret = secret
    this.productKey = productKey
  }

  get topicPrefix(): string {
    return `/sys/${this.productKey}/${this.deviceKey}`
  }

  sign(lifetime: number | string): string {
    const { deviceKey, productKey, secret } = this
    return sha256(`deviceKey${deviceKey}lifetime${lifetime}productKey${productKey}signMethodsha256${secret}`)
  }

  async authenticate(changes: Readonly<Record<string, unknown>> = {}, prefix = '/auth'): Promise<DeviceReply> {
    const lifetime = (changes['lifetime'] as number | undefined) ?? 300_000
    const body = {
      signMethod: 'sha256',
      lifetime,
      sign: this.sign(lifetime),
      clientInfo: { ipAddress: '10.0.0.5', sdkVersion: '2.2.16' },
      acceptCommandTypes: [],
      ...changes,
    }
    const reply = await this.post(`${prefix}/${this.productKey}/${this.deviceKey}`, JSON.stringify(body))
    if (reply.status === 200) this.sessionId = reply.json.data.sessionId
    return reply
  }

  /** Publishes a payload as it stands. */
  publishRaw(topic: string, payload: string, sessionId = this.sessionId): Promise<DeviceReply> {
    return this.post(`/topic${this.topicPrefix}/ota/device/${topic}?sessionId=${sessionId}`, payload)
  }

  publish(topic: string, params: object, more: object = {}): Promise<DeviceReply> {
    return this.publishRaw(
      topic,
      JSON.stringify({ id: '1', version: '1.0', method: `ota.device.${topic}`, params, ...more }),
    )
  }

  inform(version: string): Promise<DeviceReply> {
    return this.publish('inform', { version })
  }

  progress(step: string | number, desc = ''): Promise<DeviceReply> {
    return this.publish('progress', { step, desc })
  }

  async getversion(): Promise<Json[]> {
    return (await this.publish('getversion', {})).json.data
  }

  /** `fileUri` unencoded, as the SDK sends it. */
  download(
    fileUri: string,
    more: { what?: string; headers?: Record<string, string>; sessionId?: string } = {},
  ): Promise<Response> {
    const { what = 'download', headers = {}, sessionId = this.sessionId } = more
    const query = `sessionId=${sessionId}&fileUri=${fileUri}&category=ota`
    return fetch(`${this.base}/multipart${this.topicPrefix}/file/${what}?${query}`, { headers })
  }

  async post(path: string, payload: string): Promise<DeviceReply> {
    const headers = { 'content-type': 'application/json; charset=utf-8' }
    const reply = await fetch(this.base + path, { method: 'POST', headers, body: payload })
    const { status } = reply
    return { status, headers: reply.headers, json: await reply.json(), command: commandOf(reply.headers) }
  }
}

export interface DeviceReply {
  readonly status: number
  readonly headers: Headers
  readonly json: Json
  /** What was pushed on the reply. */
  readonly command: { readonly topic: string | null; readonly payload: Json } | undefined
}

function commandOf(headers: Headers): DeviceReply['command'] {
  const payload = headers.get('command-payload')
  return payload === null ? undefined : { topic: headers.get('topic'), payload: JSON.parse(payload) }
}
