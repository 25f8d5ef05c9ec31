import { randomBytes } from 'node:crypto'
import type { Core } from '../../src/core/create-core.ts'
import { SYSTEM } from '../../src/core/event/event.ts'
import { loadConfig } from '../../src/server/config/load-config.ts'
import type { Config } from '../../src/server/config/settings.ts'
import { openCore } from '../../src/server/start-server.ts'

/** The configuration of a data directory, and perhaps of a database elsewhere; nothing of this process's environment. */
export function configFor(data: string, env: Readonly<Record<string, string>> = {}): Config {
  return loadConfig({ flags: { data }, env, cwd: data })
}

/** Runs `work` on an installation as an offline command would, then closes it. */
export async function withCore<T>(config: Config, work: (core: Core) => Promise<T>): Promise<T> {
  const { core, storage } = await openCore(config)
  try {
    return await work(core)
  } finally {
    await storage.close()
  }
}

export interface Planted {
  readonly organisation: number
  readonly device: number
  readonly deviceId: string
  readonly iotaapToken: string
  readonly accessKey: string
  readonly accessSecret: string
  readonly accessToken: string
  readonly bytes: Buffer
  readonly sha256: string
}

/** One of everything that is sealed, and one firmware of `size` bytes. */
export function plant(config: Config, size = 100_000): Promise<Planted> {
  return withCore(config, async (core) => {
    const organisation = await core.organisations.create(SYSTEM, { key: 'acme' })
    const scope = { actor: SYSTEM, organisation: organisation.serial }
    const { product, modules } = await core.products.create(scope, { key: 'panel' })
    const iotaapToken = 'FSXuSmJRiJ4v'
    const device = await core.devices.create(scope, {
      key: 'truck-17',
      product: product.serial,
      credentials: [{ scheme: 'iotaap', secret: iotaapToken, recoverable: true }],
    })
    const { accessKey, secret } = await core.accessKeys.create(scope, { key: 'app', permissions: ['read'] })
    const use = { purpose: 'test', key: 'once', expiresAt: core.deps.clock.now() + 60_000 }
    const answer = await core.accessTokens.obtain(accessKey, use)
    const bytes = randomBytes(size)
    const staged = await core.deps.blobs.stage(piecesOf(bytes), { maxBytes: size })
    const [module] = modules
    if (answer.kind !== 'token' || !module) throw new Error('the installation cannot be planted')
    const input = { product: product.serial, module: module.serial, version: '1.0.0', fileName: 'app.bin' }
    await core.firmware.create(scope, input, staged)
    return {
      organisation: organisation.serial,
      device: device.serial,
      deviceId: device.id,
      iotaapToken,
      accessKey: accessKey.key,
      accessSecret: secret,
      accessToken: answer.token,
      bytes,
      sha256: staged.digests.sha256,
    }
  })
}

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
