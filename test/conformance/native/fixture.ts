import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe } from 'vitest'
import type { Blobs } from '../../../src/core/blobs.ts'
import type { DeviceFacts } from '../../../src/core/device/device-facts.ts'
import { SYSTEM } from '../../../src/core/event/event.ts'
import type { FirmwareFile } from '../../../src/core/firmware/firmware.ts'
import type { CoreLimits } from '../../../src/core/limits.ts'
import type { Scope } from '../../../src/core/service.ts'
import type { Update } from '../../../src/core/update/update.ts'
import { nativeProtocol } from '../../../src/protocols/native/protocol.ts'
import { STORAGES, type StorageKind } from '../../support/storages.ts'
import { startTestServer, type TestClock, type TestServer } from '../../support/test-server.ts'

export const CHECK = '/device/v1/check'
export const REPORTS = '/device/v1/reports'
export const WAIT = '/device/v1/wait'
export const ENROL = '/device/v1/enrol'
/** Bytes of version 1.1.0 of the primary module. */
export const IMAGE = randomBytes(1000)

export interface FixtureOptions {
  /** Memory unless given. */
  readonly open?: StorageKind['open']
  readonly config?: Readonly<Record<string, unknown>>
  readonly limits?: Partial<CoreLimits>
  /** Memory unless given. */
  readonly blobs?: Blobs
}

export interface CallOptions {
  readonly method?: string
  /** The token of `truck-1` unless given; null = none. */
  readonly token?: string | null
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly signal?: AbortSignal
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Buffer
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON the server answers is compared, not used
  readonly json: any
}

export interface WireUpdate {
  readonly id: string
  readonly attempt: number
  readonly version: string
  readonly modules: ReadonlyArray<{ module: string; version: string; size: number; sha256: string; url: string }>
}

/** Two organisations with a product of two modules each, behind a real socket. */
export class Fixture {
  readonly server: TestServer
  readonly scope: Scope
  readonly other: Scope
  #product = 0
  #modules: readonly number[] = []
  #reports = 0

  private constructor(server: TestServer, scope: Scope, other: Scope) {
    this.server = server
    this.scope = scope
    this.other = other
  }

  static async start(options: FixtureOptions = {}): Promise<Fixture> {
    const server = await startTestServer({
      protocols: (host) => [nativeProtocol(host, options.config)],
      listen: true,
      ...(options.open && { storage: await options.open() }),
      ...(options.limits && { limits: options.limits }),
      ...(options.blobs && { blobs: options.blobs }),
    })
    const a = await server.core.organisations.create(SYSTEM, { key: 'a' })
    const b = await server.core.organisations.create(SYSTEM, { key: 'b' })
    const scopeOf = (organisation: number) => ({ actor: SYSTEM, organisation })
    const fixture = new Fixture(server, scopeOf(a.serial), scopeOf(b.serial))
    await fixture.#fill()
    return fixture
  }

  get clock(): TestClock {
    return this.server.clock
  }

  async #fill(): Promise<void> {
    const { core } = this.server
    const modules = [{ key: 'main' }, { key: 'modem' }]
    const made = await core.products.create(this.scope, { key: 'tracker', modules })
    this.#product = made.product.serial
    this.#modules = made.modules.map(({ serial }) => serial)
    await this.addFirmware('main', '1.0.0')
    await this.addFirmware('main', '1.1.0', IMAGE)
    await this.addFirmware('main', '1.2.0')
    await this.addFirmware('modem', '7.0')
    await this.addDevice('truck-1')
    await this.addDevice('truck-2')
    await core.products.create(this.other, { key: 'tracker', modules })
    await this.addDevice('foreign', this.other)
  }

  async addFirmware(module: string, version: string, bytes: Uint8Array = randomBytes(50)): Promise<FirmwareFile> {
    const { core } = this.server
    const index = module === 'main' ? 0 : 1
    const staged = await core.deps.blobs.stage(chunks(bytes), { maxBytes: 10_000_000 })
    const firmware = { product: this.#product, module: this.#modules[index] ?? null, version, fileName: 'image.bin' }
    return core.firmware.create(this.scope, firmware, staged)
  }

  async addDevice(key: string, scope: Scope = this.scope): Promise<void> {
    const { core } = this.server
    const product = await core.deps.storage.read.products.findByKey(scope.organisation, 'tracker')
    const credentials = [{ scheme: 'native', secret: tokenOf(key) }]
    await core.devices.create(scope, { key, product: product?.serial ?? null, credentials })
  }

  assign(version: string, device = 'truck-1') {
    this.clock.advance(1000)
    return this.server.core.assignments.assign(this.scope, { device }, { product: 'tracker', version })
  }

  /** Version 2.0 of both modules, as one release. */
  async assignBoth(device = 'truck-1') {
    const { core } = this.server
    await this.addFirmware('main', '2.0.0')
    await this.addFirmware('modem', '8.0')
    this.clock.advance(1000)
    const firmware = { main: '2.0.0', modem: '8.0' }
    const release = await core.releases.create(this.scope, { product: 'tracker', version: '2026.1', firmware })
    return core.assignments.assign(this.scope, { device }, { release: release.id })
  }

  async factsOf(key: string): Promise<DeviceFacts> {
    const device = await this.server.core.devices.get(this.scope.organisation, key)
    const facts = await this.server.core.gateway.find({ by: 'serial', serial: device.serial })
    if (!facts) throw new Error(`No device ${key}`)
    return facts
  }

  async latest(key = 'truck-1'): Promise<Update | undefined> {
    const { device } = await this.factsOf(key)
    return this.server.core.deps.storage.read.updates.findLatest(device.serial)
  }

  async call(path: string, options: CallOptions = {}): Promise<Answer> {
    const { token = tokenOf('truck-1'), body, headers = {}, signal } = options
    const method = options.method ?? (body === undefined ? 'GET' : 'POST')
    const reply = await fetch(path.startsWith('http') ? path : this.server.url + path, {
      method,
      headers: {
        ...(token !== null && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...(signal && { signal }),
    })
    const bytes = Buffer.from(await reply.arrayBuffer())
    const isJson = /json/.test(reply.headers.get('content-type') ?? '')
    return { status: reply.status, headers: reply.headers, bytes, json: isJson ? JSON.parse(String(bytes)) : undefined }
  }

  check(body: object = {}, options: CallOptions = {}): Promise<Answer> {
    return this.call(CHECK, { ...options, body })
  }

  /** A check that must find an update. */
  async offered(body: object = {}, options: CallOptions = {}): Promise<WireUpdate> {
    const { json } = await this.check(body, options)
    if (json.action !== 'update') throw new Error(`no update: ${JSON.stringify(json)}`)
    return json.update
  }

  /** Sends reports, each under a fresh id unless it has one; answers their results. */
  async report(...reports: readonly object[]): Promise<unknown> {
    const body = { reports: reports.map((report) => ({ id: `r-${++this.#reports}`, ...report })) }
    const { status, json } = await this.call(REPORTS, { body })
    if (status !== 200) throw new Error(`${status} ${JSON.stringify(json)}`)
    return json.results
  }
}

/** Tokens of 40 characters. */
export function tokenOf(device: string): string {
  return `${device}-${'0123456789'.repeat(4)}`.slice(0, 40)
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
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

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
