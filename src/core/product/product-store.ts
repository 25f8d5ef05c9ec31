import type { Id, New, Patch, Serial, Slice } from '../common.ts'
import type { Module, Product } from './product.ts'

export interface ProductStore {
  /** Throws `conflict` (details.field `key`, `id` or `serial`) when taken. */
  insert(row: New<Product>): Promise<Product>
  find(serial: Serial): Promise<Product | undefined>
  findById(organisation: Serial, id: Id): Promise<Product | undefined>
  findByKey(organisation: Serial, key: string): Promise<Product | undefined>
  /** In every organisation, by serial, at most `limit`: for callers that name no organisation. */
  listByKeyOnServer(key: string, limit: number): Promise<Product[]>
  update(serial: Serial, patch: Patch<Product>, ifRevision?: number): Promise<Product | undefined>
  /** Throws `in-use` while devices, firmware, releases or rollouts refer to it; its modules go with it. */
  delete(serial: Serial): Promise<void>
  list(organisation: Serial, slice: Slice): Promise<Product[]>
}

export interface ModuleStore {
  /** Throws `conflict` (details.field `key`, `id` or `serial`) when taken. */
  insert(row: New<Module>): Promise<Module>
  find(serial: Serial): Promise<Module | undefined>
  findByKey(product: Serial, key: string): Promise<Module | undefined>
  update(serial: Serial, patch: Patch<Module>, ifRevision?: number): Promise<Module | undefined>
  /** Throws `in-use` while firmware or running versions refer to it. */
  delete(serial: Serial): Promise<void>
  /** All modules of a product in order of creation; the primary one first. */
  listByProduct(product: Serial): Promise<Module[]>
}
