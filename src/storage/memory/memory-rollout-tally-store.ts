import type { Serial } from '../../core/common.ts'
import { NO_COUNTS } from '../../core/rollout/health/counts.ts'
import type { Claim, RolloutTallyStore, TallyChange } from '../../core/rollout/rollout-store.ts'
import {
  cohortScope,
  freshTally,
  isCohortScope,
  minuteOf,
  type Outcomes,
  type Tally,
  WHOLE,
} from '../../core/rollout/tally.ts'
import type { MemorySession } from './memory-session.ts'
import { joined } from './memory-tables.ts'

export function memoryRolloutTallyStore({ tables, changes }: MemorySession): RolloutTallyStore {
  const { rolloutTallies } = tables
  const held = (rollout: Serial, scope: string) => rolloutTallies.find('scope', joined(rollout, scope))
  const insert = (row: Tally) => {
    changes.rollout(row.rollout)
    return rolloutTallies.insert({ row }).row
  }
  const change = (rollout: Serial, scope: string, of: (row: Tally) => Tally | undefined) => {
    const before = held(rollout, scope)
    if (before === undefined) return false
    const row = of(before.row)
    if (row === undefined) return false
    if (row === before.row) return true
    rolloutTallies.replace({ ...before, row })
    changes.rollout(rollout)
    return true
  }
  return {
    async create(rollout, scopes, limits) {
      for (const scope of new Set([WHOLE, ...scopes])) {
        if (held(rollout, scope)) continue
        const of = scope === WHOLE ? { isActive: false, ...limits } : {}
        insert({ ...freshTally(rollout, scope), ...of })
      }
    },
    async ensureCohort(rollout, { family, value }, { grantLimit }) {
      const scope = cohortScope({ family, value })
      const known = held(rollout, scope)
      if (known) return known.row
      const others = [...rolloutTallies.rows({ where: ['rollout', rollout] })].filter(
        ({ row }) => row.family === family,
      )
      const position = 1 + Math.max(0, ...others.map(({ row }) => row.position))
      return insert({ ...freshTally(rollout, scope), family, value, position, grantLimit })
    },
    claim: async (claim) =>
      change(claim.rollout, claim.scope, (row) => {
        if (!hasRoom(row, claim)) return undefined
        return isCohortScope(claim.scope) ? withPlace(row, claim) : withGrant(withPlace(row, claim), claim)
      }),
    async add(rollout, scope, delta, run) {
      if (isNothing(delta)) return
      change(rollout, scope, (row) => (run === undefined || row.run === run ? withChange(row, delta) : undefined))
    },
    async setLimits(rollout, scope, limits) {
      const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined))
      change(rollout, scope, (row) => (Object.keys(given).length === 0 ? row : { ...row, ...given }))
    },
    async restart(rollout, scope, limits) {
      change(rollout, scope, (row) => ({ ...row, ...limits, run: row.run + 1, counts: NO_COUNTS, unverifiable: 0 }))
    },
    /** Transactions of this storage are one after the other anyway. */
    async lock() {},
    find: async (rollout, scope) => held(rollout, scope)?.row,
    async list(rollout, limit) {
      const rows = [...rolloutTallies.rows({ where: ['rollout', rollout] })].map(({ row }) => row)
      return rows.sort(inOrder).slice(0, limit)
    },
  }
}

function hasRoom(row: Tally, claim: Claim): boolean {
  const { grant, isVerifiable, concurrency, ratePerMinute, devices } = claim
  if (!row.isActive) return false
  if (grant !== 'again') {
    const isFull = isVerifiable ? row.counts.granted >= row.grantLimit : row.unverifiable >= row.unverifiableLimit
    if (isFull) return false
  }
  if (isCohortScope(claim.scope)) return true
  return (
    (concurrency === undefined || row.slots < concurrency) &&
    (ratePerMinute === undefined || !isOfMinute(row, claim) || row.minuteGrants < ratePerMinute) &&
    (grant !== 'first' || devices === undefined || row.devices < devices)
  )
}

/** Clocks of several processes differ: one that is behind counts into the minute that has begun elsewhere. */
function isOfMinute({ minute }: Tally, { now }: Claim): boolean {
  const ahead = minute - minuteOf(now)
  return ahead === 0 || ahead === 1
}

/** Each trial takes a place. */
function withPlace(row: Tally, { grant, isVerifiable, scope }: Claim): Tally {
  if (grant === 'again') return row
  if (isVerifiable) return { ...row, counts: { ...row.counts, granted: row.counts.granted + 1 } }
  return isCohortScope(scope) ? row : { ...row, unverifiable: row.unverifiable + 1 }
}

function withGrant(row: Tally, claim: Claim): Tally {
  const isOngoing = isOfMinute(row, claim)
  return {
    ...row,
    devices: row.devices + (claim.grant === 'first' ? 1 : 0),
    slots: row.slots + 1,
    outcomes: { ...row.outcomes, open: row.outcomes.open + 1 },
    minute: isOngoing ? row.minute : minuteOf(claim.now),
    minuteGrants: isOngoing ? row.minuteGrants + 1 : 1,
  }
}

function isNothing({ outcomes = {}, ...counts }: TallyChange): boolean {
  return [...Object.values(counts), ...Object.values(outcomes)].every((number) => !number)
}

function withChange(row: Tally, { slots = 0, outcomes = {}, ...counts }: TallyChange): Tally {
  return {
    ...row,
    counts: sums(row.counts, counts),
    slots: row.slots + slots,
    outcomes: sums<Outcomes>(row.outcomes, outcomes),
  }
}

function sums<T extends Readonly<Record<keyof T, number>>>(counts: T, more: Partial<T>): T {
  const names = Object.keys(counts) as (keyof T)[]
  return Object.fromEntries(names.map((name) => [name, counts[name] + (more[name] ?? 0)])) as unknown as T
}

/** The whole, the stages in order, then cohorts by position. */
function inOrder(a: Tally, b: Tally): number {
  return (
    a.position - b.position ||
    (a.family < b.family ? -1 : a.family > b.family ? 1 : 0) ||
    a.scope.length - b.scope.length ||
    (a.scope < b.scope ? -1 : 1)
  )
}
