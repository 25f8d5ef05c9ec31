import { createHash, randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import type { Role } from '../../../src/core/account/account.ts'
import { SYSTEM } from '../../../src/core/event/event.ts'
import type { Organisation } from '../../../src/core/organisation/organisation.ts'
import type { Scope } from '../../../src/core/service.ts'
import { iotaapProtocol } from '../../../src/protocols/iotaap/protocol.ts'
import { esp32Image } from '../../../src/simulator/images/esp32-image.ts'
import { type RawAnswer, RawClient, rawRequest } from '../../support/raw-client.ts'
import { startTestServer, type TestServer, type TestServerOptions } from '../../support/test-server.ts'

export const PASSWORD = 'correct horse'
export const OK = { message: 'Firmware successfully deployed' }
export const ND = { message: 'No such device' }
export const NG = { message: 'No such group' }
export const ND_PLUS = { message: 'No such device', error: 'Not Found' }
export const NG_PLUS = { message: 'No such group', error: 'Not Found' }

/** For `expect.poll`: what a server does after its answer may take a while on a busy machine. */
export const PATIENTLY = { timeout: 20_000, interval: 10 }

/** One reply of the account API. */
export interface Answer {
  readonly status: number
  readonly type: string
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look at members of what came over the wire
  readonly json: any
}

export interface Call {
  readonly token?: string | undefined
  /** Sent as JSON, unless it is text already. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** An organisation with an account, through whose eyes the API is called. */
export interface Tenant {
  readonly organisation: Organisation
  readonly scope: Scope
  readonly email: string
  readonly token: string
  call(method: string, path: string, call?: Call): Promise<Answer>
  device(name?: string): Promise<Wire>
  group(name?: string): Promise<Wire>
  /** Deploys to a device or group of this organisation; `fields` replace the right ones, `undefined` leaves one out. */
  deploy(target: 'device' | 'group', what: DeployWhat): Promise<Answer>
}

/** A device or group as the API shows it. */
export interface Wire {
  readonly _id: string
  readonly token: string
  readonly name: string
}

export interface DeployWhat {
  readonly to: Pick<Wire, '_id' | 'token'>
  readonly version: string
  readonly image?: Uint8Array
  readonly parts?: (parts: Part[]) => Part[]
}

/** One part of a form; a file when it has a filename. */
export interface Part {
  readonly name: string
  readonly value: string | Uint8Array
  readonly filename?: string
}

export interface Iotaap {
  readonly server: TestServer
  readonly port: number
  readonly tenant: Tenant
  newTenant(key: string, role?: Role): Promise<Tenant>
  /** A call without a login. */
  call(method: string, path: string, call?: Call): Promise<Answer>
  /** A raw request line to the device endpoints; the path as it stands. */
  get(path: string, headers?: readonly string[]): Promise<RawAnswer>
  close(): Promise<void>
}

export type IotaapOptions = Partial<Omit<TestServerOptions, 'protocols' | 'listen'>> & {
  readonly config?: Readonly<Record<string, unknown>>
  /** Key of the first organisation. */
  readonly tenantKey?: string
}

export async function startIotaap(options: IotaapOptions = {}): Promise<Iotaap> {
  const { config, tenantKey = 'acme', ...rest } = options
  const server = await startTestServer({
    ...rest,
    listen: true,
    protocols: (host) => [iotaapProtocol(host, config)],
  })
  const port = Number(new URL(server.url).port)
  const call = caller(server)
  const newTenant = (key: string, role: Role = 'owner') => makeTenant(server, { key, role })
  return {
    server,
    port,
    call,
    newTenant,
    tenant: await newTenant(tenantKey),
    get: (path, headers = []) => rawRequest(port, [`GET ${path} HTTP/1.1`, 'Host: ota', ...headers]),
    close: () => server.close(),
  }
}

function caller(server: TestServer, token?: string): Iotaap['call'] {
  return async (method, path, { token: given = token, body, headers = {} } = {}) => {
    const isText = typeof body === 'string' || Buffer.isBuffer(body)
    const reply = await fetch(new URL(path, server.url), {
      method,
      headers: {
        ...(given !== undefined && { authorization: `Bearer ${given}` }),
        ...(body !== undefined && !isText && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: isText ? new Uint8Array(Buffer.from(body)) : JSON.stringify(body) }),
    })
    const type = reply.headers.get('content-type') ?? ''
    const text = await reply.text()
    return {
      status: reply.status,
      type,
      text,
      json: type.startsWith('application/json') ? JSON.parse(text) : undefined,
    }
  }
}

async function makeTenant(server: TestServer, { key, role }: { key: string; role: Role }): Promise<Tenant> {
  const { core } = server
  const organisation = await core.organisations.create(SYSTEM, { key })
  const scope = { actor: SYSTEM, organisation: organisation.serial }
  const email = `ops@${key}.example`
  const account = await core.accounts.create(SYSTEM, { email, password: PASSWORD })
  await core.accounts.setRole(scope, account.id, role)
  const login = await caller(server)('POST', '/v1/auth/login', { body: { email, password: PASSWORD } })
  const token = String(login.json.token)
  const call = caller(server, token)
  const make = async (path: string, name: string | undefined): Promise<Wire> => {
    const made = await call('POST', path, { body: name === undefined ? {} : { name } })
    expect(made.status).toBe(201)
    return made.json
  }
  return {
    organisation,
    scope,
    email,
    token,
    call,
    device: (name) => make('/v1/devices', name),
    group: (name) => make('/v1/groups', name),
    deploy: (target, { to, version, image = imageOf(version), parts = (given) => given }) =>
      call('POST', `/v1/ota/${target}`, form(parts(deployParts(target, { to, version, image })))),
  }
}

export function deployParts(target: 'device' | 'group', what: Required<Omit<DeployWhat, 'parts'>>): Part[] {
  return [
    { name: target, value: what.to._id },
    { name: 'token', value: what.to.token },
    { name: 'version', value: what.version },
    { name: 'firmware', value: what.image, filename: 'firmware.bin' },
  ]
}

/** A multipart body with its header, for `call`. */
export function form(parts: readonly Part[]): { body: Buffer; headers: Record<string, string> } {
  const boundary = `----${randomBytes(12).toString('hex')}`
  const chunks = parts.flatMap(({ name, value, filename }) => [
    `--${boundary}\r\ncontent-disposition: form-data; name="${name}"`,
    filename === undefined ? '' : `; filename="${filename}"\r\ncontent-type: application/octet-stream`,
    '\r\n\r\n',
    value,
    '\r\n',
  ])
  const body = Buffer.concat([...chunks, `--${boundary}--\r\n`].map((chunk) => Buffer.from(chunk)))
  return { body, headers: { 'content-type': `multipart/form-data; boundary=${boundary}` } }
}

const IMAGE_BYTES = 4096

/** A bootable image that contains its version; a larger one has zeros at its end. */
export function imageOf(version: string, seed = version, size = IMAGE_BYTES): Buffer {
  const compiled = version.slice(0, 31)
  const image = esp32Image({ version: compiled, seed, size: IMAGE_BYTES })
  return Buffer.concat([image, Buffer.alloc(Math.max(0, size - IMAGE_BYTES))])
}

export function md5(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex')
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

export function json(answer: RawAnswer): unknown {
  return JSON.parse(answer.body.toString('utf8'))
}

export const latestPath = (to: Pick<Wire, '_id'>, target = 'device') => `/v1/ota/${target}/latest/${to._id}`
export const downloadPath = (to: Pick<Wire, '_id' | 'token'>, target = 'device') =>
  `/v1/ota/${target}/download/${to._id}${to.token}`

/** Everything of a reply that may tell one miss from another. */
export function whole(answer: RawAnswer): unknown {
  const headers = [...answer.headers].filter(([name]) => name !== 'date')
  return { statusLine: answer.statusLine, headers, body: answer.body.toString('latin1') }
}

/** Sends one request and reads until the server ends the connection; fails the test if it does not. */
export async function untilClosed(port: number, lines: readonly string[]): Promise<RawAnswer & { rest: Buffer }> {
  const client = await RawClient.connect(port)
  try {
    client.send(lines)
    const answer = await client.answer(!lines[0]?.startsWith('HEAD '))
    return { ...answer, rest: await client.end() }
  } finally {
    client.close()
  }
}
