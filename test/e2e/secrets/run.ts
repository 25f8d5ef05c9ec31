import { OWNER, type SpawnedServer } from '../../support/spawn-server.ts'
import type { Secrets } from './secrets.ts'

/** One server, and everything that can be said to it with a secret in it. */
export class Run {
  readonly #server: SpawnedServer
  readonly secrets: Secrets
  #token = ''

  constructor(server: SpawnedServer, secrets: Secrets) {
    this.#server = server
    this.secrets = secrets
  }

  get #port(): number {
    return Number(new URL(this.#server.url).port)
  }

  async send(
    method: string,
    path: string,
    options: { headers?: Record<string, string>; body?: string | Uint8Array } = {},
  ) {
    const { headers = {}, body } = options
    const reply = await fetch(this.#server.url + path, {
      method,
      headers,
      redirect: 'manual',
      ...(body !== undefined && { body: typeof body === 'string' ? body : new Uint8Array(body) }),
    })
    const text = await reply.text()
    return { status: reply.status, text, headers: reply.headers }
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests look at members of what came over the wire
  async api(method: string, path: string, body?: unknown): Promise<any> {
    const headers = {
      authorization: `Bearer ${this.#token}`,
      'content-type': 'application/json',
      'godwit-organisation': 'acme',
    }
    const given = body === undefined ? {} : { body: JSON.stringify(body) }
    const { status, text } = await this.send(method, `/api/godwit/v1${path}`, { headers, ...given })
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }

  json(path: string, body: unknown, headers: Record<string, string> = {}) {
    return this.send('POST', path, {
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  }

  /** Logs in, and puts one of everything into an organisation. */
  async fill() {
    const { secrets } = this
    const login = await this.json('/api/godwit/v1/login', OWNER)
    this.#token = secrets.note('login token', JSON.parse(login.text).token)
    const made = await this.json(
      '/api/godwit/v1/organisations',
      { key: 'acme' },
      { authorization: `Bearer ${this.#token}`, 'idempotency-key': secrets.make('idempotency key') },
    )
    if (made.status !== 201) throw new Error(made.text)
    const person = { email: 'ops@acme.example', password: secrets.make('account password') }
    await this.api('POST', '/accounts', { ...person, role: 'owner' })
    secrets.note('api token', (await this.api('POST', '/tokens', { name: 'ci', scope: 'write' })).token)
    await this.api('POST', '/products', { key: 'pk', modules: [{ key: 'app' }] })
    const credentials = {
      native: { token: secrets.make('native token', 32) },
      iotaap: { token: secrets.make('iotaap token', 12) },
      spokeZone: { cpuId: 'cpu-one', uuid: 'uuid-one' },
      enos: { secret: secrets.make('enos secret') },
      hawkbit: { targetToken: secrets.make('hawkbit token') },
    }
    const device = await this.api('POST', '/devices', { key: 'dk', product: 'pk', credentials })
    const board = { token: secrets.make('board token', 12) }
    const second = await this.api('POST', '/devices', { key: 'board', credentials: { iotaap: board } })
    const group = await this.api('POST', '/groups', { key: 'pilot' })
    const groupToken = secrets.make('group token', 16)
    await this.api('PUT', '/groups/pilot/credentials/iotaap', { token: groupToken })
    const rotated = await this.api('PUT', '/devices/board/credentials/hawkbit', {})
    secrets.note('generated hawkbit token', rotated.secret)
    const access = await this.api('POST', '/access-keys', {
      key: 'program',
      secret: secrets.make('access secret', 36),
      permissions: ['read', 'write'],
    })
    const { proof } = await this.api('POST', '/access-keys/program/proof')
    secrets.note('proof', proof)
    secrets.note('revealed secret', (await this.api('GET', '/devices/dk/credentials/enos/secret')).secret)
    const zoneToken = secrets.note(
      'device token',
      (await this.api('POST', '/devices/dk/token?protocol=spoke-zone')).token,
    )
    return { person, device, second, board, group, groupToken, credentials, access, proof, zoneToken }
  }
}

export type Filled = Awaited<ReturnType<Run['fill']>>
