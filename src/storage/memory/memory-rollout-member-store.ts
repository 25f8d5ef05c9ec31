import type { Serial } from '../../core/common.ts'
import { MEMBER_STATES, type MemberState, type NewMember, type RolloutMember } from '../../core/rollout/member.ts'
import type { MemberFilter, RolloutMemberStore } from '../../core/rollout/rollout-store.ts'
import { foundMembers } from './memory-member-search.ts'
import { count, type MemorySession, patched, spanOf, take } from './memory-session.ts'
import { joined, type Tables } from './memory-tables.ts'

export function memoryRolloutMemberStore({ tables, changes }: MemorySession): RolloutMemberStore {
  const { rolloutMembers } = tables
  const find = (rollout: Serial, device: Serial) => rolloutMembers.find('device', joined(rollout, device))
  const insert = (row: NewMember) => {
    changes.device(row.device)
    return rolloutMembers.insert(row)
  }
  return {
    insert: async (row) => insert(row),
    async insertMany(rows) {
      let added = 0
      for (const row of rows) {
        const known = find(row.rollout, row.device)
        if (known && !known.isListed) rolloutMembers.replace({ ...known, isListed: true })
        if (known && !known.isListed) changes.device(row.device)
        if (known) continue
        insert(row)
        added += 1
      }
      return added
    },
    find: async (rollout, device) => find(rollout, device),
    listByDevice: async (device, rollouts) =>
      rollouts === undefined
        ? [...rolloutMembers.rows({ where: ['device', device] })]
        : [...new Set(rollouts)].flatMap((rollout) => find(rollout, device) ?? []),
    listByDevices: async (rollout, devices) => [...new Set(devices)].flatMap((device) => find(rollout, device) ?? []),
    async update(serial, patch) {
      const row = rolloutMembers.get(serial)
      if (row === undefined) return undefined
      changes.device(row.device)
      return rolloutMembers.replace(patched(row, patch))
    },
    list: async (filter, slice) =>
      take(rolloutMembers.rows(spanOf(slice, ['rollout', filter.rollout])), slice, (row) => matches(row, filter)),
    count: async (filter) =>
      count(rolloutMembers.rows({ where: ['rollout', filter.rollout] }), (row) => matches(row, filter)),
    search: async (search, { limit, offset = 0 }) => foundMembers(tables, search).slice(offset, offset + limit),
    countFound: async (search) => foundMembers(tables, search).length,
    listSettling: async (now, limit) =>
      take(tables.rollouts.rows({}), { limit }, ({ serial }) => rolloutMembers.through(serial, now, 1).length > 0).map(
        ({ serial }) => serial,
      ),
    listDue: async (rollout, now, limit) => rolloutMembers.through(rollout, now, limit),
    async settle(members, failed) {
      const bad = new Set(failed)
      const rows = [...new Set(members)].flatMap((serial) => rolloutMembers.get(serial) ?? [])
      const open = rows.filter(({ isSettled }) => !isSettled)
      for (const row of open) {
        rolloutMembers.replace({ ...row, isSettled: true, hasFailed: row.hasFailed || bad.has(row.serial) })
        changes.device(row.device)
      }
      return open.map(({ serial }) => serial)
    },
    countVerified: async (release) => countVerified(tables, release),
    async recount(rollout) {
      const counts = Object.fromEntries(MEMBER_STATES.map((state) => [state, 0])) as Record<MemberState, number>
      for (const { state } of rolloutMembers.rows({ where: ['rollout', rollout] })) counts[state] += 1
      return counts
    },
  }
}

function matches(row: RolloutMember, { states, isExcluded, stage }: MemberFilter): boolean {
  return (
    (states === undefined || states.includes(row.state)) &&
    (isExcluded === undefined || isExcluded === (row.excludedAt !== null)) &&
    (stage === undefined || row.stage === stage)
  )
}

function countVerified({ rollouts, rolloutMembers }: Tables, release: Serial): { succeeded: number; granted: number } {
  const succeeded = new Set<Serial>()
  const granted = new Set<Serial>()
  for (const { serial, kind } of rollouts.rows({ where: ['release', release] })) {
    if (kind !== 'verification') continue
    for (const { device, state, grantedAt } of rolloutMembers.rows({ where: ['rollout', serial] })) {
      if (grantedAt !== null) granted.add(device)
      if (state === 'succeeded') succeeded.add(device)
    }
  }
  return { succeeded: succeeded.size, granted: granted.size }
}
