import type { Serial } from '../../core/common.ts'
import type { Device } from '../../core/device/device.ts'
import type { Organisation } from '../../core/organisation/organisation.ts'
import type { Stores } from '../../core/ports.ts'
import { assetIdOf, deviceKeyOf, SLOT } from './names.ts'

/** Who is looked for, and where. */
interface Named {
  readonly organisation: Organisation
  readonly names: readonly string[]
}

/** Products whose devices are looked through. */
const PRODUCTS = 10_000

/** [enos 1] The devices of an organisation by their deviceKeys; in one of these products, or in any. */
export async function devicesByDeviceKey(
  stores: Stores,
  { organisation, names }: Named,
  products?: readonly Serial[],
): Promise<ReadonlyMap<string, readonly Device[]>> {
  const within = products ?? (await productsOf(stores, organisation))
  const aliases = await stores.aliases.listNamed(
    within.flatMap((scope) => names.map((name) => ({ slot: SLOT.deviceKey, scope, name }))),
  )
  const serials = aliases.map(({ owner }) => owner)
  const found = await stores.devices.listNamed({ organisation: organisation.serial, keys: names, ids: [], serials })
  const isWithin = (device: Device) =>
    device.organisation === organisation.serial && device.product !== null && within.includes(device.product)
  return Map.groupBy(found.filter(isWithin), deviceKeyOf)
}

/** [enos 1] The devices of an organisation by their assetIds. */
export async function devicesByAssetId(
  stores: Stores,
  { organisation, names }: Named,
): Promise<ReadonlyMap<string, Device>> {
  const aliases = await stores.aliases.listNamed(names.map((name) => ({ slot: SLOT.assetId, scope: 0, name })))
  const serials = aliases.map(({ owner }) => owner)
  const found = await stores.devices.listNamed({ organisation: organisation.serial, keys: [], ids: names, serials })
  const own = found.filter((device) => device.organisation === organisation.serial)
  return new Map(own.map((device) => [assetIdOf(device), device]))
}

async function productsOf(stores: Stores, { serial }: Organisation): Promise<Serial[]> {
  return (await stores.products.list(serial, { limit: PRODUCTS })).map((product) => product.serial)
}
