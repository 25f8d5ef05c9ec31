import type { Id, New, Serial, Slice } from '../common.ts'
import type { Assignment } from './assignment.ts'

export interface AssignmentFilter {
  readonly organisation: Serial
  readonly target?: 'device' | 'group'
  readonly device?: Serial
  readonly release?: Serial
}

export interface AssignmentStore {
  /** Inserts, or replaces release and `assignedAt` of the target's assignment, keeping its serial, id and createdAt. */
  put(row: New<Assignment>): Promise<Assignment>
  findById(organisation: Serial, id: Id): Promise<Assignment | undefined>
  findByDevice(device: Serial): Promise<Assignment | undefined>
  findByGroup(group: Serial): Promise<Assignment | undefined>
  /** As both of these for many, in no particular order. */
  listByTargets(targets: { devices: readonly Serial[]; groups: readonly Serial[] }): Promise<Assignment[]>
  delete(serial: Serial): Promise<void>
  /** Ordered by serial. */
  list(filter: AssignmentFilter, slice: Slice): Promise<Assignment[]>
  /** How many assignments pin a release. */
  countByRelease(release: Serial): Promise<number>
}
