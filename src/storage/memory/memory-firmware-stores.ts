import type { Firmware } from '../../core/firmware/firmware.ts'
import type {
  ArtifactStore,
  BlobRecordStore,
  FirmwareFilter,
  FirmwareStore,
} from '../../core/firmware/firmware-store.ts'
import {
  changeEntity,
  containsText,
  count,
  deleteWhere,
  insertEntity,
  inUse,
  isAny,
  type MemorySession,
  spanOf,
  take,
} from './memory-session.ts'
import { type BlobRecord, joined, type Keyed } from './memory-tables.ts'

export function memoryFirmwareStore({ tables, changes }: MemorySession): FirmwareStore {
  const { firmware, floors, artifacts, releases, assignments, updates, rollouts } = tables
  const primaryOf = (serial: number) =>
    take(artifacts.rows({ where: ['firmware', serial] }), { limit: 1 }, (row) => row.isPrimary)[0]
  return {
    async insert(row) {
      changes.fleet(row.organisation)
      return insertEntity(firmware, row)
    },
    find: async (serial) => firmware.get(serial),
    async findById(organisation, id) {
      const row = firmware.find('id', id)
      return row?.organisation === organisation ? row : undefined
    },
    findByFileAlias: async (fileAlias) => firmware.find('fileAlias', fileAlias),
    async findByVersion(organisation, module, version) {
      const rows = firmware.rows({ where: ['version', joined(module, version)] })
      return take(rows, { limit: 1 }, (row) => row.organisation === organisation)[0]
    },
    /** Transactions of this storage are one after the other anyway. */
    async lock() {},
    async update(serial, patch, ifRevision) {
      const row = firmware.get(serial)
      if (row) changes.fleet(row.organisation)
      return changeEntity(firmware, row, { patch, ifRevision })
    },
    async delete(serial) {
      const row = firmware.get(serial)
      if (row === undefined) return
      if (floors.find('firmware', serial)) throw inUse('firmware', 'floor')
      const named = releases.rows({ where: ['named', row.organisation] })
      if (isAny(named, (release) => release.firmware.includes(serial))) throw inUse('firmware', 'release')
      const silent = releases.find('firmware', serial)
      if (silent) {
        if (assignments.count(['release', silent.serial]) > 0) throw inUse('firmware', 'assignment')
        if (updates.count(['release', silent.serial]) > 0) throw inUse('firmware', 'update')
        if (rollouts.count(['release', silent.serial]) > 0) throw inUse('firmware', 'rollout')
        releases.delete(silent.serial)
      }
      deleteWhere(artifacts, { where: ['firmware', serial] })
      firmware.delete(serial)
      changes.fleet(row.organisation)
    },
    list: async (filter, slice) =>
      take(firmware.rows(spanOf(slice, ['organisation', filter.organisation])), slice, (row) => matches(row, filter)),
    async listFiles(filter, slice) {
      const rows = take(
        firmware.rows(spanOf(slice, ['organisation', filter.organisation])),
        slice,
        (row) => matches(row, filter) && primaryOf(row.serial) !== undefined,
      )
      return rows.flatMap((row) => {
        const artifact = primaryOf(row.serial)
        return artifact === undefined ? [] : [{ firmware: row, artifact }]
      })
    },
    count: async (filter) =>
      count(firmware.rows({ where: ['organisation', filter.organisation] }), (row) => matches(row, filter)),
  }
}

function matches(row: Firmware, filter: FirmwareFilter): boolean {
  const { product, module, scope, active, withdrawn, version, search } = filter
  return (
    (product === undefined || row.product === product) &&
    (module === undefined || row.module === module) &&
    (scope === undefined || row.scope === scope) &&
    (active === undefined || row.active === active) &&
    (withdrawn === undefined || row.withdrawn === withdrawn) &&
    (version === undefined || row.version === version) &&
    (search === undefined || [row.version, row.name.default, row.notes].some((text) => containsText(text, search)))
  )
}

export function memoryArtifactStore({ tables, changes }: MemorySession): ArtifactStore {
  const { artifacts } = tables
  return {
    async insert(row) {
      changes.fleet(row.organisation)
      return insertEntity(artifacts, row)
    },
    find: async (serial) => artifacts.get(serial),
    async listByFirmware(firmware) {
      const rows = [...artifacts.rows({ where: ['firmware', firmware] })]
      return rows.sort((a, b) => Number(b.isPrimary) - Number(a.isPrimary) || a.serial - b.serial)
    },
  }
}

export function memoryBlobRecordStore({ tables }: MemorySession): BlobRecordStore {
  const { blobRecords, artifacts, dataFiles } = tables
  const isCollectable = ({ row }: Keyed<BlobRecord>, before: number) =>
    row.touchedAt < before &&
    !isAny(artifacts.rows({ where: ['sha256', row.sha256] })) &&
    !isAny(dataFiles.rows({ where: ['sha256', row.sha256] }))
  return {
    async touch(sha256, size, at) {
      const held = blobRecords.find('sha256', sha256)
      if (held === undefined) blobRecords.insert({ row: { sha256, size, touchedAt: at } })
      else blobRecords.replace({ ...held, row: { sha256, size, touchedAt: Math.max(at, held.row.touchedAt) } })
    },
    async listUnreferenced(before, limit) {
      const records = take(blobRecords.rows({}), { limit }, (record) => isCollectable(record, before))
      return records.map(({ row }) => row.sha256)
    },
    async deleteIfUnreferenced(sha256, before) {
      const record = blobRecords.find('sha256', sha256)
      if (record === undefined || !isCollectable(record, before)) return false
      blobRecords.delete(record.serial)
      return true
    },
    isKnown: async (sha256) => blobRecords.find('sha256', sha256) !== undefined,
  }
}
