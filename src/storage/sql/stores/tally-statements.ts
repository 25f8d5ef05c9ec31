import { type Compilable, type CompiledQuery, sql } from 'kysely'
import type { Serial } from '../../../core/common.ts'
import type { TallyChange } from '../../../core/rollout/rollout-store.ts'
import type { Outcomes } from '../../../core/rollout/tally.ts'
import { anyDb } from '../insert-row.ts'
import type { Session } from '../session.ts'
import { statement, Template, TemplateCache } from '../statement.ts'

/** The statements on counters of rollouts, besides those of a claim. */

export const FIND = statement((db, rollout: Serial, scope: string) =>
  db.selectFrom('rollout_tallies').selectAll().where('rollout', '=', rollout).where('scope', '=', scope),
)
export const LOCK = statement((db, rollout: Serial, scope: string) =>
  db
    .selectFrom('rollout_tallies')
    .select('scope')
    .where('rollout', '=', rollout)
    .where('scope', '=', scope)
    .forUpdate(),
)
// Stages by number: names of one length are in its order.
export const LIST = statement((db, rollout: Serial, limit: number) =>
  db
    .selectFrom('rollout_tallies')
    .selectAll()
    .where('rollout', '=', rollout)
    .orderBy('position')
    .orderBy('family')
    .orderBy(sql`length(scope)`)
    .orderBy('scope')
    .limit(limit),
)
export const INSERT_COHORT = statement(
  (db, rollout: Serial, scope: string, family: string, value: string, grantLimit: number, unverifiableLimit: number) =>
    db
      .insertInto('rollout_tallies')
      .columns([
        'rollout',
        'scope',
        'family',
        'value',
        'grant_limit',
        'unverifiable_limit',
        'is_active',
        'stop_words',
        'position',
      ])
      .expression(
        db
          .selectFrom('rollout_tallies')
          .select([
            sql<number>`cast(${rollout} as bigint)`.as('rollout'),
            sql<string>`cast(${scope} as text)`.as('scope'),
            sql<string>`cast(${family} as text)`.as('family'),
            sql<string>`cast(${value} as text)`.as('value'),
            sql<number>`cast(${grantLimit} as bigint)`.as('grant_limit'),
            sql<number>`cast(${unverifiableLimit} as bigint)`.as('unverifiable_limit'),
            sql<boolean>`true`.as('is_active'),
            sql<null>`null`.as('stop_words'),
            sql<number>`coalesce(max(position), 0) + 1`.as('position'),
          ])
          .where('rollout', '=', rollout)
          .where('family', '=', family),
      )
      .onConflict((on) => on.doNothing())
      .returningAll(),
)
export const RESTART = statement((db, rollout: Serial, scope: string, grantLimit: number, unverifiableLimit: number) =>
  db
    .updateTable('rollout_tallies')
    .set({
      run: sql<number>`run + 1`,
      granted: 0,
      settled: 0,
      failed: 0,
      settled_failed: 0,
      silent: 0,
      unverifiable: 0,
      grant_limit: grantLimit,
      unverifiable_limit: unverifiableLimit,
    })
    .where('rollout', '=', rollout)
    .where('scope', '=', scope),
)

const COUNTS = {
  settled: 'settled',
  failed: 'failed',
  settledFailed: 'settled_failed',
  silent: 'silent',
  slots: 'slots',
} as const satisfies Record<Exclude<keyof TallyChange, 'outcomes'>, string>

const OUTCOMES = {
  open: 'open_devices',
  succeeded: 'succeeded_devices',
  failed: 'failed_devices',
  'rolled-back': 'rolled_back_devices',
  cancelled: 'cancelled_devices',
  superseded: 'superseded_devices',
  delivered: 'delivered_devices',
} as const satisfies Record<keyof Outcomes, string>

const additions = new TemplateCache()

/** Adds to counters; undefined when there is nothing to add. What changes at once is one of few sets of columns. */
export function adding(
  { compiler }: Session,
  to: { readonly rollout: Serial; readonly scope: string; readonly run: number | undefined },
  { outcomes = {}, ...counts }: TallyChange,
): CompiledQuery<unknown> | undefined {
  const sums = [...sumsOf(COUNTS, counts), ...sumsOf(OUTCOMES, outcomes)]
  if (sums.length === 0) return undefined
  const columns = sums.map(([column]) => column)
  const conditions = Object.entries(to).filter(([, value]) => value !== undefined)
  const key = `${columns.join()} if ${conditions.map(([column]) => column).join()}`
  const template = additions.get(
    compiler,
    key,
    () =>
      new Template(columns.length + conditions.length, (standIns): Compilable<unknown> => {
        const set = columns.map((column, index) => [column, sql`${sql.ref(column)} + ${standIns[index]}`] as const)
        return conditions.reduce(
          (query, [column], index) => query.where(column, '=', standIns[columns.length + index]),
          anyDb(compiler).updateTable('rollout_tallies').set(Object.fromEntries(set)),
        )
      }),
  )
  return template.bind([...sums.map(([, sum]) => sum), ...conditions.map(([, value]) => value)])
}

/** What is added to which column; nothing is left out. */
function sumsOf<K extends string>(
  columns: Readonly<Record<K, string>>,
  change: Partial<Record<K, number>>,
): Array<[column: string, sum: number]> {
  const names = Object.keys(columns) as K[]
  return names.flatMap((name): Array<[string, number]> => (change[name] ? [[columns[name], change[name]]] : []))
}
