import { createHash } from 'node:crypto'
import { afterAll, beforeAll } from 'vitest'
import type { AccessGrant, AccessKey, Permission } from '../../../src/core/access/access-key.ts'
import { SYSTEM } from '../../../src/core/event/event.ts'
import type { FirmwareFile } from '../../../src/core/firmware/firmware.ts'
import type { FirmwareInput } from '../../../src/core/firmware/firmware-service.ts'
import type { Organisation } from '../../../src/core/organisation/organisation.ts'
import type { Storage } from '../../../src/core/ports.ts'
import type { Product } from '../../../src/core/product/product.ts'
import type { Scope } from '../../../src/core/service.ts'
import type { Update } from '../../../src/core/update/update.ts'
import { enosProtocol } from '../../../src/protocols/enos/protocol.ts'
import type { HttpLimits } from '../../../src/protocols/http/limits.ts'
import { bytesOf } from '../../support/test-core.ts'
import { startTestServer, type TestServer } from '../../support/test-server.ts'
import { Program } from './program.ts'

export const ACCESS_KEY = '11111111-2222-4333-8444-555555555555'
export const SECRET = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee'
/** Time of the contract's vectors. */
export const T = 1_700_000_000_000

export interface EnosOptions {
  readonly storage?: Storage
  readonly config?: Readonly<Record<string, unknown>>
  readonly http?: Partial<HttpLimits>
}

export interface Tenant {
  readonly orgId: string
  readonly organisation: Organisation
  readonly scope: Scope
  readonly product: Product
}

/** One test's own world: organisation `org1`, product `pk1` and a program. */
export interface Enos extends AsyncDisposable {
  readonly server: TestServer
  readonly tenant: Tenant
  readonly program: Program
  /** Another organisation with a product `pk1`. */
  newTenant(orgId: string): Promise<Tenant>
  newProgram(given?: ProgramInput): Promise<Program>
  /** A device of product `pk1` with the secret `s3cr3t`. */
  newDevice(deviceKey: string, given?: { tenant?: Tenant; assetId?: string; secret?: string }): Promise<string>
  newFirmware(
    version: string,
    given?: Partial<FirmwareInput> & { bytes?: Uint8Array; tenant?: Tenant },
  ): Promise<FirmwareFile>
  assign(deviceKey: string, firmware: FirmwareFile): Promise<void>
  /** The newest update of a device. */
  update(deviceKey: string): Promise<Update | undefined>
}

export interface ProgramInput {
  readonly key?: string
  readonly secret?: string
  readonly permissions?: readonly Permission[]
  readonly grants?: readonly AccessGrant[]
  readonly tenant?: Tenant
}

/** A server of its own, for tests of its settings; disposing of it closes the server. */
export async function startEnos(options: EnosOptions = {}): Promise<Enos> {
  const server = await startServer(options)
  const world = new World(server)
  return { ...(await world.open()), [Symbol.asyncDispose]: () => server.close() }
}

/** One server for all tests of a describe block; the function returned makes the world of the next test. */
export function sharedEnos(open: () => Promise<Storage>, options: EnosOptions = {}): () => Promise<Enos> {
  let server: TestServer | undefined
  let world: World | undefined
  beforeAll(async () => {
    server = await startServer({ ...options, storage: await open() })
  })
  afterAll(() => server?.close())
  return async () => {
    if (!server) throw new Error('the server starts before the first test')
    await world?.retire()
    world = new World(server)
    return world.open()
  }
}

function startServer({ config, ...options }: EnosOptions): Promise<TestServer> {
  return startTestServer({ ...options, listen: true, protocols: (host) => [enosProtocol(host, config)] })
}

let drawn = 0

/** Everything that a test makes under names that the next test uses too. */
class World {
  readonly #server: TestServer
  readonly #tenants: Tenant[] = []
  readonly #accessKeys: AccessKey[] = []

  constructor(server: TestServer) {
    this.#server = server
  }

  /** Gives up the names on the wire, so that another world can have them. */
  async retire(): Promise<void> {
    const { core } = this.#server
    for (const { organisation, product, scope } of this.#tenants) {
      for (const { id } of this.#accessKeys.filter((one) => one.organisation === organisation.serial))
        if (await core.deps.storage.read.accessKeys.findById(organisation.serial, id))
          await core.accessKeys.delete(scope, id)
      await core.organisations.update(scope, { aliases: {} })
      await core.products.update(scope, product.key, { aliases: { 'enos/product-key': `retired-${organisation.key}` } })
    }
  }

  async open(): Promise<Enos> {
    this.#server.clock.set(T)
    const { core } = this.#server
    const tenant = await this.#newTenant('org1')
    const newProgram = (given: ProgramInput = {}) => this.#newProgram(given.tenant ?? tenant, given)
    return {
      server: this.#server,
      tenant,
      program: await newProgram({ key: ACCESS_KEY, secret: SECRET }),
      newTenant: (orgId) => this.#newTenant(orgId),
      newProgram,
      async newDevice(deviceKey, { tenant: owner = tenant, assetId, secret = 's3cr3t' } = {}) {
        const device = await core.devices.create(owner.scope, {
          key: deviceKey,
          product: owner.product.serial,
          aliases: assetId === undefined ? {} : { 'enos/asset-id': assetId },
          credentials: [{ scheme: 'enos', secret, recoverable: true }],
        })
        return device.id
      },
      async newFirmware(version, { bytes = Buffer.from(`image ${version}`), tenant: owner = tenant, ...given } = {}) {
        const staged = await core.deps.blobs.stage(bytesOf(bytes), { maxBytes: 1_000_000 })
        const [module] = await core.products.modules(owner.product.serial)
        const input = { product: owner.product.serial, module: module?.serial ?? null, fileName: 'image.bin', version }
        return core.firmware.create(owner.scope, { ...input, ...given }, staged)
      },
      async assign(deviceKey, { firmware }) {
        await core.assignments.assign(tenant.scope, { device: deviceKey }, { firmware: firmware.id })
      },
      async update(deviceKey) {
        const { serial } = await core.devices.get(tenant.organisation.serial, deviceKey)
        return core.deps.storage.read.updates.findLatest(serial)
      },
      [Symbol.asyncDispose]: () => this.retire(),
    }
  }

  async #newTenant(orgId: string): Promise<Tenant> {
    const { core } = this.#server
    drawn += 1
    const aliases = { 'enos/org-id': orgId }
    const organisation = await core.organisations.create(SYSTEM, { key: `tenant-${drawn}`, aliases })
    const scope = { actor: SYSTEM, organisation: organisation.serial }
    const { product } = await core.products.create(scope, { key: 'pk1' })
    const tenant = { orgId, organisation, scope, product }
    this.#tenants.push(tenant)
    return tenant
  }

  async #newProgram(owner: Tenant, { tenant: _tenant, ...input }: ProgramInput): Promise<Program> {
    const { core, clock, url } = this.#server
    const permissions = input.permissions ?? ['read', 'write']
    const { accessKey, secret } = await core.accessKeys.create(owner.scope, { ...input, permissions })
    this.#accessKeys.push(accessKey)
    return new Program({ base: url, clock, key: accessKey.key, secret, orgId: owner.orgId })
  }
}

/** Bytes that differ at every place. */
export function someBytes(length: number, seed = 'bytes'): Buffer {
  const blocks: Buffer[] = []
  for (let index = 0; index * 32 < length; index += 1)
    blocks.push(createHash('sha256').update(`${seed}${index}`).digest())
  return Buffer.concat(blocks).subarray(0, length)
}

export interface Part {
  readonly name: string
  readonly value: string | Uint8Array
  readonly filename?: string
}

/** A multipart body and its content type. */
export function formOf(parts: readonly Part[]): { body: Buffer; contentType: string } {
  const boundary = '----enos-form'
  const chunks = parts.flatMap(({ name, value, filename }) => [
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}\r\n\r\n`,
    value,
    '\r\n',
  ])
  const body = Buffer.concat([...chunks, `--${boundary}--\r\n`].map((chunk) => Buffer.from(chunk as string)))
  return { body, contentType: `multipart/form-data; boundary=${boundary}` }
}
