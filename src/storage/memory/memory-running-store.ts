import type { Serial } from '../../core/common.ts'
import type { Alias, AliasStore, ReportingFilter, RunningStore } from '../../core/device/device-store.ts'
import type { UpdateState } from '../../core/update/update.ts'
import { deleteWhere, type MemorySession, spanOf, take } from './memory-session.ts'
import { taken } from './memory-table.ts'
import { joined, type Tables } from './memory-tables.ts'

const UPGRADING: ReadonlySet<UpdateState> = new Set(['downloading', 'downloaded', 'installing'])

export function memoryRunningStore({ tables, changes }: MemorySession): RunningStore {
  const { running, modules, devices } = tables
  const listByDevice = (device: Serial) => [...running.rows({ where: ['device', device] })].map(({ row }) => row)
  return {
    async put(row) {
      changes.device(row.device)
      const held = running.find('pair', joined(row.device, row.module))
      if (held === undefined) return running.insert({ row: { ...row, previousVersion: null } }).row
      const { version, previousVersion } = held.row
      const stored = { ...row, previousVersion: version === row.version ? previousVersion : version }
      return running.replace({ ...held, row: stored }).row
    },
    listByDevice: async (device) => listByDevice(device),
    listByDevices: async (serials) => [...new Set(serials)].flatMap(listByDevice),
    isPrevious: async (module, version) =>
      take(running.rows({ where: ['module', module] }), { limit: 1 }, ({ row }) => row.previousVersion === version)
        .length > 0,
    async versionsOfProduct(product) {
      const versions = new Set<string>()
      for (const module of modules.rows({ where: ['product', product] })) {
        for (const { row } of running.rows({ where: ['module', module.serial] })) versions.add(row.version)
      }
      return [...versions].sort(byCodePoint)
    },
    async listReporting(filter, slice) {
      const rows = devices.rows(spanOf(slice, ['organisation', filter.organisation]))
      return take(rows, slice, (device) => isReporting(tables, device, filter)).map(({ serial }) => serial)
    },
  }
}

function isReporting(
  { modules, running, updates }: Tables,
  device: { readonly serial: Serial; readonly product: Serial | null },
  { products, versions, isUpgrading }: ReportingFilter,
): boolean {
  if (device.product === null || products?.includes(device.product) === false) return false
  const primary = take(modules.rows({ where: ['product', device.product] }), { limit: 1 }, (row) => row.isPrimary)[0]
  const version = primary && running.find('pair', joined(device.serial, primary.serial))?.row.version
  if (version === undefined || versions?.includes(version) === false) return false
  const open = updates.find('device', device.serial)
  return isUpgrading === undefined || isUpgrading === (open !== undefined && UPGRADING.has(open.state))
}

/** UTF-16 order differs from it beyond the basic plane. */
function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

export function memoryAliasStore({ tables, changes }: MemorySession): AliasStore {
  const { aliases, products } = tables
  const noteChange = (kind: 'organisation' | 'product' | 'device', owner: Serial) => {
    if (kind === 'device') changes.device(owner)
    else changes.fleet(kind === 'organisation' ? owner : (products.get(owner)?.organisation ?? null))
  }
  const find = ({ slot, scope, name }: Pick<Alias, 'slot' | 'scope' | 'name'>) =>
    aliases.find('name', joined(slot, scope, name))?.row
  /** false: it is the owner's already. Throws when it is another's. */
  const isFree = (alias: Alias) => {
    const held = find(alias)
    if (held === undefined) return true
    if (held.kind === alias.kind && held.owner === alias.owner) return false
    throw taken('alias', alias.slot)
  }
  const insert = (alias: Alias) => {
    noteChange(alias.kind, alias.owner)
    aliases.insert({ row: alias })
  }
  return {
    async claim(alias) {
      if (isFree(alias)) insert(alias)
    },
    async claimMany(all) {
      for (const alias of all.filter(isFree)) insert(alias)
    },
    async release(kind, owner) {
      noteChange(kind, owner)
      deleteWhere(aliases, { where: ['owner', joined(kind, owner)] })
    },
    find: async (slot, scope, name) => find({ slot, scope, name }),
    listNamed: async (names) => names.flatMap((name) => find(name) ?? []),
    async findInAllScopes(slot, name, limit) {
      const rows = [...aliases.rows({ where: ['slotName', joined(slot, name)] })].map(({ row }) => row)
      return rows.sort((a, b) => a.scope - b.scope).slice(0, limit)
    },
  }
}
