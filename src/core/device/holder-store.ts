import type { Assignment } from '../assignment/assignment.ts'
import type { Id, Millis, Serial, TimeSlice } from '../common.ts'
import type { Credential, Device, DeviceGroup } from './device.ts'

/** Whoever holds a live credential of one scheme; nobody else exists for a protocol that shows only its own. */
export interface HolderFilter {
  readonly organisation: Serial
  readonly scheme: string
  /** Credentials that expire at or before this moment do not count. */
  readonly now: Millis
  /** Only the one with this id. Ignored for assignments. */
  readonly id?: Id
  /** Case-insensitive literal substring of the name. Ignored for assignments. */
  readonly nameContains?: string
  /** Only members of this group. Ignored for groups and assignments. */
  readonly group?: Serial
}

export interface AssignmentHolderFilter extends HolderFilter {
  readonly target: 'device' | 'group'
}

/** `credential` is the newest live one of the scheme: during a rotation there are two. */
export interface DeviceHolder {
  readonly device: Device
  /** Id of its group; null when it has none. */
  readonly groupId: Id | null
  readonly credential: Credential
}

export interface GroupHolder {
  readonly group: DeviceGroup
  readonly credential: Credential
}

export interface AssignmentHolder {
  readonly assignment: Assignment
  /** Id of the device or group. */
  readonly targetId: Id
  /** Version of the assigned release. */
  readonly version: string
  readonly credential: Credential
}

/**
 * Lists by credential scheme, each row with all that its protocol shows, in one query. Ordered by time (creation, of
 * assignments the last assignment), then by id.
 */
export interface HolderStore {
  devices(filter: HolderFilter, slice: TimeSlice): Promise<DeviceHolder[]>
  countDevices(filter: HolderFilter): Promise<number>
  groups(filter: HolderFilter, slice: TimeSlice): Promise<GroupHolder[]>
  countGroups(filter: HolderFilter): Promise<number>
  assignments(filter: AssignmentHolderFilter, slice: TimeSlice): Promise<AssignmentHolder[]>
  countAssignments(filter: AssignmentHolderFilter): Promise<number>
}
