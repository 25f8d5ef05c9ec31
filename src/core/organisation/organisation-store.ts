import type { Id, New, Patch, Serial, Slice } from '../common.ts'
import type { Organisation } from './organisation.ts'

export interface OrganisationStore {
  /** Throws `conflict` (details.field `key` or `id`) when taken. */
  insert(row: New<Organisation>): Promise<Organisation>
  find(serial: Serial): Promise<Organisation | undefined>
  findById(id: Id): Promise<Organisation | undefined>
  findByKey(key: string): Promise<Organisation | undefined>
  /** Returns the changed row; undefined when it does not exist or its revision is not `ifRevision`. */
  update(serial: Serial, patch: Patch<Organisation>, ifRevision?: number): Promise<Organisation | undefined>
  list(slice: Slice): Promise<Organisation[]>
}
