import { type SelectQueryBuilder, sql } from 'kysely'
import type { Id, New, Patch, Serial, Slice } from '../../../core/common.ts'
import { type Approval, byRank, type Rollout, type RolloutState } from '../../../core/rollout/rollout.ts'
import type { DeviceName, NamedDevice, RolloutFilter, RolloutStore } from '../../../core/rollout/rollout-store.ts'
import type { Schema } from '../schema.ts'
import { contains } from '../search.ts'
import type { Session } from '../session.ts'
import { sliced } from '../slice.ts'
import { statement } from '../statement.ts'
import { unindexed } from '../unindexed.ts'
import { buryRollout, deletedRollouts, purgeRollout } from './rollout-deletion.ts'
import { COUNT_NAMING, COUNT_OFFERING, insertNames, LIST_NAMING, LIST_OFFERING, nameOf } from './rollout-offerings.ts'
import { ROLLOUTS, toApproval } from './rollout-rows.ts'

const FIND_BY_ID = statement((db, organisation: Serial, id: Id) =>
  db.selectFrom('rollouts').selectAll().where('id', '=', id).where('organisation', '=', organisation),
)
const FIND_BY_KEY = statement((db, organisation: Serial, key: string) =>
  db.selectFrom('rollouts').selectAll().where('organisation', '=', organisation).where('key', '=', key),
)
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

  async find(serial: Serial): Promise<Rollout | undefined> {
    return found(await ROLLOUTS.find(this.#session, serial))
  }

  async findById(organisation: Serial, id: Id): Promise<Rollout | undefined> {
    return found(await ROLLOUTS.one(this.#session, FIND_BY_ID(this.#session, organisation, id)))
  }

  async findByKey(organisation: Serial, key: string): Promise<Rollout | undefined> {
    return found(await ROLLOUTS.one(this.#session, FIND_BY_KEY(this.#session, organisation, key)))
  }

  async update(serial: Serial, patch: Patch<Rollout>, ifRevision?: number): Promise<Rollout | undefined> {
    // Nothing brings a deleted one back.
    if ((await this.find(serial)) === undefined) return undefined
    const rollout = found(await ROLLOUTS.change(this.#session, serial, { patch, ifRevision }))
    if (rollout) this.#session.changes.fleet(rollout.organisation)
    return rollout
  }

  delete(serial: Serial): Promise<void> {
    return buryRollout(this.#session, serial)
  }

  listDeleted(limit: number): Promise<Serial[]> {
    return deletedRollouts(this.#session, limit)
  }

  purge(serial: Serial, limit: number): Promise<boolean> {
    return purgeRollout(this.#session, serial, limit)
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

  async listNaming(
    product: Serial,
    { id, key }: NamedDevice,
    { live, stopped }: { live: number; stopped: number },
  ): Promise<Rollout[]> {
    const names = [nameOf({ id }), nameOf({ key })] as const
    const rows = await ROLLOUTS.many(this.#session, LIST_NAMING(this.#session, product, ...names, live, stopped))
    return rows.sort(byRank)
  }

  async countOffering(product: Serial): Promise<number> {
    return (await this.#session.first(COUNT_OFFERING(this.#session, product)))?.count ?? 0
  }

  async countNaming(serial: Serial): Promise<number> {
    return (await this.#session.first(COUNT_NAMING(this.#session, serial)))?.count ?? 0
  }

  name(serial: Serial, names: readonly DeviceName[]): Promise<void> {
    return insertNames(this.#session, serial, names)
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
    // Deleted ones have neither product nor release.
    if (!isNarrow) found = found.where('product', 'is not', null)
    if (product !== undefined) found = found.where('product', '=', product)
    if (release !== undefined) found = found.where('release', '=', release)
    if (states !== undefined)
      found = found.where(sql<boolean>`${unindexed(this.#session, 'state')} in (${sql.join(states)})`)
    if (kind !== undefined) found = found.where('kind', '=', kind)
    if (search !== undefined) found = found.where(contains(['key_folded', 'name_folded'], search))
    return found
  }
}

/** A deleted one is none any more. */
function found(rollout: Rollout | undefined): Rollout | undefined {
  return (rollout?.state as string | undefined) === 'deleted' ? undefined : rollout
}
