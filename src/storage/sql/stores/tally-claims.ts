import { type RawBuilder, sql } from 'kysely'
import type { Serial } from '../../../core/common.ts'
import type { Compiler } from '../compiler.ts'
import { statement } from '../statement.ts'

/**
 * The statements of a claim: each checks and counts at once, so that no two grants share the last place of a limit,
 * whatever the isolation of the transactions. A limit that does not bind is a number that is never reached.
 */

const plusOne = (column: string) => sql<number>`${sql.ref(column)} + 1`
const isBelow = (column: string, limit: RawBuilder<unknown> | number) => sql<boolean>`${sql.ref(column)} < ${limit}`

/** Clocks of several processes differ: one that is behind counts into the minute that has begun elsewhere. */
const isOfMinute = (minute: number) => sql<boolean>`minute - ${minute} in (0, 1)`

function ofActive(db: Compiler, rollout: Serial, scope: string) {
  return db
    .updateTable('rollout_tallies')
    .where('rollout', '=', rollout)
    .where('scope', '=', scope)
    .where('is_active', '=', sql.lit(true))
}

interface Grant {
  readonly rollout: Serial
  readonly scope: string
  readonly minute: number
  readonly concurrency: number
  readonly rate: number
}

/** What every grant needs and counts. */
function granting(db: Compiler, { rollout, scope, minute, concurrency, rate }: Grant) {
  return ofActive(db, rollout, scope)
    .where(isBelow('slots', concurrency))
    .where(sql<boolean>`(not ${isOfMinute(minute)} or ${isBelow('minute_grants', rate)})`)
    .set({
      slots: plusOne('slots'),
      open_devices: plusOne('open_devices'),
      minute: sql<number>`case when ${isOfMinute(minute)} then minute else ${minute} end`,
      minute_grants: sql<number>`case when ${isOfMinute(minute)} then minute_grants + 1 else 1 end`,
    })
}

/** What goes on with a trial: its next step, or a further try. */
export const CLAIM_FURTHER = statement(
  (db, rollout: Serial, scope: string, minute: number, concurrency: number, rate: number) =>
    granting(db, { rollout, scope, minute, concurrency, rate }),
)

/** Another trial of a device that can be verified: it was counted as a device before. */
export const CLAIM_ANEW = statement(
  (db, rollout: Serial, scope: string, minute: number, concurrency: number, rate: number) =>
    granting(db, { rollout, scope, minute, concurrency, rate })
      .where(isBelow('granted', sql.ref('grant_limit')))
      .set({ granted: plusOne('granted') }),
)

/** Another trial of one that cannot. */
export const CLAIM_ANEW_UNVERIFIABLE = statement(
  (db, rollout: Serial, scope: string, minute: number, concurrency: number, rate: number) =>
    granting(db, { rollout, scope, minute, concurrency, rate })
      .where(isBelow('unverifiable', sql.ref('unverifiable_limit')))
      .set({ unverifiable: plusOne('unverifiable') }),
)

/** The first grant to a device that can be verified. */
export const CLAIM_FIRST = statement(
  (db, rollout: Serial, scope: string, minute: number, concurrency: number, rate: number, devices: number) =>
    granting(db, { rollout, scope, minute, concurrency, rate })
      .where(isBelow('devices', devices))
      .where(isBelow('granted', sql.ref('grant_limit')))
      .set({ devices: plusOne('devices'), granted: plusOne('granted') }),
)

/** The first grant to one that cannot. */
export const CLAIM_FIRST_UNVERIFIABLE = statement(
  (db, rollout: Serial, scope: string, minute: number, concurrency: number, rate: number, devices: number) =>
    granting(db, { rollout, scope, minute, concurrency, rate })
      .where(isBelow('devices', devices))
      .where(isBelow('unverifiable', sql.ref('unverifiable_limit')))
      .set({ devices: plusOne('devices'), unverifiable: plusOne('unverifiable') }),
)

/** The beginning of a trial of a verifiable device of a cohort. */
export const CLAIM_OF_COHORT = statement((db, rollout: Serial, scope: string) =>
  ofActive(db, rollout, scope)
    .where(isBelow('granted', sql.ref('grant_limit')))
    .set({ granted: plusOne('granted') }),
)

/** Whether a cohort is not excluded: all that it asks of other grants. */
export const COHORT_IS_ACTIVE = statement((db, rollout: Serial, scope: string) =>
  db
    .selectFrom('rollout_tallies')
    .select('rollout')
    .where('rollout', '=', rollout)
    .where('scope', '=', scope)
    .where('is_active', '=', sql.lit(true)),
)
