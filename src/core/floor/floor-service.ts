import { valid } from 'semver'
import type { Id, Serial } from '../common.ts'
import { invalid, notFound, OtaError } from '../errors.ts'
import type { Firmware } from '../firmware/firmware.ts'
import { findFirmware } from '../firmware/firmware-service.ts'
import type { Stores } from '../ports.ts'
import type { Module, Product } from '../product/product.ts'
import { findModule, findProduct } from '../product/product-service.ts'
import { ensureSilentRelease } from '../release/ensure-silent-release.ts'
import { changed, difference, recordFor, type Scope, type ServiceDeps } from '../service.ts'
import { requireText } from '../validate.ts'
import type { Floor } from './floor.ts'

/** The firmware of a floor, by id or by its version in a module (the primary one unless named), and why it is one. */
export interface FloorInput {
  /** Key or id. */
  readonly product: string
  readonly firmware: { readonly id: Id } | { readonly module?: string; readonly version: string }
  readonly reason: string
  readonly id?: Id
}

export interface CreatedFloor {
  readonly floor: Floor
  /** Sentences for the operator: what may surprise. */
  readonly warnings: readonly string[]
}

const REASON_CHARS = 500

/** The tally of an organisation's floors. */
const FLOORS = 'floors'

export class FloorService {
  readonly #deps: ServiceDeps

  constructor(deps: ServiceDeps) {
    this.#deps = deps
  }

  /**
   * Seals the firmware and holds it: it cannot be deleted while it is a floor. Refuses private and withdrawn firmware,
   * and such as is for another product. Throws `conflict` when it is a floor already and `limit-reached` at
   * `floorsPerOrganisation`.
   */
  async create(scope: Scope, input: FloorInput): Promise<CreatedFloor> {
    const { storage, clock, ids, limits } = this.#deps
    const reason = requireText('reason', input.reason, REASON_CHARS)
    return storage.transaction(async (stores) => {
      const { product, module, firmware } = await findTarget(stores, scope.organisation, input)
      const now = clock.now()
      const floor = await stores.floors.insert({
        id: input.id ?? ids.id(now),
        createdAt: now,
        organisation: scope.organisation,
        product: product.serial,
        module: module.serial,
        firmware: firmware.serial,
        reason,
      })
      const limit = limits.floorsPerOrganisation
      if (!(await stores.tallies.add(scope.organisation, FLOORS, { by: 1, limit })))
        throw new OtaError('limit-reached', `An organisation has at most ${limit} floors here.`)
      await ensureSilentRelease(stores, this.#deps, firmware)
      const subject = { kind: 'floor', id: floor.id }
      const details = { product: product.key, module: module.key, version: firmware.version, reason }
      await recordFor(stores, this.#deps, scope, { type: 'floor.created', subject, details })
      return { floor, warnings: warningsOf(firmware) }
    })
  }

  /** Which version it is never changes. */
  async update(scope: Scope, id: Id, patch: { readonly reason: string }, ifRevision?: number): Promise<Floor> {
    const { reason } = patch
    requireText('reason', reason, REASON_CHARS)
    return this.#deps.storage.transaction(async (stores) => {
      const before = await findFloor(stores, scope.organisation, id)
      const after = changed(await stores.floors.update(before.serial, { reason }, ifRevision))
      const details = difference(before, { reason })
      await recordFor(stores, this.#deps, scope, { type: 'floor.changed', subject: { kind: 'floor', id }, details })
      return after
    })
  }

  /** Its firmware stays as it is; devices may jump over it from now on. */
  async delete(scope: Scope, id: Id): Promise<void> {
    await this.#deps.storage.transaction(async (stores) => {
      const floor = await findFloor(stores, scope.organisation, id)
      const [product, module, firmware] = [
        await stores.products.find(floor.product),
        await stores.modules.find(floor.module),
        await stores.firmware.find(floor.firmware),
      ]
      await stores.floors.delete(floor.serial)
      await stores.tallies.add(scope.organisation, FLOORS, { by: -1 })
      const subject = { kind: 'floor', id }
      const details = {
        product: product?.key ?? '',
        module: module?.key ?? '',
        version: firmware?.version ?? '',
        reason: floor.reason,
      }
      await recordFor(stores, this.#deps, scope, { type: 'floor.deleted', subject, details })
    })
  }

  get(organisation: Serial, id: Id): Promise<Floor> {
    return findFloor(this.#deps.storage.read, organisation, id)
  }

  /** All floors of a product, by key or id. */
  async list(organisation: Serial, product: string): Promise<Floor[]> {
    const { read } = this.#deps.storage
    return read.floors.listByProduct((await findProduct(read, organisation, product)).serial)
  }
}

/** By id, within the organisation. Throws `not-found`. */
export async function findFloor(stores: Stores, organisation: Serial, id: Id): Promise<Floor> {
  const floor = await stores.floors.findById(organisation, id)
  if (!floor) throw notFound('floor', id)
  return floor
}

interface Target {
  readonly product: Product
  readonly module: Module
  readonly firmware: Firmware
}

async function findTarget(stores: Stores, organisation: Serial, input: FloorInput): Promise<Target> {
  const product = await findProduct(stores, organisation, input.product)
  const target = await findNamed(stores, product, input.firmware)
  const { firmware } = target
  if (firmware.scope === 'private') throw invalid('firmware', 'is private: it was made for one device or group')
  if (firmware.product !== product.serial) throw invalid('firmware', 'is not for this product')
  if (firmware.withdrawn) throw new OtaError('forbidden', `Version ${firmware.version} was withdrawn.`)
  return target
}

async function findNamed(stores: Stores, product: Product, named: FloorInput['firmware']): Promise<Target> {
  if ('id' in named) {
    const firmware = await findFirmware(stores, product.organisation, named.id)
    const own = firmware.product === product.serial && firmware.module !== null
    const module = own ? await stores.modules.find(firmware.module ?? 0) : await findModule(stores, product.serial)
    if (!module) throw notFound('module', firmware.module ?? 0)
    return { product, module, firmware }
  }
  const module = await findModule(stores, product.serial, named.module)
  const firmware = await stores.firmware.findByVersion(product.organisation, module.serial, named.version)
  if (!firmware) throw notFound('firmware', `${product.key}/${module.key} ${named.version}`)
  return { product, module, firmware }
}

function warningsOf({ version, sequence }: Firmware): string[] {
  if (sequence !== null || valid(version) !== null) return []
  return [
    `Nothing orders ${version}: it is no SemVer and has no sequence. Until it has one, no rollout can tell which devices need it first, and refuses them.`,
  ]
}
