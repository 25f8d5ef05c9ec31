import type { Id, Serial } from '../common.ts'
import { invalid, notFound } from '../errors.ts'
import type { Firmware } from '../firmware/firmware.ts'
import type { Stores } from '../ports.ts'
import { findModule, findProduct } from '../product/product-service.ts'
import { recordFor, type Scope, type ServiceDeps } from '../service.ts'
import { requireVersion } from '../validate.ts'
import { ensureSilentRelease } from './ensure-silent-release.ts'
import type { Release } from './release.ts'

export interface ReleaseInput {
  readonly product: string
  readonly version: string
  /** Module key -> firmware version. */
  readonly firmware: Readonly<Record<string, string>>
  readonly id?: Id
}

/** What to ship: a named release by id, or one firmware by product, module and version, or a firmware by id. */
export type ReleaseReference =
  | { readonly release: string; readonly product?: string }
  | { readonly product: string; readonly module?: string; readonly version: string }
  | { readonly firmware: string }

export class ReleaseService {
  readonly #deps: ServiceDeps

  constructor(deps: ServiceDeps) {
    this.#deps = deps
  }

  /** Seals the firmware in it. Throws `conflict` when the version is taken, `not-found` for missing parts. */
  async create(scope: Scope, input: ReleaseInput): Promise<Release> {
    const { storage, clock, ids } = this.#deps
    requireVersion('version', input.version)
    if (Object.keys(input.firmware).length === 0) throw invalid('firmware', 'must name at least one module')
    return storage.transaction(async (stores) => {
      const product = await findProduct(stores, scope.organisation, input.product)
      const firmware = await this.#resolve(stores, scope, { product: product.serial, firmware: input.firmware })
      for (const one of firmware) if (!one.sealed) await stores.firmware.update(one.serial, { sealed: true })
      const now = clock.now()
      const release = await stores.releases.insert({
        id: input.id ?? ids.id(now),
        createdAt: now,
        organisation: scope.organisation,
        product: product.serial,
        version: input.version,
        isSilent: false,
        firmware: firmware.map((one) => one.serial),
      })
      const subject = { kind: 'release', id: release.id }
      const details = { product: product.key, version: release.version, firmware: input.firmware }
      await recordFor(stores, this.#deps, scope, { type: 'release.created', subject, details })
      return release
    })
  }

  /** Throws `in-use` while an assignment, a rollout or an update refers to it. */
  async delete(scope: Scope, id: Id): Promise<void> {
    await this.#deps.storage.transaction(async (stores) => {
      const release = await stores.releases.findById(scope.organisation, id)
      if (!release || release.isSilent) throw notFound('release', id)
      await stores.releases.delete(release.serial)
      const subject = { kind: 'release', id }
      await recordFor(stores, this.#deps, scope, {
        type: 'release.deleted',
        subject,
        details: { version: release.version },
      })
    })
  }

  async #resolve(
    stores: Stores,
    scope: Scope,
    input: { product: Serial; firmware: Readonly<Record<string, string>> },
  ): Promise<Firmware[]> {
    const found: Firmware[] = []
    for (const module of await stores.modules.listByProduct(input.product)) {
      const version = input.firmware[module.key]
      if (version === undefined) continue
      const firmware = await stores.firmware.findByVersion(scope.organisation, module.serial, version)
      if (!firmware) throw notFound('firmware', `${module.key} ${version}`)
      found.push(firmware)
    }
    for (const key of Object.keys(input.firmware)) await findModule(stores, input.product, key)
    return found
  }
}

/** The release that a reference means; a single firmware's silent release is made on first use. Throws `not-found`. */
export async function resolveRelease(
  stores: Stores,
  deps: ServiceDeps,
  organisation: Serial,
  reference: ReleaseReference,
): Promise<Release> {
  if ('release' in reference) {
    const byId = await stores.releases.findById(organisation, reference.release)
    if (byId) return byId
    const product = reference.product && (await findProduct(stores, organisation, reference.product))
    const named = product && (await stores.releases.findByVersion(organisation, product.serial, reference.release))
    if (!named) throw notFound('release', reference.release)
    return named
  }
  if ('firmware' in reference) {
    const firmware = await stores.firmware.findById(organisation, reference.firmware)
    if (!firmware) throw notFound('firmware', reference.firmware)
    return ensureSilentRelease(stores, deps, firmware)
  }
  const product = await findProduct(stores, organisation, reference.product)
  const module = await findModule(stores, product.serial, reference.module)
  const firmware = await stores.firmware.findByVersion(organisation, module.serial, reference.version)
  if (!firmware) throw notFound('firmware', `${product.key}/${module.key} ${reference.version}`)
  return ensureSilentRelease(stores, deps, firmware)
}
