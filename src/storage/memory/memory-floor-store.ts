import type { FloorStore } from '../../core/floor/floor-store.ts'
import { changeEntity, insertEntity, type MemorySession } from './memory-session.ts'

export function memoryFloorStore({ tables, changes }: MemorySession): FloorStore {
  const { floors } = tables
  return {
    async insert(row) {
      const floor = insertEntity(floors, row)
      changes.fleet(row.organisation)
      return floor
    },
    find: async (serial) => floors.get(serial),
    async findById(organisation, id) {
      const row = floors.find('id', id)
      return row?.organisation === organisation ? row : undefined
    },
    findByFirmware: async (firmware) => floors.find('firmware', firmware),
    listByProduct: async (product) => [...floors.rows({ where: ['product', product] })],
    async update(serial, patch, ifRevision) {
      const row = changeEntity(floors, floors.get(serial), { patch, ifRevision })
      if (row) changes.fleet(row.organisation)
      return row
    },
    async delete(serial) {
      const row = floors.get(serial)
      if (row === undefined) return
      floors.delete(serial)
      changes.fleet(row.organisation)
    },
  }
}
