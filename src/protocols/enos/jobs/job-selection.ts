import type { Id } from '../../../core/common.ts'
import type { Core } from '../../../core/create-core.ts'
import type { Device } from '../../../core/device/device.ts'
import { findGroup } from '../../../core/device/group-service.ts'
import { isOtaError } from '../../../core/errors.ts'
import type { Filter, FilterField } from '../../../core/filter/filter.ts'
import type { Firmware } from '../../../core/firmware/firmware.ts'
import type { Organisation } from '../../../core/organisation/organisation.ts'
import type { Product } from '../../../core/product/product.ts'
import { devicesByAssetId, devicesByDeviceKey } from '../device-names.ts'
import { invalidArgument } from '../errors.ts'
import { SLOT } from '../names.ts'
import type { UpgradeScope } from './upgrade-scope.ts'

/** The devices that a scope means. */
export interface JobSelection {
  readonly product: Product
  /** By their names, labels and groups, whatever they run. */
  readonly who: Filter
  /** [enos 4] Of those, the ones that have reported a version, and which: never the target. */
  readonly running: Filter
}

export interface JobTarget {
  readonly organisation: Organisation
  readonly firmware: Firmware
}

/** [enos 4] Finds out what the names in a scope mean. Throws `EnosFailure` for those that mean nothing. */
export async function jobSelection(core: Core, target: JobTarget, scope: UpgradeScope): Promise<JobSelection> {
  const { organisation, firmware } = target
  const named = await namedProduct(core, target, scope)
  const stores = core.deps.storage.read
  const { deviceKeys, assetIds } = scope
  const byKey =
    deviceKeys &&
    (await devicesByDeviceKey(stores, { organisation, names: deviceKeys }, named ? [named.serial] : undefined))
  const devices = byKey && deviceKeys?.map((name) => only(name, byKey.get(name) ?? []))
  const byAsset = assetIds && (await devicesByAssetId(stores, { organisation, names: assetIds }))
  const assets = byAsset && assetIds?.map((name) => known(name, byAsset.get(name)))
  const product = named ?? (await commonProduct(core, [...(devices ?? []), ...(assets ?? [])]))
  if (assets?.some((asset) => asset.product !== product.serial))
    throw invalidArgument('upgradeScope.assetIds', 'names a device of another product')
  const who: Filter[] = [
    ...(devices ? [oneOf('id', ids(devices))] : []),
    ...(assets ? [oneOf('id', ids(assets))] : []),
    ...Object.entries(scope.attributes).map(([name, values]) => oneOf(`attribute.${name}`, values)),
    ...Object.entries(scope.tags).map(([name, values]) => oneOf(`tag.${name}`, values)),
    ...(scope.deviceGroupIds ? [oneOf('group', await groupKeys(core, organisation, scope.deviceGroupIds))] : []),
  ]
  return { product, who: all(who), running: running(firmware, scope) }
}

/** Joins filters, all of which must hold. */
export function all(of: readonly Filter[]): Filter {
  const [first] = of
  return of.length === 1 && first ? first : { kind: 'all', of }
}

export function oneOf(field: FilterField, values: readonly string[]): Filter {
  return { kind: 'one-of', field, values: [...new Set(values)] }
}

function running({ version }: Firmware, { versionNumbers }: UpgradeScope): Filter {
  if (versionNumbers.includes(version))
    throw invalidArgument('upgradeScope.versionNumbers', 'names the version of the firmware')
  const isTarget = oneOf('version', [version])
  return all([
    { kind: 'exists', field: 'version' },
    { kind: 'not', of: isTarget },
    ...(versionNumbers.length > 0 ? [oneOf('version', versionNumbers)] : []),
  ])
}

/** The product of the firmware, else the one that the scope names; undefined when neither says. */
async function namedProduct(
  core: Core,
  { organisation, firmware }: JobTarget,
  { productKey }: UpgradeScope,
): Promise<Product | undefined> {
  const { products } = core.deps.storage.read
  const bound = firmware.product === null ? undefined : await products.find(firmware.product)
  if (productKey === undefined) return bound
  const named = await core.products.findByAlias(organisation.serial, SLOT.productKey, productKey)
  if (!named || (bound && bound.serial !== named.serial))
    throw invalidArgument('upgradeScope.productKey', named ? 'is not that of the firmware' : 'does not exist')
  return named
}

/** [enos 4] Firmware that is bound to no product goes to the one product of the devices that are named. */
async function commonProduct(core: Core, devices: readonly Device[]): Promise<Product> {
  const serials = [...new Set(devices.map((device) => device.product))]
  const [only] = serials
  const product = only == null || serials.length > 1 ? undefined : await core.deps.storage.read.products.find(only)
  if (!product) throw invalidArgument('upgradeScope.productKey', 'productKey is missing: the firmware has no product')
  return product
}

async function groupKeys(core: Core, { serial }: Organisation, groups: readonly string[]): Promise<string[]> {
  const keys: string[] = []
  for (const reference of groups)
    try {
      keys.push((await findGroup(core.deps.storage.read, serial, reference)).key)
    } catch (error) {
      if (!isOtaError(error, 'not-found')) throw error
      throw invalidArgument('upgradeScope.deviceGroupIds', `${reference} does not exist`)
    }
  return keys
}

function only(name: string, [device, another]: readonly Device[]): Device {
  if (another) throw invalidArgument('upgradeScope.deviceKeys', `${name} is ambiguous without productKey`)
  if (!device) throw invalidArgument('upgradeScope.deviceKeys', `${name} does not exist`)
  return device
}

function known(name: string, device: Device | undefined): Device {
  if (!device) throw invalidArgument('upgradeScope.assetIds', `${name} does not exist`)
  return device
}

function ids(devices: readonly Device[]): Id[] {
  return devices.map(({ id }) => id)
}
