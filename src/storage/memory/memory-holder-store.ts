import type { Id, Millis, TimeSlice } from '../../core/common.ts'
import type { Credential, Device } from '../../core/device/device.ts'
import type {
  AssignmentHolder,
  AssignmentHolderFilter,
  DeviceHolder,
  GroupHolder,
  HolderFilter,
  HolderStore,
} from '../../core/device/holder-store.ts'
import { containsText, type MemorySession, take } from './memory-session.ts'

export function memoryHolderStore({ tables }: MemorySession): HolderStore {
  const newest = (where: ['device' | 'group', number], { scheme, now }: HolderFilter): Credential | undefined =>
    take(
      tables.credentials.rows({ where, order: 'desc' }),
      { limit: 1 },
      (row) => row.scheme === scheme && (row.expiresAt === null || now < row.expiresAt),
    )[0]

  function candidates({ organisation, group, id }: HolderFilter): Iterable<Device> {
    if (id === undefined)
      return tables.devices.rows({ where: group === undefined ? ['organisation', organisation] : ['group', group] })
    const device = tables.devices.find('id', id)
    return device ? [device] : []
  }

  function* devices(filter: HolderFilter): Generator<DeviceHolder> {
    const { organisation, group, nameContains } = filter
    for (const device of candidates(filter)) {
      if (device.organisation !== organisation || (group !== undefined && device.group !== group)) continue
      if (nameContains !== undefined && !containsText(device.name, nameContains)) continue
      const credential = newest(['device', device.serial], filter)
      const groupId = device.group === null ? null : (tables.groups.get(device.group)?.id ?? null)
      if (credential) yield { device, groupId, credential }
    }
  }

  function* groups(filter: HolderFilter): Generator<GroupHolder> {
    for (const group of tables.groups.rows({ where: ['organisation', filter.organisation] })) {
      if (filter.nameContains !== undefined && !containsText(group.name, filter.nameContains)) continue
      if (filter.id !== undefined && group.id !== filter.id) continue
      const credential = newest(['group', group.serial], filter)
      if (credential) yield { group, credential }
    }
  }

  function* assignments(filter: AssignmentHolderFilter): Generator<AssignmentHolder> {
    const { target } = filter
    for (const assignment of tables.assignments.rows({ where: ['organisation', filter.organisation] })) {
      const owner = assignment[target]
      const row = owner === null ? undefined : tables[`${target}s`].get(owner)
      const credential = row && newest([target, row.serial], filter)
      const release = tables.releases.get(assignment.release)
      if (row && credential && release) yield { assignment, targetId: row.id, version: release.version, credential }
    }
  }

  const created = (row: { readonly createdAt: Millis; readonly id: Id }) => ({ at: row.createdAt, id: row.id })
  const assigned = ({ assignment }: AssignmentHolder) => ({ at: assignment.assignedAt, id: assignment.id })
  return {
    devices: async (filter, slice) => sliced(devices(filter), slice, ({ device }) => created(device)),
    countDevices: async (filter) => [...devices(filter)].length,
    groups: async (filter, slice) => sliced(groups(filter), slice, ({ group }) => created(group)),
    countGroups: async (filter) => [...groups(filter)].length,
    assignments: async (filter, slice) => sliced(assignments(filter), slice, assigned),
    countAssignments: async (filter) => [...assignments(filter)].length,
  }
}

interface Place {
  readonly at: Millis
  readonly id: Id
}

function sliced<T>(rows: Iterable<T>, slice: TimeSlice, placeOf: (row: T) => Place): T[] {
  const sign = slice.order === 'desc' ? -1 : 1
  const { after } = slice
  const sorted = [...rows].sort((a, b) => sign * compare(placeOf(a), placeOf(b)))
  return take(sorted, slice, (row) => after === undefined || sign * compare(placeOf(row), after) > 0)
}

function compare(a: Place, b: Place): number {
  if (a.at !== b.at) return a.at - b.at
  return a.id === b.id ? 0 : a.id < b.id ? -1 : 1
}
