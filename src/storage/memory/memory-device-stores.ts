import type { Slice } from '../../core/common.ts'
import type { Device } from '../../core/device/device.ts'
import type { CredentialStore, DeviceFilter, DeviceStore, GroupStore } from '../../core/device/device-store.ts'
import { matchesWhere } from './memory-filter.ts'
import {
  changeEntity,
  containsText,
  count,
  deleteWhere,
  insertEntities,
  insertEntity,
  inUse,
  type MemorySession,
  spanOf,
  take,
} from './memory-session.ts'
import type { Span } from './memory-table.ts'
import { joined, LISTED, type Tables } from './memory-tables.ts'

export function memoryDeviceStore({ tables, changes }: MemorySession): DeviceStore {
  const { devices, credentials, running, assignments, updates, rolloutMembers, aliases } = tables
  const rowsOf = (filter: DeviceFilter, slice: Pick<Slice, 'after' | 'order'> = {}) => {
    const { serials } = filter
    const { after, order = 'asc' } = slice
    if (serials === undefined) return devices.rows(spanOf({ ...slice, limit: 1 }, narrowest(filter)))
    const named = [...new Set(serials)].sort((a, b) => (order === 'asc' ? a - b : b - a))
    const isBeyond = (serial: number) => after === undefined || (order === 'asc' ? serial > after : serial < after)
    return named.filter(isBeyond).flatMap((serial) => devices.get(serial) ?? [])
  }
  const list = (filter: DeviceFilter, slice: Slice) =>
    take(rowsOf(filter, slice), slice, (row) => matches(tables, row, filter))
  return {
    async insert(row) {
      const inserted = insertEntity(devices, row)
      changes.device(inserted.serial)
      return inserted
    },
    async insertMany(rows) {
      const inserted = insertEntities(devices, rows)
      for (const { serial } of inserted) changes.device(serial)
      return inserted
    },
    find: async (serial) => devices.get(serial),
    async findById(organisation, id) {
      const row = devices.find('id', id)
      return row?.organisation === organisation ? row : undefined
    },
    findByIdOnServer: async (id) => devices.find('id', id),
    findByKey: async (organisation, key) => devices.find('key', joined(organisation, key)),
    listByTokens: async (scheme, hashes) =>
      [...new Set(hashes)].flatMap((hash) => {
        const held = credentials.find('hash', joined(scheme, hash))
        const device = held && held.device !== null ? devices.get(held.device) : undefined
        if (!held || !device) return []
        const { serial, id, key, organisation } = device
        return [{ hash, expiresAt: held.expiresAt, device: { serial, id, key, organisation } }]
      }),
    async listNamed({ organisation, keys, ids, serials }) {
      const found = [
        ...keys.map((key) => devices.find('key', joined(organisation, key))),
        ...ids.map((id) => devices.find('id', id)),
        ...serials.map((serial) => devices.get(serial)),
      ]
      return [...new Map(found.flatMap((row) => (row ? [[row.serial, row] as const] : []))).values()]
    },
    async update(serial, patch, ifRevision) {
      changes.device(serial)
      return changeEntity(devices, devices.get(serial), { patch, ifRevision })
    },
    lock: async (serial) => devices.get(serial) !== undefined,
    async delete(serial) {
      deleteWhere(credentials, { where: ['device', serial] })
      deleteWhere(running, { where: ['device', serial] })
      deleteWhere(updates, { where: ['device', serial] })
      deleteWhere(rolloutMembers, { where: ['device', serial] })
      deleteWhere(aliases, { where: ['owner', joined('device', serial)] })
      const assignment = assignments.find('device', serial)
      if (assignment) assignments.delete(assignment.serial)
      devices.delete(serial)
      changes.device(serial)
    },
    list: async (filter, slice) => list(filter, slice),
    async count(filter) {
      const isWhole = Object.values(filter).filter((value) => value !== undefined).length === 1
      if (isWhole) return devices.count(['organisation', filter.organisation])
      return count(rowsOf(filter), (row) => matches(tables, row, filter))
    },
    listFacts: async (filter, slice) =>
      list(filter, slice).map((device) => ({
        device,
        running: [...running.rows({ where: ['device', device.serial] })].map(({ row }) => row),
      })),
    async touch(seen) {
      for (const { device, at } of seen) {
        const row = devices.get(device)
        if (row && (row.lastSeenAt ?? 0) < at) devices.replace({ ...row, lastSeenAt: at })
      }
    },
    async clearGroup(group) {
      const members = [...devices.rows({ where: ['group', group] })]
      for (const member of members) {
        changeEntity(devices, member, { patch: { group: null } })
        changes.device(member.serial)
      }
      return members.length
    },
  }
}

function narrowest(filter: DeviceFilter): NonNullable<Span<'organisation' | 'product' | 'group'>['where']> {
  if (filter.group !== undefined) return ['group', filter.group]
  if (filter.product !== undefined) return ['product', filter.product]
  return ['organisation', filter.organisation]
}

function matches(tables: Tables, row: Device, filter: DeviceFilter): boolean {
  const { organisation, product, group, status, search, nameContains, where, outside } = filter
  return (
    row.organisation === organisation &&
    (product === undefined || row.product === product) &&
    (group === undefined || row.group === group) &&
    (status === undefined || row.status === status) &&
    (search === undefined || containsText(row.key, search) || containsText(row.name, search)) &&
    (nameContains === undefined || containsText(row.name, nameContains)) &&
    (outside === undefined || tables.rolloutMembers.find('device', joined(outside, row.serial)) === undefined) &&
    (where === undefined || matchesWhere(tables, row, where))
  )
}

export function memoryGroupStore({ tables, changes }: MemorySession): GroupStore {
  const { groups, devices, credentials, assignments } = tables
  const isFound = (row: { key: string; name: string }, search: string | undefined) =>
    search === undefined || containsText(row.key, search) || containsText(row.name, search)
  return {
    async insert(row) {
      changes.fleet(row.organisation)
      return insertEntity(groups, row)
    },
    find: async (serial) => groups.get(serial),
    async findById(organisation, id) {
      const row = groups.find('id', id)
      return row?.organisation === organisation ? row : undefined
    },
    findByIdOnServer: async (id) => groups.find('id', id),
    findByKey: async (organisation, key) => groups.find('key', joined(organisation, key)),
    async update(serial, patch, ifRevision) {
      const row = groups.get(serial)
      if (row) changes.fleet(row.organisation)
      return changeEntity(groups, row, { patch, ifRevision })
    },
    async delete(serial) {
      const row = groups.get(serial)
      if (row === undefined) return
      if (devices.count(['group', serial]) > 0) throw inUse('group', 'device')
      deleteWhere(credentials, { where: ['group', serial] })
      const assignment = assignments.find('group', serial)
      if (assignment) assignments.delete(assignment.serial)
      groups.delete(serial)
      changes.fleet(row.organisation)
    },
    list: async ({ organisation, search }, slice) =>
      take(groups.rows(spanOf(slice, ['organisation', organisation])), slice, (row) => isFound(row, search)),
    count: async ({ organisation, search }) =>
      count(groups.rows({ where: ['organisation', organisation] }), (row) => isFound(row, search)),
  }
}

export function memoryCredentialStore({ tables, changes }: MemorySession): CredentialStore {
  const { credentials } = tables
  const listBy = (where: ['device' | 'group', number], scheme: string | undefined) =>
    take(
      credentials.rows({ where }),
      { limit: Number.POSITIVE_INFINITY },
      (row) => scheme === undefined || row.scheme === scheme,
    )
  return {
    async insert(row) {
      changes.target(row)
      return insertEntity(credentials, row)
    },
    async insertMany(rows) {
      for (const row of rows) changes.target(row)
      return insertEntities(credentials, rows)
    },
    find: async (serial) => credentials.get(serial),
    findByHash: async (scheme, hash) => credentials.find('hash', joined(scheme, hash)),
    listByHashes: async (scheme, hashes) =>
      hashes.flatMap((hash) => credentials.find('hash', joined(scheme, hash)) ?? []),
    listByDevice: async (device, scheme) => listBy(['device', device], scheme),
    listByGroup: async (group, scheme) => listBy(['group', group], scheme),
    listSchemes: async (devices) =>
      [...new Set(devices)].flatMap((device) =>
        listBy(['device', device], undefined).map(({ scheme }) => ({ device, scheme })),
      ),
    async update(serial, patch) {
      const row = credentials.get(serial)
      if (row) changes.target(row)
      return changeEntity(credentials, row, { patch })
    },
    async delete(serial) {
      const row = credentials.get(serial)
      if (row) changes.target(row)
      credentials.delete(serial)
    },
    async deleteExpired(before) {
      const expired = take(
        credentials.rows({ where: ['expiring', LISTED] }),
        { limit: Number.POSITIVE_INFINITY },
        ({ expiresAt }) => expiresAt !== null && expiresAt < before,
      )
      for (const row of expired) {
        changes.target(row)
        credentials.delete(row.serial)
      }
      return expired.length
    },
  }
}
