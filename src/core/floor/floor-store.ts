import type { Id, New, Patch, Serial } from '../common.ts'
import type { Floor } from './floor.ts'

export interface FloorStore {
  /** Throws `conflict` (details.field `firmware`, `id` or `serial`) when the firmware is a floor already. */
  insert(row: New<Floor>): Promise<Floor>
  find(serial: Serial): Promise<Floor | undefined>
  findById(organisation: Serial, id: Id): Promise<Floor | undefined>
  findByFirmware(firmware: Serial): Promise<Floor | undefined>
  /** All of them, by serial; the limit `floorsPerOrganisation` bounds them. */
  listByProduct(product: Serial): Promise<Floor[]>
  update(serial: Serial, patch: Patch<Floor>, ifRevision?: number): Promise<Floor | undefined>
  delete(serial: Serial): Promise<void>
}
