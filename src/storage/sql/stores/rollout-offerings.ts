import { sql } from 'kysely'
import type { Serial } from '../../../core/common.ts'
import type { DeviceName } from '../../../core/rollout/rollout-store.ts'
import { insertQuery } from '../insert-row.ts'
import type { Session } from '../session.ts'
import { slices } from '../slice.ts'
import { statement } from '../statement.ts'

/** What devices may meet; the states stand as in the indexes, for devices that poll ask. */

const IS_LIVE = sql<boolean>`state in ('running', 'paused')`
const IS_STOPPED = sql<boolean>`state = 'stopped'`
const IS_FOR_ALL = sql<boolean>`names_devices = false`

// One question for both kinds.
export const LIST_OFFERING = statement((db, product: Serial, live: number, stopped: number) => {
  const those = db.selectFrom('rollouts').selectAll().where('product', '=', product).where(IS_FOR_ALL)
  const granting = those.where(IS_LIVE).orderBy('priority', 'desc').orderBy('created_at').orderBy('serial').limit(live)
  const ended = those.where(IS_STOPPED).orderBy('serial', 'desc').limit(stopped)
  return db
    .selectFrom(granting.as('granting'))
    .selectAll()
    .unionAll(db.selectFrom(ended.as('ended')).selectAll())
})

// A cross join, so that SQLite begins with the names: a product may have many more rollouts.
export const LIST_NAMING = statement((db, product: Serial, id: string, key: string, live: number, stopped: number) => {
  const those = db
    .selectFrom('rollout_names')
    .crossJoin('rollouts')
    .selectAll('rollouts')
    .whereRef('rollouts.serial', '=', 'rollout_names.rollout')
    .where('rollout_names.name', 'in', [id, key])
    .where('rollouts.product', '=', product)
  const granting = those.where(IS_LIVE).orderBy('priority', 'desc').orderBy('created_at').orderBy('serial').limit(live)
  const ended = those.where(IS_STOPPED).orderBy('serial', 'desc').limit(stopped)
  return db
    .selectFrom(granting.as('granting'))
    .selectAll()
    .unionAll(db.selectFrom(ended.as('ended')).selectAll())
})

export const COUNT_OFFERING = statement((db, product: Serial) =>
  db
    .selectFrom('rollouts')
    .select(sql<number>`count(*)`.as('count'))
    .where('product', '=', product)
    .where(IS_FOR_ALL)
    .where(IS_LIVE),
)

export const COUNT_NAMING = statement((db, serial: Serial) =>
  db
    .selectFrom('rollout_names as mine')
    .innerJoin('rollout_names as others', 'others.name', 'mine.name')
    .innerJoin('rollouts', 'rollouts.serial', 'others.rollout')
    .innerJoin('rollouts as self', 'self.serial', 'mine.rollout')
    .select(sql<number>`count(*)`.as('count'))
    .where('mine.rollout', '=', serial)
    .whereRef('rollouts.product', '=', 'self.product')
    .where(sql<boolean>`rollouts.state in ('running', 'paused')`)
    .groupBy('mine.name')
    .orderBy('count', 'desc')
    .limit(1),
)

/** The devices that a rollout names. */
export async function insertNames(session: Session, rollout: Serial, names: readonly DeviceName[]): Promise<void> {
  const rows = names.map((name) => ({ rollout, name: nameOf(name) }))
  for (const some of slices(rows, session.dialect.bulkRows))
    await session.all(insertQuery(session.compiler, 'rollout_names', some).compile())
}

/** As it stands in the table. */
export function nameOf(name: DeviceName): string {
  return 'id' in name ? `id:${name.id}` : `key:${name.key}`
}
