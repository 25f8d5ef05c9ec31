import { type RawBuilder, type SelectQueryBuilder, sql } from 'kysely'
import type { MemberSearch, MemberTraits } from '../../../core/rollout/member-search.ts'
import type { SqlDialect } from '../dialects/dialect.ts'
import type { Schema } from '../schema.ts'
import type { Session } from '../session.ts'

type Truth = RawBuilder<boolean>
type Searching = SelectQueryBuilder<Schema, 'rollout_members' | 'updates', unknown>

/** When anything of a member or its newest update last changed. */
export const LAST_NEWS: RawBuilder<number> = sql`case when updates.changed_at > rollout_members.changed_at
  then updates.changed_at else rollout_members.changed_at end`

/** Members with their newest updates; nothing is selected yet. */
export function searching({ compiler, dialect }: Session, search: MemberSearch): Searching {
  const { rollouts, devices, like, news = {} } = search
  let query = compiler
    .selectFrom('rollout_members')
    .leftJoin('updates', 'updates.serial', 'rollout_members.newest_update')
    .where(isAmong(sql.ref('rollout_members.rollout'), rollouts))
  if (devices !== undefined) query = query.where(isAmong(sql.ref('rollout_members.device'), devices))
  if (news.from !== undefined) query = query.where(sql<boolean>`${LAST_NEWS} >= ${news.from}`)
  if (news.until !== undefined) query = query.where(sql<boolean>`${LAST_NEWS} < ${news.until}`)
  if (like !== undefined) query = query.where(any(like.map((traits) => isLike(traits, dialect))))
  return query as unknown as Searching
}

function isLike(traits: MemberTraits, dialect: SqlDialect): Truth {
  const { attemptsBelow, attemptsFrom, changedUntil, changedAfter, isExcluded } = traits
  const attempts = sql.ref('rollout_members.attempts')
  const changedAt = sql.ref('rollout_members.changed_at')
  const excludedAt = sql.ref('rollout_members.excluded_at')
  const all: Truth[] = []
  if (traits.rollouts) all.push(isAmong(sql.ref('rollout_members.rollout'), traits.rollouts))
  if (traits.states) all.push(isAmong(sql.ref('rollout_members.state'), traits.states))
  if (isExcluded !== undefined) all.push(isExcluded ? sql`${excludedAt} is not null` : sql`${excludedAt} is null`)
  if (attemptsBelow !== undefined) all.push(sql`${attempts} < ${attemptsBelow}`)
  if (attemptsFrom !== undefined) all.push(sql`${attempts} >= ${attemptsFrom}`)
  if (changedUntil !== undefined) all.push(sql`${changedAt} <= ${changedUntil}`)
  if (changedAfter !== undefined) all.push(sql`${changedAt} > ${changedAfter}`)
  if (traits.updateStates) all.push(isAmong(sql`coalesce(updates.state, '')`, traits.updateStates))
  if (traits.reasons) all.push(isAmong(sql`coalesce(updates.reason, '')`, traits.reasons))
  if (traits.fromVersions) {
    const from = dialect.textAt('updates.steps', [0, 'from'])
    all.push(isAmong(sql`coalesce(${from}, '')`, traits.fromVersions))
  }
  if (traits.runs) all.push(isAmong(RUNS, traits.runs))
  return all.length === 0 ? sql`(1 = 1)` : sql`(${sql.join(all, sql` and `)})`
}

/** What the primary module of the product that the device has now runs. */
const RUNS = sql`coalesce((select running_versions.version from running_versions
  join modules on modules.serial = running_versions.module
  join devices on devices.serial = running_versions.device
  where running_versions.device = rollout_members.device
    and modules.product = devices.product and modules.is_primary = ${sql.lit(true)}), '')`

function isAmong(value: RawBuilder<unknown>, values: readonly unknown[]): Truth {
  return values.length === 0 ? sql`(1 = 0)` : sql`${value} in (${sql.join(values)})`
}

function any(alternatives: readonly Truth[]): Truth {
  return alternatives.length === 0 ? sql`(1 = 0)` : sql`(${sql.join(alternatives, sql` or `)})`
}
