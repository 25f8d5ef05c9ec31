import type { Device } from '../../core/device/device.ts'
import type { Organisation } from '../../core/organisation/organisation.ts'
import type { Product } from '../../core/product/product.ts'

/** This protocol in updates, credentials and events. */
export const ENOS = 'enos'

/** Slots of the names that EnOS programs and devices carry; what has none answers to its key (assetId: its id). */
export const SLOT = {
  orgId: 'enos/org-id',
  productKey: 'enos/product-key',
  deviceKey: 'enos/device-key',
  assetId: 'enos/asset-id',
} as const

export function orgIdOf(organisation: Organisation): string {
  return organisation.aliases[SLOT.orgId] ?? organisation.key
}

export function productKeyOf(product: Product): string {
  return product.aliases[SLOT.productKey] ?? product.key
}

export function deviceKeyOf(device: Device): string {
  return device.aliases[SLOT.deviceKey] ?? device.key
}

export function assetIdOf(device: Device): string {
  return device.aliases[SLOT.assetId] ?? device.id
}

const FILE_URL = 'enos-connect://'

/** [enos 3.3] No HTTP address: the identifier of a file. */
export function fileUrlOf(fileAlias: string): string {
  return FILE_URL + fileAlias
}

/** The alias in a file identifier; undefined for anything else. */
export function fileAliasOf(fileUri: string): string | undefined {
  return fileUri.startsWith(FILE_URL) ? fileUri.slice(FILE_URL.length) : undefined
}
