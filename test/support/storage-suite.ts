import { afterAll, beforeAll, expect } from 'vitest'
import type { Serial, Slice } from '../../src/core/common.ts'
import type { Device } from '../../src/core/device/device.ts'
import type { Artifact, Firmware } from '../../src/core/firmware/firmware.ts'
import type { Organisation } from '../../src/core/organisation/organisation.ts'
import type { Storage, Stores } from '../../src/core/ports.ts'
import type { Module, Product } from '../../src/core/product/product.ts'
import type { Release } from '../../src/core/release/release.ts'
import * as rows from './rows.ts'

/** The storage that a contract suite runs against; one for all tests of the suite, so each test makes its own tenant. */
export interface StorageUnderTest {
  readonly storage: Storage
  readonly read: Stores
  /** One transaction. */
  write<T>(work: (stores: Stores) => Promise<T>): Promise<T>
}

export function useStorage(open: () => Promise<Storage>): StorageUnderTest {
  let opened: Storage | undefined
  const current = (): Storage => {
    if (opened === undefined) throw new Error('the storage is opened before the first test')
    return opened
  }
  beforeAll(async () => {
    opened = await open()
  })
  afterAll(async () => opened?.close())
  return {
    get storage() {
      return current()
    },
    get read() {
      return current().read
    },
    write: (work) => current().transaction(work),
  }
}

/** One of each thing that other rows refer to. */
export interface Fleet {
  readonly organisation: Organisation
  readonly product: Product
  readonly module: Module
  readonly device: Device
  readonly firmware: Firmware
  readonly artifact: Artifact
  /** The silent release of `firmware`. */
  readonly release: Release
}

export async function insertFleet(stores: Stores): Promise<Fleet> {
  const organisation = await stores.organisations.insert(rows.newOrganisation())
  const product = await stores.products.insert(rows.newProduct(organisation.serial))
  const module = await stores.modules.insert(rows.newModule(product))
  const device = await stores.devices.insert(rows.newDevice(organisation.serial, { product: product.serial }))
  const target = { product: product.serial, module: module.serial }
  const firmware = await stores.firmware.insert(rows.newFirmware(organisation.serial, target))
  const artifact = await stores.artifacts.insert(rows.newArtifact(firmware))
  const release = await stores.releases.insert(rows.newRelease(firmware))
  return { organisation, product, module, device, firmware, artifact, release }
}

/** Runs `make` so many times, one after another. */
export async function times<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  const made: T[] = []
  for (let index = 0; index < count; index += 1) made.push(await make(index))
  return made
}

/** What a rejected write looks like; for `toMatchObject`. */
export function conflict(entity: string, field: string): object {
  return { name: 'OtaError', code: 'conflict', details: { entity, field } }
}

export const IN_USE = { name: 'OtaError', code: 'in-use' }

/** Checks every way of slicing a list that holds exactly these five rows. */
export async function expectSlices<T extends { readonly serial: Serial }>(
  list: (slice: Slice) => Promise<T[]>,
  all: readonly T[],
): Promise<void> {
  const [a, b, c, d, e] = all
  if (!a || !b || !c || !d || !e || all.length !== 5) throw new Error('needs five rows')
  expect(await list({ limit: 5 })).toEqual([a, b, c, d, e])
  expect(await list({ limit: 2, order: 'asc' })).toEqual([a, b])
  expect(await list({ limit: 2, after: b.serial })).toEqual([c, d])
  expect(await list({ limit: 9, after: e.serial })).toEqual([])
  expect(await list({ limit: 2, order: 'desc' })).toEqual([e, d])
  expect(await list({ limit: 9, order: 'desc', after: c.serial })).toEqual([b, a])
  expect(await list({ limit: 9, order: 'desc', after: a.serial })).toEqual([])
  expect(await list({ limit: 2, offset: 1 })).toEqual([b, c])
  expect(await list({ limit: 2, offset: 4 })).toEqual([e])
  expect(await list({ limit: 2, offset: 5 })).toEqual([])
  expect(await list({ limit: 2, offset: 1, order: 'desc' })).toEqual([d, c])
  expect(await list({ limit: 2, offset: 1, after: a.serial })).toEqual([c, d])
}
