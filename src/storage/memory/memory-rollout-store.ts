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
  const { rollouts } = tables
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
      deleteParts(tables, serial)
      rollouts.delete(serial)
      changes.fleet(row.organisation)
    },
    list: async (filter, slice) =>
      take(rollouts.rows(spanOf(slice, narrowest(filter))), slice, (row) => matches(row, filter)),
    count: async (filter) => count(rollouts.rows({ where: narrowest(filter) }), (row) => matches(row, filter)),
    async listOffering(product, { live, stopped }) {
      const rows = [...rollouts.rows({ where: ['product', product] })].sort(byRank)
      return [
        ...rows.filter(({ state }) => isLive(state)).slice(0, live),
        ...rows.filter(({ state }) => state === 'stopped').slice(0, stopped),
      ]
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

function deleteParts({ updates, rolloutMembers, rolloutTallies, rolloutApprovals }: Tables, rollout: Serial): void {
  // From the end: there a list gets shorter at no cost.
  const its = { where: ['rollout', rollout] as const, order: 'desc' as const }
  for (const row of [...updates.rows(its)]) updates.replace({ ...row, rollout: null })
  deleteWhere(rolloutMembers, its)
  deleteWhere(rolloutTallies, { where: ['rollout', rollout] })
  deleteWhere(rolloutApprovals, { where: ['rollout', rollout] })
}
