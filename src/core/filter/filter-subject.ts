import type { Device, RunningVersion } from '../device/device.ts'
import type { Module } from '../product/product.ts'
import type { FilterSubject } from './matches-filter.ts'

/** What is known of a device, as stores and `DeviceFacts` have it. */
export interface SubjectFacts {
  readonly device: Device
  /** The device's product; absent while unknown. */
  readonly product?: { readonly key: string } | undefined
  /** The device's group; absent when it is in none. */
  readonly group?: { readonly key: string } | undefined
  /** Of the device's product. */
  readonly modules: ReadonlyArray<Pick<Module, 'serial' | 'key' | 'isPrimary'>>
  /** What the device reported; versions of other modules than these count for nothing. */
  readonly running: readonly RunningVersion[]
}

/** The device as filters ask about it. */
export function filterSubject({ device, product, group, modules, running }: SubjectFacts): FilterSubject {
  const { key, id, name, status, tags, attributes } = device
  const byModule = new Map(running.map(({ module, version }) => [module, version]))
  const versions = modules.flatMap((module) => {
    const version = byModule.get(module.serial)
    return version === undefined ? [] : [[module.key, version] as const]
  })
  return {
    key,
    id,
    name,
    status,
    product: product?.key ?? null,
    group: group?.key ?? null,
    tags,
    attributes,
    versions: Object.fromEntries(versions),
    primaryModule: modules.find(({ isPrimary }) => isPrimary)?.key ?? null,
  }
}
