import type { OrganisationStore } from '../../core/organisation/organisation-store.ts'
import type { ModuleStore, ProductStore } from '../../core/product/product-store.ts'
import type { ReleaseStore } from '../../core/release/release-store.ts'
import { changeEntity, deleteWhere, insertEntity, inUse, type MemorySession, spanOf, take } from './memory-session.ts'
import { joined, type Tables } from './memory-tables.ts'

export function memoryOrganisationStore({ tables, changes }: MemorySession): OrganisationStore {
  const { organisations } = tables
  return {
    async insert(row) {
      const inserted = insertEntity(organisations, row)
      changes.fleet(inserted.serial)
      return inserted
    },
    find: async (serial) => organisations.get(serial),
    findById: async (id) => organisations.find('id', id),
    findByKey: async (key) => organisations.find('key', key),
    async update(serial, patch, ifRevision) {
      changes.fleet(serial)
      return changeEntity(organisations, organisations.get(serial), { patch, ifRevision })
    },
    list: async (slice) => take(organisations.rows(spanOf(slice)), slice),
  }
}

export function memoryProductStore({ tables, changes }: MemorySession): ProductStore {
  const { organisations, products, modules, devices, firmware, releases, rollouts, aliases } = tables
  return {
    async insert(row) {
      changes.fleet(row.organisation)
      return insertEntity(products, row)
    },
    find: async (serial) => products.get(serial),
    async findById(organisation, id) {
      const row = products.find('id', id)
      return row?.organisation === organisation ? row : undefined
    },
    findByKey: async (organisation, key) => products.find('key', joined(organisation, key)),
    listByKeyOnServer: async (key, limit) => take(products.rows({ where: ['key', key] }), { limit }),
    async update(serial, patch, ifRevision) {
      const row = products.get(serial)
      if (row) changes.fleet(row.organisation)
      return changeEntity(products, row, { patch, ifRevision })
    },
    async delete(serial) {
      const row = products.get(serial)
      if (row === undefined) return
      if (devices.count(['product', serial]) > 0) throw inUse('product', 'device')
      if (firmware.count(['product', serial]) > 0) throw inUse('product', 'firmware')
      if (releases.count(['product', serial]) > 0) throw inUse('product', 'release')
      if (rollouts.count(['product', serial]) > 0) throw inUse('product', 'rollout')
      for (const module of [...modules.rows({ where: ['product', serial] })]) deleteModule(tables, module.serial)
      deleteWhere(aliases, { where: ['owner', joined('product', serial)] })
      const owner = organisations.get(row.organisation)
      if (owner?.defaultProduct === serial) changeEntity(organisations, owner, { patch: { defaultProduct: null } })
      products.delete(serial)
      changes.fleet(row.organisation)
    },
    list: async (organisation, slice) => take(products.rows(spanOf(slice, ['organisation', organisation])), slice),
  }
}

export function memoryModuleStore({ tables, changes }: MemorySession): ModuleStore {
  const { modules } = tables
  return {
    async insert(row) {
      changes.fleet(row.organisation)
      return insertEntity(modules, row)
    },
    find: async (serial) => modules.get(serial),
    findByKey: async (product, key) => modules.find('key', joined(product, key)),
    async update(serial, patch, ifRevision) {
      const row = modules.get(serial)
      if (row) changes.fleet(row.organisation)
      return changeEntity(modules, row, { patch, ifRevision })
    },
    async delete(serial) {
      const row = modules.get(serial)
      if (row) changes.fleet(row.organisation)
      deleteModule(tables, serial)
    },
    async listByProduct(product) {
      const rows = [...modules.rows({ where: ['product', product] })]
      return rows.sort((a, b) => Number(b.isPrimary) - Number(a.isPrimary) || a.serial - b.serial)
    },
  }
}

function deleteModule({ modules, firmware, running, dataFiles }: Tables, serial: number): void {
  if (firmware.count(['module', serial]) > 0) throw inUse('module', 'firmware')
  if (running.count(['module', serial]) > 0) throw inUse('module', 'running version')
  const module = modules.get(serial)
  if (module === undefined) return
  for (const file of [...dataFiles.rows({ where: ['organisation', module.organisation] })]) {
    if (file.module === serial) dataFiles.replace({ ...file, module: null })
  }
  modules.delete(serial)
}

export function memoryReleaseStore({ tables, changes }: MemorySession): ReleaseStore {
  const { releases, assignments, updates, rollouts } = tables
  return {
    async insert(row) {
      changes.fleet(row.organisation)
      return insertEntity(releases, row)
    },
    find: async (serial) => releases.get(serial),
    async findById(organisation, id) {
      const row = releases.find('id', id)
      return row?.organisation === organisation ? row : undefined
    },
    findByVersion: async (organisation, product, version) =>
      releases.find('version', joined(organisation, product, version)),
    findSilent: async (firmware) => releases.find('firmware', firmware),
    async delete(serial) {
      const row = releases.get(serial)
      if (row === undefined) return
      if (assignments.count(['release', serial]) > 0) throw inUse('release', 'assignment')
      if (updates.count(['release', serial]) > 0) throw inUse('release', 'update')
      if (rollouts.count(['release', serial]) > 0) throw inUse('release', 'rollout')
      releases.delete(serial)
      changes.fleet(row.organisation)
    },
    list: async ({ organisation, product }, slice) =>
      take(
        releases.rows(spanOf(slice, ['named', organisation])),
        slice,
        (row) => product === undefined || row.product === product,
      ),
  }
}
