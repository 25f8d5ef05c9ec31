import { sql } from 'kysely'
import type { Id, Millis, New, Patch, Serial, Slice } from '../../../core/common.ts'
import { OtaError } from '../../../core/errors.ts'
import { concernsAnswers, isOpen, type Update, type UpdateState } from '../../../core/update/update.ts'
import type { Advance, UpdateFilter, UpdateStore } from '../../../core/update/update-store.ts'
import { oldest } from '../oldest.ts'
import type { Session } from '../session.ts'
import { sliced, slices } from '../slice.ts'
import { statement } from '../statement.ts'
import { unindexed } from '../unindexed.ts'
import { advanceUpdates, lockUpdates } from './update-batches.ts'
import { UPDATES } from './update-rows.ts'

/** Vendors' devices keep the number in 32 bits, signed. */
const HIGHEST_SERIAL = 2 ** 31 - 1

const FIND_BY_ID = statement((db, organisation: Serial, id: Id) =>
  db.selectFrom('updates').selectAll().where('id', '=', id).where('organisation', '=', organisation),
)
const FIND_OPEN = statement((db, device: Serial) =>
  db.selectFrom('updates').selectAll().where('device', '=', device).where('is_open', '=', sql.lit(true)),
)
// A literal limit: SQLite prepares a statement anew whenever another one is bound.
const FIND_LATEST = statement((db, device: Serial) =>
  db.selectFrom('updates').selectAll().where('device', '=', device).orderBy('serial', 'desc').limit(sql.lit(1)),
)
const FIND_LATEST_SUCCEEDED = statement((db, device: Serial) =>
  db
    .selectFrom('updates')
    .selectAll()
    .where('device', '=', device)
    .where('state', '=', sql.lit('succeeded'))
    .orderBy('serial', 'desc')
    .limit(sql.lit(1)),
)
const LIST_DUE = statement((db, now: Millis, limit: number) =>
  db
    .selectFrom('updates')
    .selectAll()
    .where('confirm_after', '<=', now)
    .where('is_open', '=', sql.lit(true))
    .orderBy('confirm_after')
    .limit(limit),
)
const LIST_OVERDUE = statement((db, now: Millis, limit: number) =>
  db
    .selectFrom('updates')
    .selectAll()
    .where('deadline', '<=', now)
    .where('is_open', '=', sql.lit(true))
    .orderBy('deadline')
    .limit(limit),
)

export class SqlUpdateStore implements UpdateStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async insert(row: New<Update>): Promise<Update> {
    const update = await UPDATES.insert(this.#session, row)
    if (update.serial > HIGHEST_SERIAL) throw new OtaError('limit-reached', 'No number is left for another update')
    this.#session.changes.device(update.device)
    return update
  }

  find(serial: Serial): Promise<Update | undefined> {
    return UPDATES.find(this.#session, serial)
  }

  findById(organisation: Serial, id: Id): Promise<Update | undefined> {
    return UPDATES.one(this.#session, FIND_BY_ID(this.#session, organisation, id))
  }

  findOpen(device: Serial): Promise<Update | undefined> {
    return UPDATES.one(this.#session, FIND_OPEN(this.#session, device))
  }

  findLatest(device: Serial): Promise<Update | undefined> {
    return UPDATES.one(this.#session, FIND_LATEST(this.#session, device))
  }

  findLatestSucceeded(device: Serial): Promise<Update | undefined> {
    return UPDATES.one(this.#session, FIND_LATEST_SUCCEEDED(this.#session, device))
  }

  async listLatest(devices: readonly Serial[]): Promise<Update[]> {
    const found: Update[] = []
    for (const some of slices([...new Set(devices)])) {
      const newest = this.#session.compiler
        .selectFrom('updates')
        .select(sql<number>`max(serial)`.as('serial'))
        .where('device', 'in', some)
        .groupBy('device')
      const query = this.#session.compiler.selectFrom('updates').selectAll().where('serial', 'in', newest)
      found.push(...(await UPDATES.many(this.#session, query.compile())))
    }
    return found
  }

  async listBySerials(serials: readonly Serial[]): Promise<Update[]> {
    const found: Update[] = []
    for (const some of slices([...new Set(serials)])) {
      const query = this.#session.compiler.selectFrom('updates').selectAll().where('serial', 'in', some)
      found.push(...(await UPDATES.many(this.#session, query.compile())))
    }
    return found
  }

  async move(
    serial: Serial,
    from: UpdateState | Pick<Update, 'state' | 'revision'>,
    patch: Patch<Update>,
  ): Promise<Update | undefined> {
    const { state, revision } = typeof from === 'string' ? { state: from, revision: undefined } : from
    const update = await UPDATES.change(this.#session, serial, { patch, ifRevision: revision, while: { state } })
    if (update && concernsAnswers(patch)) this.#session.changes.device(update.device)
    return update
  }

  lockByIds(ids: readonly Id[]): Promise<Update[]> {
    return lockUpdates(this.#session, ids)
  }

  advanceAll(advances: readonly Advance[]): Promise<void> {
    return advanceUpdates(this.#session, advances)
  }

  async list({ organisation, device, release, rollout, states }: UpdateFilter, slice: Slice): Promise<Update[]> {
    if (states?.length === 0) return []
    let query = this.#session.compiler.selectFrom('updates').selectAll()
    if (device !== undefined) query = query.where('device', '=', device)
    if (rollout !== undefined) query = query.where('rollout', '=', rollout)
    if (device === undefined && rollout === undefined) query = query.where('organisation', '=', organisation)
    else query = query.where(sql<boolean>`${unindexed(this.#session, 'organisation')} = ${organisation}`)
    if (states?.every(isOpen)) query = query.where('is_open', '=', sql.lit(true))
    if (release !== undefined) query = query.where('release', '=', release)
    if (states !== undefined) query = query.where('state', 'in', [...states])
    return UPDATES.many(this.#session, sliced(query, 'serial', slice).compile())
  }

  listDue(now: Millis, limit: number): Promise<Update[]> {
    return UPDATES.many(this.#session, LIST_DUE(this.#session, now, limit))
  }

  listOverdue(now: Millis, limit: number): Promise<Update[]> {
    return UPDATES.many(this.#session, LIST_OVERDUE(this.#session, now, limit))
  }

  async deleteClosed(before: Millis, limit: number): Promise<number> {
    const query = this.#session.compiler
      .deleteFrom('updates')
      .where('serial', 'in', oldest(this.#session, { table: 'updates', column: 'closed_at', before, limit }))
      .returning('device')
    const deleted = await this.#session.all(query.compile())
    for (const { device } of deleted) this.#session.changes.device(device)
    return deleted.length
  }
}
