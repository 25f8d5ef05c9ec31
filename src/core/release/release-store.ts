import type { Id, New, Serial, Slice } from '../common.ts'
import type { Release } from './release.ts'

export interface ReleaseStore {
  /**
   * Throws `conflict` when a named release of the product has the version (details.field `version`) or the firmware has
   * its silent release already (`firmware`).
   */
  insert(row: New<Release>): Promise<Release>
  find(serial: Serial): Promise<Release | undefined>
  findById(organisation: Serial, id: Id): Promise<Release | undefined>
  /** Named releases only. */
  findByVersion(organisation: Serial, product: Serial, version: string): Promise<Release | undefined>
  /** The silent release of a single firmware, if it was made already. */
  findSilent(firmware: Serial): Promise<Release | undefined>
  /** Throws `in-use` while assignments, updates or rollouts refer to it. */
  delete(serial: Serial): Promise<void>
  /** Named releases only. */
  list(filter: { organisation: Serial; product?: Serial }, slice: Slice): Promise<Release[]>
}
