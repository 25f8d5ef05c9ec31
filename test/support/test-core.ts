import { randomBytes } from 'node:crypto'
import type { Blobs } from '../../src/core/blobs.ts'
import { type Core, createCore } from '../../src/core/create-core.ts'
import { SYSTEM } from '../../src/core/event/event.ts'
import type { CoreLimits } from '../../src/core/limits.ts'
import type { Clock, Notifier, Storage } from '../../src/core/ports.ts'
import type { Scope } from '../../src/core/service.ts'
import { jwtSigner } from '../../src/server/runtime/jwt-signer.ts'
import { randomIds } from '../../src/server/runtime/random-ids.ts'
import { sealedSecrets } from '../../src/server/runtime/sealed-secrets.ts'
import { MemoryBlobs } from '../../src/storage/blob/memory-blobs.ts'
import { openMemoryStorage } from '../../src/storage/memory/memory-storage.ts'

export interface TestCoreOptions {
  readonly clock: Clock
  /** Memory unless given. */
  readonly storage?: Storage
  readonly blobs?: Blobs
  readonly limits?: Partial<CoreLimits>
  readonly notifier?: Notifier
}

/** The real core over real parts; password hashing is made cheap. */
export function createTestCore(options: TestCoreOptions): Core {
  const secrets = sealedSecrets(randomBytes(32), { memory: 64, passes: 1, parallelism: 1 })
  return createCore(
    {
      storage: options.storage ?? openMemoryStorage(),
      blobs: options.blobs ?? new MemoryBlobs(),
      clock: options.clock,
      ids: randomIds,
      secrets,
      tokens: jwtSigner(secrets, options.clock),
      notifier: options.notifier ?? { assigned: () => undefined },
    },
    options.limits,
  )
}

/** Bytes as an upload would bring them. */
export async function* bytesOf(content: string | Uint8Array): AsyncGenerator<Uint8Array> {
  yield typeof content === 'string' ? Buffer.from(content) : content
}

export async function newScope(core: Core, key = 'acme'): Promise<Scope> {
  const organisation = await core.organisations.create(SYSTEM, { key })
  return { actor: SYSTEM, organisation: organisation.serial }
}

/** A library firmware of the product's primary module, with content of its own. */
export async function pushFirmware(core: Core, scope: Scope, product: string, version: string) {
  const { serial } = await core.products.get(scope.organisation, product)
  const module = (await core.products.modules(serial)).find((one) => one.isPrimary)
  const staged = await core.deps.blobs.stage(bytesOf(`${product} ${version}`), { maxBytes: 1000 })
  return core.firmware.create(
    scope,
    { product: serial, module: module?.serial ?? null, version, active: true, fileName: `${version}.bin` },
    staged,
  )
}
