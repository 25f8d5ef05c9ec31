import { type SelectQueryBuilder, sql } from 'kysely'
import type { Id, New, Patch, Serial, Slice } from '../../../core/common.ts'
import { type Approval, byRank, type Rollout, type RolloutState } from '../../../core/rollout/rollout.ts'
import type { RolloutFilter, RolloutStore } from '../../../core/rollout/rollout-store.ts'
import type { Schema } from '../schema.ts'
import { contains } from '../search.ts'
import type { Session } from '../session.ts'
import { sliced } from '../slice.ts'
import { statement } from '../statement.ts'
import { unindexed } from '../unindexed.ts'
import { ROLLOUTS, toApproval } from './rollout-rows.ts'

const FIND_BY_ID = statement((db, organisation: Serial, id: Id) =>
  db.selectFrom('rollouts').selectAll().where('id', '=', id).where('organisation', '=', organisation),
)
const FIND_BY_KEY = statement((db, organisation: Serial, key: string) =>
  db.selectFrom('rollouts').selectAll().where('organisation', '=', organisation).where('key', '=', key),
)
const DELETE = statement((db, serial: Serial) =>
  db.deleteFrom('rollouts').where('serial', '=', serial).returning('organisation'),
)
// One question for both kinds: devices that poll ask it. The states stand as in the indexes.
const LIST_OFFERING = statement((db, product: Serial, live: number, stopped: number) => {
  const those = db.selectFrom('rollouts').selectAll().where('product', '=', product)
  const granting = those
    .where(sql<boolean>`state in ('running', 'paused')`)
    .orderBy('priority', 'desc')
    .orderBy('created_at')
    .orderBy('serial')
    .limit(live)
  const ended = those.where(sql<boolean>`state = 'stopped'`).orderBy('serial', 'desc').limit(stopped)
  return db
    .selectFrom(granting.as('granting'))
    .selectAll()
    .unionAll(db.selectFrom(ended.as('ended')).selectAll())
})
const LIST_AT_WORK = statement((db, limit: number) =>
  db
    .selectFrom('rollouts')
    .selectAll()
    .where(sql<boolean>`(cancelling = true or is_taking = true)`)
    .orderBy('serial')
    .limit(limit),
)
const COUNT_BY_RELEASE = statement((db, release: Serial) =>
  db.selectFrom('rollouts').select(sql<number>`count(*)`.as('count')).where('release', '=', release),
)
const APPROVE = statement((db, rollout: Serial, stage: number, run: number, account: Id, name: string, at: number) =>
  db
    .insertInto('rollout_approvals')
    .values({ rollout, stage, run, account, name, at })
    .onConflict((on) => on.doNothing()),
)
const LIST_APPROVALS = statement((db, rollout: Serial) =>
  db.selectFrom('rollout_approvals').selectAll().where('rollout', '=', rollout).orderBy('at').orderBy('account'),
)

export class SqlRolloutStore implements RolloutStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async insert(row: New<Rollout>): Promise<Rollout> {
    const rollout = await ROLLOUTS.insert(this.#session, row)
    this.#session.changes.fleet(rollout.organisation)
    return rollout
  }

  find(serial: Serial): Promise<Rollout | undefined> {
    return ROLLOUTS.find(this.#session, serial)
  }

  findById(organisation: Serial, id: Id): Promise<Rollout | undefined> {
    return ROLLOUTS.one(this.#session, FIND_BY_ID(this.#session, organisation, id))
  }

  findByKey(organisation: Serial, key: string): Promise<Rollout | undefined> {
    return ROLLOUTS.one(this.#session, FIND_BY_KEY(this.#session, organisation, key))
  }

  async update(serial: Serial, patch: Patch<Rollout>, ifRevision?: number): Promise<Rollout | undefined> {
    const rollout = await ROLLOUTS.change(this.#session, serial, { patch, ifRevision })
    if (rollout) this.#session.changes.fleet(rollout.organisation)
    return rollout
  }

  /** Members, counters and approvals go by cascade. */
  async delete(serial: Serial): Promise<void> {
    const deleted = await this.#session.savepoint(() => this.#session.first(DELETE(this.#session, serial)))
    if (deleted) this.#session.changes.fleet(deleted.organisation)
  }

  async list(filter: RolloutFilter, slice: Slice): Promise<Rollout[]> {
    if (filter.states?.length === 0) return []
    const query = this.#filtered(this.#session.compiler.selectFrom('rollouts'), filter).selectAll()
    return ROLLOUTS.many(this.#session, sliced(query, 'serial', slice).compile())
  }

  async count(filter: RolloutFilter): Promise<number> {
    if (filter.states?.length === 0) return 0
    const query = this.#filtered(this.#session.compiler.selectFrom('rollouts'), filter)
    const counted = await this.#session.first(query.select(sql<number>`count(*)`.as('count')).compile())
    return counted?.count ?? 0
  }

  async listOffering(product: Serial, { live, stopped }: { live: number; stopped: number }): Promise<Rollout[]> {
    const rows = await ROLLOUTS.many(this.#session, LIST_OFFERING(this.#session, product, live, stopped))
    return rows.sort(byRank)
  }

  async listInStates(states: readonly RolloutState[], slice: Slice): Promise<Rollout[]> {
    if (states.length === 0) return []
    const query = this.#session.compiler
      .selectFrom('rollouts')
      .selectAll()
      .where('state', 'in', [...states])
    return ROLLOUTS.many(this.#session, sliced(query, 'serial', slice).compile())
  }

  listAtWork(limit: number): Promise<Rollout[]> {
    return ROLLOUTS.many(this.#session, LIST_AT_WORK(this.#session, limit))
  }

  async countByRelease(release: Serial): Promise<number> {
    return (await this.#session.first(COUNT_BY_RELEASE(this.#session, release)))?.count ?? 0
  }

  async approve({ rollout, stage, run, account, name, at }: Approval): Promise<boolean> {
    const approved = await this.#session.run(APPROVE(this.#session, rollout, stage, run, account, name, at))
    if (approved > 0) this.#session.changes.rollout(rollout)
    return approved > 0
  }

  async listApprovals(rollout: Serial): Promise<Approval[]> {
    return (await this.#session.all(LIST_APPROVALS(this.#session, rollout))).map(toApproval)
  }

  #filtered<O>(
    query: SelectQueryBuilder<Schema, 'rollouts', O>,
    { organisation, product, release, states, kind, search }: RolloutFilter,
  ): SelectQueryBuilder<Schema, 'rollouts', O> {
    const isNarrow = product !== undefined || release !== undefined
    const owner = isNarrow ? unindexed(this.#session, 'organisation') : sql.ref('organisation')
    let found = query.where(sql<boolean>`${owner} = ${organisation}`)
    if (product !== undefined) found = found.where('product', '=', product)
    if (release !== undefined) found = found.where('release', '=', release)
    if (states !== undefined)
      found = found.where(sql<boolean>`${unindexed(this.#session, 'state')} in (${sql.join(states)})`)
    if (kind !== undefined) found = found.where('kind', '=', kind)
    if (search !== undefined) found = found.where(contains(['key_folded', 'name_folded'], search))
    return found
  }
}
