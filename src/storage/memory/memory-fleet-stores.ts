import type { AssignmentStore } from '../../core/assignment/assignment-store.ts'
import type { Millis, Serial } from '../../core/common.ts'
import type { DataFileStore } from '../../core/data-file/data-file-store.ts'
import type { Event } from '../../core/event/event.ts'
import type { EventFilter, EventStore } from '../../core/event/event-store.ts'
import { matchesType } from '../../core/event/matches-type.ts'
import type { TallyStore } from '../../core/organisation/tally-store.ts'
import type { SettingStore } from '../../core/ports.ts'
import { advanceConcernsAnswers, concernsAnswers, type Update } from '../../core/update/update.ts'
import type { UpdateFilter, UpdateStore } from '../../core/update/update-store.ts'
import { changeEntity, deleteWhere, insertEntity, type MemorySession, spanOf, take } from './memory-session.ts'
import { joined, LISTED, minuteOf } from './memory-tables.ts'

export function memoryAssignmentStore({ tables, changes }: MemorySession): AssignmentStore {
  const { assignments } = tables
  return {
    async put(row) {
      changes.target(row)
      const held =
        (row.device !== null && assignments.find('device', row.device)) ||
        (row.group !== null && assignments.find('group', row.group)) ||
        undefined
      const { release, assignedAt } = row
      return changeEntity(assignments, held, { patch: { release, assignedAt } }) ?? insertEntity(assignments, row)
    },
    async findById(organisation, id) {
      const row = assignments.find('id', id)
      return row?.organisation === organisation ? row : undefined
    },
    findByDevice: async (device) => assignments.find('device', device),
    findByGroup: async (group) => assignments.find('group', group),
    listByTargets: async ({ devices, groups }) =>
      [
        ...[...new Set(devices)].map((device) => assignments.find('device', device)),
        ...[...new Set(groups)].map((group) => assignments.find('group', group)),
      ].filter((row) => row !== undefined),
    async delete(serial) {
      const row = assignments.get(serial)
      if (row) changes.target(row)
      assignments.delete(serial)
    },
    list: async ({ organisation, target, device, release }, slice) =>
      take(
        assignments.rows(spanOf(slice, ['organisation', organisation])),
        slice,
        (row) =>
          (target === undefined || row[target] !== null) &&
          (device === undefined || row.device === device) &&
          (release === undefined || row.release === release),
      ),
    countByRelease: async (release) => assignments.count(['release', release]),
  }
}

export function memoryUpdateStore({ tables, changes }: MemorySession): UpdateStore {
  const { updates } = tables
  const latestOf = (device: Serial) => take(updates.rows({ where: ['device', device], order: 'desc' }), { limit: 1 })[0]
  return {
    async insert(row) {
      changes.device(row.device)
      return insertEntity(updates, row)
    },
    find: async (serial) => updates.get(serial),
    async findById(organisation, id) {
      const row = updates.find('id', id)
      return row?.organisation === organisation ? row : undefined
    },
    findOpen: async (device) => updates.find('device', device),
    findLatestSucceeded: async (device) =>
      take(
        updates.rows({ where: ['device', device], order: 'desc' }),
        { limit: 1 },
        (row) => row.state === 'succeeded',
      )[0],
    findLatest: async (device) => latestOf(device),
    listLatest: async (devices) => [...new Set(devices)].map(latestOf).filter((row) => row !== undefined),
    listBySerials: async (serials) =>
      [...new Set(serials)].map((serial) => updates.get(serial)).filter((row) => row !== undefined),
    async move(serial, from, patch) {
      const row = updates.get(serial)
      const { state, revision } = typeof from === 'string' ? { state: from, revision: undefined } : from
      if (row?.state !== state) return undefined
      if (concernsAnswers(patch)) changes.device(row.device)
      return changeEntity(updates, row, { patch, ifRevision: revision })
    },
    lockByIds: async (ids) =>
      [...new Set(ids)]
        .map((id) => updates.find('id', id))
        .filter((row) => row !== undefined)
        .sort((one, other) => one.serial - other.serial),
    async advanceAll(advances) {
      for (const { before, after } of advances) {
        if (advanceConcernsAnswers(before, after)) changes.device(before.device)
        changeEntity(updates, before, { patch: after })
      }
    },
    list: async (filter, slice) => {
      const { organisation, release, rollout, states } = filter
      return take(
        updates.rows(spanOf(slice, narrowest(filter))),
        slice,
        (row) =>
          row.organisation === organisation &&
          (rollout === undefined || row.rollout === rollout) &&
          (release === undefined || row.release === release) &&
          (states === undefined || states.includes(row.state)),
      )
    },
    listDue: async (now, limit) =>
      take(
        updates.rows({ where: ['confirming', LISTED] }),
        { limit },
        ({ confirmAfter }) => confirmAfter !== null && confirmAfter <= now,
      ),
    async listOverdue(now, limit) {
      const overdue: Update[] = []
      const minutes = [...updates.keys('deadline')].map(Number).sort((a, b) => a - b)
      for (const minute of minutes) {
        if (minute > minuteOf(now) || overdue.length >= limit) break
        for (const row of updates.rows({ where: ['deadline', minute] })) if (deadlineOf(row) <= now) overdue.push(row)
      }
      return overdue.sort((a, b) => deadlineOf(a) - deadlineOf(b)).slice(0, limit)
    },
    async deleteClosed(before, limit) {
      const accepts = ({ closedAt }: { closedAt: number | null }) => closedAt !== null && closedAt < before
      return deleteWhere(updates, { where: ['closed', LISTED] }, { limit, accepts })
    },
  }
}

function deadlineOf({ deadline }: Update): Millis {
  return deadline ?? Number.POSITIVE_INFINITY
}

function narrowest({ organisation, device, rollout }: UpdateFilter): ['device' | 'rollout' | 'organisation', Serial] {
  if (device !== undefined) return ['device', device]
  return rollout === undefined ? ['organisation', organisation] : ['rollout', rollout]
}

export function memoryEventStore({ tables }: MemorySession): EventStore {
  const { events } = tables
  return {
    async append(event) {
      events.insert(event)
    },
    async appendAll(some) {
      for (const event of some) events.insert(event)
    },
    list: async (filter, slice) => {
      const { organisation, through } = filter
      const where = organisation === undefined ? undefined : (['organisation', organisation ?? 0] as const)
      const isWanted = eventFilter(filter)
      return take(
        events.rows(spanOf(slice, where)),
        slice,
        (row) => row.serial <= (through ?? row.serial) && isWanted(row),
      )
    },
    async findById(organisation, id) {
      const row = events.find('id', id)
      return row?.organisation === organisation ? row : undefined
    },
    settledThrough: async () => take(events.rows({ order: 'desc' }), { limit: 1 })[0]?.serial ?? 0,
    deleteBefore: async (before, limit) => deleteWhere(events, {}, { limit, accepts: (row) => row.at < before }),
  }
}

function eventFilter(filter: EventFilter): (row: Event) => boolean {
  const { type, subjectKind, subjectId, actorKind, actorId, from, until } = filter
  const patterns = type === undefined ? [] : [type].flat()
  return ({ type: name, subject, actor, at }) =>
    matchesType(patterns, name) &&
    (subjectKind === undefined || subject.kind === subjectKind) &&
    (subjectId === undefined || subject.id === subjectId) &&
    (actorKind === undefined || actor.kind === actorKind) &&
    (actorId === undefined || actor.id === actorId) &&
    (from === undefined || at >= from) &&
    (until === undefined || at < until)
}

export function memoryDataFileStore({ tables }: MemorySession): DataFileStore {
  const { dataFiles } = tables
  return {
    insert: async (row) => insertEntity(dataFiles, row),
    find: async (serial) => dataFiles.get(serial),
    async findById(organisation, id) {
      const row = dataFiles.find('id', id)
      return row?.organisation === organisation ? row : undefined
    },
    update: async (serial, patch) => changeEntity(dataFiles, dataFiles.get(serial), { patch }),
    delete: async (serial) => dataFiles.delete(serial),
    list: async ({ organisation, device, type }, slice) =>
      take(
        dataFiles.rows(spanOf(slice, device === undefined ? ['organisation', organisation] : ['device', device])),
        slice,
        (row) => row.organisation === organisation && (type === undefined || row.type === type),
      ),
    async usage(device) {
      const rows = [...dataFiles.rows({ where: ['device', device] })]
      return { files: rows.length, bytes: rows.reduce((sum, row) => sum + row.size, 0) }
    },
    deleteBefore: async (before, limit) =>
      deleteWhere(dataFiles, {}, { limit, accepts: (row) => row.createdAt < before }),
  }
}

export function memorySettingStore({ tables, changes }: MemorySession): SettingStore {
  const { settings } = tables
  return {
    get: async (name) => settings.find('name', name)?.row.value,
    async set(name, value) {
      changes.fleet(null)
      const held = settings.find('name', name)
      if (held === undefined) settings.insert({ row: { name, value } })
      else settings.replace({ ...held, row: { name, value } })
    },
    async delete(name) {
      const held = settings.find('name', name)
      if (held === undefined) return
      changes.fleet(null)
      settings.delete(held.serial)
    },
  }
}

export function memoryTallyStore({ tables }: MemorySession): TallyStore {
  const { tallies } = tables
  const find = (organisation: Serial, name: string) => tallies.find('name', joined(organisation, name))
  return {
    get: async (organisation, name) => find(organisation, name)?.row.count ?? 0,
    async add(organisation, name, { by, limit = Number.MAX_SAFE_INTEGER }) {
      const held = find(organisation, name)
      const sum = (held?.row.count ?? 0) + by
      if (sum > limit) return false
      const row = { organisation, name, count: Math.max(sum, 0) }
      if (held === undefined) tallies.insert({ row })
      else tallies.replace({ ...held, row })
      return true
    },
  }
}
