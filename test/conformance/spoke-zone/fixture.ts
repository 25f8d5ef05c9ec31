import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import type { Serial } from '../../../src/core/common.ts'
import type { DeviceFacts } from '../../../src/core/device/device-facts.ts'
import { SYSTEM } from '../../../src/core/event/event.ts'
import type { FirmwareFile } from '../../../src/core/firmware/firmware.ts'
import type { CoreLimits } from '../../../src/core/limits.ts'
import type { Organisation } from '../../../src/core/organisation/organisation.ts'
import type { Scope } from '../../../src/core/service.ts'
import type { Update } from '../../../src/core/update/update.ts'
import { issueDeviceToken } from '../../../src/protocols/spoke-zone/device-token.ts'
import { spokeZoneProtocol } from '../../../src/protocols/spoke-zone/protocol.ts'
import { type RawAnswer, rawRequest } from '../../support/raw-client.ts'
import { STORAGES, type StorageKind } from '../../support/storages.ts'
import { startTestServer, type TestClock, type TestServer } from '../../support/test-server.ts'

export const L = '/api/v2/ota-files'
export const V = '/api/v1/deviceUser/read-only/models/firmware'
export const PASSWORD = 'correct horse battery'
export const DEVICE = { cpu_id: 'cpu-501', uuid: 'uuid-501' }
/** The bytes of firmware 12345. */
export const IMAGE = randomBytes(1000)
export const IMAGE_SHA256 = createHash('sha256').update(IMAGE).digest('hex')

const SECOND = 1000
export const HOUR = 3600 * SECOND
export const DAY = 24 * HOUR

export interface FixtureOptions {
  /** Memory unless given. */
  readonly open?: StorageKind['open']
  readonly config?: Readonly<Record<string, unknown>>
  readonly limits?: Partial<CoreLimits>
}

export interface CallOptions {
  readonly method?: string
  /** The token of device 501 unless given; null = none. */
  readonly token?: string | null
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

export class Answer {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer

  constructor(raw: RawAnswer) {
    this.status = raw.status
    this.headers = raw.headers
    this.body = raw.body
  }

  get json(): unknown {
    return JSON.parse(this.body.toString('utf8'))
  }

  /** One member of every entry of a list. */
  column(name: string): unknown[] {
    if (!Array.isArray(this.json)) throw new Error(`No array: ${this.body.toString()}`)
    return this.json.map((entry) => entry[name])
  }
}

/** The fleet that the contract's table of edge cases speaks of, behind a real socket. */
export class Fixture {
  readonly server: TestServer
  readonly a: Organisation
  readonly b: Organisation
  /** A good token of device 501. */
  token = ''

  private constructor(server: TestServer, a: Organisation, b: Organisation) {
    this.server = server
    this.a = a
    this.b = b
  }

  static async start(options: FixtureOptions = {}): Promise<Fixture> {
    const server = await startTestServer({
      protocols: (host) => [spokeZoneProtocol(host, options.config)],
      listen: true,
      ...(options.open && { storage: await options.open() }),
      ...(options.limits && { limits: options.limits }),
    })
    const a = await server.core.organisations.create(SYSTEM, { key: 'a' })
    const b = await server.core.organisations.create(SYSTEM, { key: 'b' })
    const fixture = new Fixture(server, a, b)
    await fixture.#fill()
    return fixture
  }

  get clock(): TestClock {
    return this.server.clock
  }

  get scope(): Scope {
    return { actor: SYSTEM, organisation: this.a.serial }
  }

  async #fill(): Promise<void> {
    const { products } = this.server.core
    const other = { actor: SYSTEM, organisation: this.b.serial }
    await products.create(this.scope, {
      key: 'display-7',
      name: 'Display 7',
      serial: 7,
      modules: [
        { key: 'display-app', serial: 11 },
        { key: 'can-controller1', serial: 12 },
      ],
    })
    const modules = [{ key: 'display-app' }]
    const eight = await products.create(this.scope, { key: 'display-8', serial: 8, modules })
    const foreign = await products.create(other, { key: 'display-7', modules })
    const app = { product: 7, module: 11 }
    await this.addFirmware({ ...app, serial: 12345, version: '1.2.3' }, IMAGE)
    await this.addFirmware({ ...app, serial: 67890, version: '1.3.0' })
    await this.addFirmware({ ...app, serial: 70000, version: '2.0.0', active: false })
    await this.addFirmware({ product: 7, module: 12, serial: 70001, version: '0.9.0' })
    await this.addFirmware({ product: 8, module: eight.modules[0]?.serial ?? 0, serial: 80000, version: '1.2.3' })
    await this.addFirmware(
      { product: foreign.product.serial, module: foreign.modules[0]?.serial ?? 0, serial: 90000, version: '1.2.3' },
      randomBytes(20),
      other,
    )
    await this.addDevice(501, { key: 'truck-17', product: 7 })
    await this.addDevice(502, { key: 'truck-18', product: 7 })
    this.token = await this.tokenOf(501)
  }

  async addFirmware(
    firmware: {
      product: Serial
      module: Serial | null
      serial?: Serial
      version: string
      active?: boolean
      notes?: string
      releasedAt?: number
      signature?: string
    },
    bytes: Uint8Array = randomBytes(20),
    scope: Scope = this.scope,
  ): Promise<FirmwareFile> {
    const { core, clock } = this.server
    clock.advance(SECOND)
    const staged = await core.deps.blobs.stage(chunks(bytes), { maxBytes: 1_000_000 })
    return core.firmware.create(scope, { active: true, fileName: 'image.bin', ...firmware }, staged)
  }

  async addDevice(serial: Serial, device: { key: string; product: Serial | null }): Promise<void> {
    const details = { cpuId: `cpu-${serial}`, uuid: `uuid-${serial}` }
    const credentials = [{ scheme: 'spoke-zone', details }]
    await this.server.core.devices.create(this.scope, { ...device, serial, credentials })
  }

  async factsOf(serial: Serial): Promise<DeviceFacts> {
    const facts = await this.server.core.gateway.find({ by: 'serial', serial })
    if (!facts) throw new Error(`No device ${serial}`)
    return facts
  }

  async tokenOf(serial: Serial): Promise<string> {
    return issueDeviceToken(this.server.host, await this.factsOf(serial))
  }

  /** A member of organisation A, with a token from /login. */
  async userToken(email = 'ops@a.example'): Promise<string> {
    const { core } = this.server
    const account = await core.accounts.create(SYSTEM, { email, password: PASSWORD })
    await core.accounts.setRole(this.scope, account.id, 'operator')
    const answer = await this.post('/login', { username: email, password: PASSWORD })
    const { token } = answer.json as { token: string }
    return token
  }

  async firmwareId(serial: Serial): Promise<string> {
    const firmware = await this.server.core.deps.storage.read.firmware.find(serial)
    if (!firmware) throw new Error(`No firmware ${serial}`)
    return firmware.id
  }

  latestUpdate(device: Serial): Promise<Update | undefined> {
    return this.server.core.deps.storage.read.updates.findLatest(device)
  }

  async call(path: string, options: CallOptions = {}): Promise<Answer> {
    const { method = 'GET', token = this.token, headers = {}, body = '' } = options
    const lines = [`${method} ${path} HTTP/1.1`, 'Host: test']
    if (token !== null) lines.push(`x-access-token: ${token}`)
    for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`)
    if (body.length > 0) lines.push(`Content-Length: ${Buffer.byteLength(body)}`)
    return new Answer(await rawRequest(Number(new URL(this.server.url).port), lines, body))
  }

  /** A JSON body; logins need no token. */
  post(path: string, body: unknown, token: string | null = null): Promise<Answer> {
    const headers = { 'Content-Type': 'application/json' }
    return this.call(path, { method: 'POST', token, headers, body: JSON.stringify(body) })
  }

  /** One multipart part, or an empty form. */
  upload(path: string, part?: { name: string; bytes: Uint8Array }): Promise<Answer> {
    const open = part
      ? `--x\r\nContent-Disposition: form-data; name="${part.name}"; filename="upload.bin"\r\nContent-Type: application/octet-stream\r\n\r\n`
      : ''
    const body = Buffer.concat([Buffer.from(open), part?.bytes ?? Buffer.alloc(0), Buffer.from('\r\n--x--\r\n')])
    return this.call(path, { method: 'POST', headers: { 'Content-Type': 'multipart/form-data; boundary=x' }, body })
  }
}

type UseFixture = (options?: Omit<FixtureOptions, 'open'>) => () => Fixture

/** Declares the same tests for every database. Each `useFixture` is a fresh fleet for all tests of its suite. */
export function onEveryStorage(declare: (useFixture: UseFixture) => void): void {
  for (const { name, open } of STORAGES)
    describe(`on ${name}`, () => {
      declare((options) => {
        let fixture: Fixture | undefined
        beforeAll(async () => {
          fixture = await Fixture.start({ ...options, open })
        })
        afterAll(async () => fixture?.server.close())
        return () => {
          if (!fixture) throw new Error('The fixture starts before the first test')
          return fixture
        }
      })
    })
}

/** The body of the one answer for all that cannot be seen. */
export function standard404(id: string, entityType = 'ota-file') {
  return { errors: [{ type: 'entity-not-found', message: 'No such entity.', details: { entityType, entityId: id } }] }
}

/** An error body with one entry about one field. */
export function fieldError(type: 'invalid-field' | 'required-field', field: string) {
  return { errors: [{ type, message: expect.any(String), details: { field } }] }
}

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
