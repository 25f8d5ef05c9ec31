import type { Serial } from '../../core/common.ts'
import { byRank, isLive, type Rollout } from '../../core/rollout/rollout.ts'
import type { RolloutFilter, RolloutStore } from '../../core/rollout/rollout-store.ts'
import {
  changeEntity,
  containsText,
  count,
  deleteWhere,
  insertEntity,
  inUse,
  type MemorySession,
  spanOf,
  take,
} from './memory-session.ts'
import { joined, type Tables } from './memory-tables.ts'

export function memoryRolloutStore(session: MemorySession): RolloutStore {
  const { tables, changes } = session
  const { rollouts, rolloutNames } = tables
  return {
    async insert(row) {
      changes.fleet(row.organisation)
      return insertEntity(rollouts, row)
    },
    find: async (serial) => rollouts.get(serial),
    async findById(organisation, id) {
      const row = rollouts.find('id', id)
      return row?.organisation === organisation ? row : undefined
    },
    findByKey: async (organisation, key) => rollouts.find('key', joined(organisation, key)),
    async update(serial, patch, ifRevision) {
      const row = rollouts.get(serial)
      if (row) changes.fleet(row.organisation)
      return changeEntity(rollouts, row, { patch, ifRevision })
    },
    async delete(serial) {
      const row = rollouts.get(serial)
      if (row === undefined) return
      if (rollouts.count(['undoes', serial]) > 0) throw inUse('rollout', 'rollout')
      bury(tables, serial)
      changes.fleet(row.organisation)
    },
    listDeleted: async (limit) => take(tables.buriedRollouts.rows({}), { limit }).map(({ row }) => row),
    purge: async (serial, limit) => purge(session, serial, limit),
    list: async (filter, slice) =>
      take(rollouts.rows(spanOf(slice, narrowest(filter))), slice, (row) => matches(row, filter)),
    count: async (filter) => count(rollouts.rows({ where: narrowest(filter) }), (row) => matches(row, filter)),
    async listOffering(product, { live, stopped }) {
      return firstOf([...rollouts.rows({ where: ['offering', product] })], { live, stopped })
    },
    async listNaming(product, { id, key }, limits) {
      const names = [`id:${id}`, `key:${key}`].flatMap((name) => [...rolloutNames.rows({ where: ['name', name] })])
      const named = names.flatMap(({ row }) => rollouts.get(row.rollout) ?? [])
      return firstOf(
        named.filter((one) => one.product === product),
        limits,
      )
    },
    countOffering: async (product) =>
      count(rollouts.rows({ where: ['offering', product] }), ({ state }) => isLive(state)),
    countNaming: async (serial) => countNaming(tables, serial),
    async name(serial, names) {
      for (const name of names)
        rolloutNames.insert({ row: { rollout: serial, name: 'id' in name ? `id:${name.id}` : `key:${name.key}` } })
    },
    listInStates: async (states, slice) =>
      take(rollouts.rows(spanOf(slice)), slice, ({ state }) => states.includes(state)),
    listAtWork: async (limit) =>
      take(rollouts.rows({}), { limit }, ({ cancelling, snapshot }) => cancelling || snapshot.kind === 'taking'),
    countByRelease: async (release) => rollouts.count(['release', release]),
    ...approving(session),
  }
}

function approving({ tables, changes }: MemorySession): Pick<RolloutStore, 'approve' | 'listApprovals'> {
  const { rolloutApprovals } = tables
  return {
    async approve(row) {
      const { rollout, stage, run, account } = row
      if (rolloutApprovals.find('approval', joined(rollout, stage, run, account))) return false
      rolloutApprovals.insert({ row })
      changes.rollout(rollout)
      return true
    },
    async listApprovals(rollout) {
      const rows = [...rolloutApprovals.rows({ where: ['rollout', rollout] })].map(({ row }) => row)
      return rows.sort((a, b) => a.at - b.at || (a.account < b.account ? -1 : 1))
    },
  }
}

function narrowest({
  organisation,
  product,
  release,
}: RolloutFilter): ['organisation' | 'product' | 'release', Serial] {
  if (release !== undefined) return ['release', release]
  return product === undefined ? ['organisation', organisation] : ['product', product]
}

function matches(row: Rollout, { organisation, product, release, states, kind, search }: RolloutFilter): boolean {
  return (
    row.organisation === organisation &&
    (product === undefined || row.product === product) &&
    (release === undefined || row.release === release) &&
    (states === undefined || states.includes(row.state)) &&
    (kind === undefined || row.kind === kind) &&
    (search === undefined || containsText(row.key, search) || containsText(row.name, search))
  )
}

/** Live ones by rank, and behind them the newest stopped ones. */
function firstOf(rows: readonly Rollout[], { live, stopped }: { live: number; stopped: number }): Rollout[] {
  const ranked = rows.toSorted(byRank)
  return [
    ...ranked.filter(({ state }) => isLive(state)).slice(0, live),
    ...ranked.filter(({ state }) => state === 'stopped').slice(0, stopped),
  ]
}

function countNaming({ rollouts, rolloutNames }: Tables, serial: Serial): number {
  const product = rollouts.get(serial)?.product
  const counts = [...rolloutNames.rows({ where: ['rollout', serial] })].map(({ row: { name } }) =>
    count(rolloutNames.rows({ where: ['name', name] }), ({ row }) => {
      const other = rollouts.get(row.rollout)
      return other !== undefined && other.product === product && isLive(other.state)
    }),
  )
  return Math.max(0, ...counts)
}

function bury(tables: Tables, rollout: Serial): void {
  const { rollouts, buriedRollouts, rolloutNames, rolloutTallies, rolloutApprovals } = tables
  for (const table of [rolloutNames, rolloutTallies, rolloutApprovals] as const)
    for (const { serial } of [...table.rows({ where: ['rollout', rollout] })]) table.delete(serial)
  buriedRollouts.insert({ row: rollout })
  rollouts.delete(rollout)
}

function purge({ tables, changes }: MemorySession, rollout: Serial, limit: number): boolean {
  const { buriedRollouts, rolloutMembers, updates } = tables
  const buried = buriedRollouts.find('rollout', rollout)
  if (!buried) return false
  // From the end: there a list gets shorter at no cost.
  const its = { where: ['rollout', rollout] as const, order: 'desc' as const }
  const members = deleteWhere(rolloutMembers, its, { limit })
  const marked = take(updates.rows(its), { limit })
  for (const row of marked) {
    updates.replace({ ...row, rollout: null })
    changes.device(row.device)
  }
  if (members >= limit || marked.length >= limit) return true
  buriedRollouts.delete(buried.serial)
  return false
}
