import { createHash } from 'node:crypto'
import type { AccessGrant, Permission } from '../../../src/core/access/access-key.ts'
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
  readonly organisation: Organisation
  readonly scope: Scope
  readonly product: Product
}

export interface Enos {
  readonly server: TestServer
  /** Organisation `org1` with product `pk1`. */
  readonly tenant: Tenant
  readonly program: Program
  newTenant(key: string): Promise<Tenant>
  newProgram(given?: {
    key?: string
    secret?: string
    permissions?: readonly Permission[]
    grants?: readonly AccessGrant[]
    tenant?: Tenant
  }): Promise<Program>
  /** A device of product `pk1` with the secret `s3cr3t`. */
  newDevice(deviceKey: string, given?: { tenant?: Tenant; assetId?: string; secret?: string }): Promise<string>
  newFirmware(
    version: string,
    given?: Partial<FirmwareInput> & { bytes?: Uint8Array; tenant?: Tenant },
  ): Promise<FirmwareFile>
  assign(deviceKey: string, firmware: FirmwareFile): Promise<void>
  /** The newest update of a device. */
  update(deviceKey: string): Promise<Update | undefined>
  close(): Promise<void>
}

export async function startEnos(options: EnosOptions = {}): Promise<Enos> {
  const server = await startTestServer({
    ...(options.storage && { storage: options.storage }),
    ...(options.http && { http: options.http }),
    listen: true,
    protocols: (host) => [enosProtocol(host, options.config)],
  })
  server.clock.set(T)
  const { core, clock } = server
  const newTenant = (key: string) => makeTenant(server, key)
  const tenant = await newTenant('org1')

  const newProgram: Enos['newProgram'] = async (given = {}) => {
    const owner = given.tenant ?? tenant
    const permissions = given.permissions ?? ['read', 'write']
    const { tenant: _owner, ...input } = given
    const { accessKey, secret } = await core.accessKeys.create(owner.scope, { ...input, permissions })
    return new Program({ base: server.url, clock, key: accessKey.key, secret, orgId: owner.organisation.key })
  }

  const deviceOf = (deviceKey: string) => core.devices.get(tenant.organisation.serial, deviceKey)

  return {
    server,
    tenant,
    program: await newProgram({ key: ACCESS_KEY, secret: SECRET }),
    newTenant,
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
      return core.deps.storage.read.updates.findLatest((await deviceOf(deviceKey)).serial)
    },
    close: () => server.close(),
  }
}

async function makeTenant({ core }: TestServer, key: string): Promise<Tenant> {
  const organisation = await core.organisations.create(SYSTEM, { key })
  const scope = { actor: SYSTEM, organisation: organisation.serial }
  const { product } = await core.products.create(scope, { key: 'pk1' })
  return { organisation, scope, product }
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
