import type { Id, Millis } from '../../core/common.ts'
import type { AssignmentHolder, DeviceHolder, GroupHolder } from '../../core/device/holder-store.ts'
import type { Target } from './scheme.ts'

/** What the rows of one reply have in common. */
export interface Shown {
  /** Id of the organisation. */
  readonly owner: Id
  /** The token in clear, as the API shows it. */
  readonly token: string
}

/** The one board type that the vendor's API knows. */
const BOARD = 'Magnolia'

// [iotaap 3.3] members in this order; `group` only where there is one
export function toDevice({ device, groupId }: DeviceHolder, { owner, token }: Shown) {
  return {
    _id: device.id,
    type: BOARD,
    name: device.name,
    token,
    last_contact: device.lastSeenAt === null ? null : toDate(device.lastSeenAt),
    created_at: toDate(device.createdAt),
    owner,
    __v: 0,
    ...(groupId !== null && { group: groupId }),
  }
}

// [iotaap 3.4]
export function toGroup({ group }: GroupHolder, { owner, token }: Shown) {
  return { _id: group.id, name: group.name, token, created_at: toDate(group.createdAt), owner, __v: 0 }
}

// [iotaap 3.5]
export function toOta(target: Target, row: AssignmentHolder, { owner, token }: Shown) {
  return {
    _id: row.assignment.id,
    [target]: row.targetId,
    __v: 0,
    last_updated: toDate(row.assignment.assignedAt),
    owner,
    path: toPath(target, row.targetId, token),
    version: row.version,
  }
}

/** A label that clients show and search; nothing is stored under it. */
export function toPath(target: Target, id: Id, token: string): string {
  return `ota/${target}/${id}${token}/firmware.bin`
}

function toDate(at: Millis): string {
  return new Date(at).toISOString()
}
