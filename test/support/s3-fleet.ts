import { createHash } from 'node:crypto'
import { login } from './spawn-server.ts'

export const BOARD = { id: '5e1b57808711f904f5df4bad', token: 'FSXuSmJRiJ4v' }
export const NATIVE_TOKEN = 'gateway-0123456789-0123456789-0123456789'

/** An operator of a server, and the two devices that it makes: an IoTaaP board and a device of Godwit's own protocol. */
export class S3Fleet {
  readonly #url: () => string
  #headers: Record<string, string> = {}

  /** `url`: where the server is now; it may be started again elsewhere. */
  constructor(url: () => string) {
    this.#url = url
  }

  async create(): Promise<void> {
    this.#headers = await login(this.#url())
    await this.post('/products', { key: 'panel' })
    const iotaap = { iotaap: { token: BOARD.token } }
    await this.post('/devices', { key: 'board', id: BOARD.id, product: 'panel', credentials: iotaap })
    const native = { native: { token: NATIVE_TOKEN } }
    await this.post('/devices', { key: 'gateway', product: 'panel', credentials: native })
  }

  async post(path: string, body: unknown): Promise<void> {
    const headers = { ...this.#headers, 'content-type': 'application/json' }
    const reply = await fetch(`${this.#url()}/api/godwit/v1${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    })
    if (!reply.ok) throw new Error(`${path}: ${reply.status} ${await reply.text()}`)
  }

  /** Resolves with the status: 201 is the server's word that it has the file. */
  async upload(version: string, bytes: Buffer): Promise<{ status: number; text: string }> {
    const url = `${this.#url()}/api/godwit/v1/firmware?product=panel&version=${version}`
    const headers = { ...this.#headers, 'content-type': 'application/octet-stream' }
    const reply = await fetch(url, { method: 'POST', headers, body: new Uint8Array(bytes) })
    return { status: reply.status, text: await reply.text() }
  }

  async assign(device: string, version: string): Promise<void> {
    await this.post('/assignments', { device, product: 'panel', version })
  }

  /** The bytes of a version as an operator gets them. */
  async fetchFirmware(version: string): Promise<Buffer> {
    const list = await fetch(`${this.#url()}/api/godwit/v1/firmware?version=${version}`, { headers: this.#headers })
    const { items } = (await list.json()) as { items: Array<{ id: string }> }
    const reply = await fetch(`${this.#url()}/api/godwit/v1/firmware/${items[0]?.id}/file`, { headers: this.#headers })
    if (!reply.ok) throw new Error(`${version}: ${reply.status} ${await reply.text()}`)
    return Buffer.from(await reply.arrayBuffer())
  }

  /** The whole file, as the board gets it. */
  board(): Promise<Response> {
    return fetch(`${this.#url()}/v1/ota/device/download/${BOARD.id}${BOARD.token}`)
  }

  /** What the gateway is offered: the address of its file. */
  async gatewayUrl(): Promise<string> {
    const reply = await fetch(`${this.#url()}/device/v1/check`, {
      method: 'POST',
      headers: { authorization: `Bearer ${NATIVE_TOKEN}`, 'content-type': 'application/json' },
      body: '{}',
    })
    const { update } = (await reply.json()) as { update: { modules: Array<{ url: string }> } }
    return new URL(update.modules[0]?.url ?? '', this.#url()).href
  }
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
