import { sql } from 'kysely'
import type { Id, Millis, Serial } from '../../../core/common.ts'
import { advanceConcernsAnswers, type Update, type UpdateState } from '../../../core/update/update.ts'
import type { Advance } from '../../../core/update/update-store.ts'
import type { Session } from '../session.ts'
import { bulkStatement, compilable, statement } from '../statement.ts'
import { UPDATE_COLUMNS, UPDATES } from './update-rows.ts'

const FIND = statement((db, id: Id) => db.selectFrom('updates').selectAll().where('id', '=', id))
const LOCK_ALL = bulkStatement(({ compiler, isOneOf }, ids: readonly Id[]) =>
  compiler
    .selectFrom('updates')
    .select(UPDATE_COLUMNS)
    .where(isOneOf('id', ids, 'text'))
    .orderBy('serial')
    .forUpdate()
    .skipLocked(),
)
const ADVANCE = statement(
  (
    db,
    serial: Serial,
    state: UpdateState,
    progress: number,
    reason: string,
    changedAt: Millis,
    confirmAfter: Millis | null,
    deadline: Millis | null,
  ) =>
    db
      .updateTable('updates')
      .set((is) => ({
        state,
        progress,
        reason,
        changed_at: changedAt,
        confirm_after: confirmAfter,
        deadline,
        revision: is('revision', '+', 1),
      }))
      .where('serial', '=', serial),
)
// The serials stand there twice so that the planner looks each of them up.
const ADVANCE_ALL = bulkStatement(({ compiler, given, isOneOf }, rows: string, serials: readonly Serial[]) =>
  compilable(
    compiler,
    sql`update updates set state = given.state, progress = given.progress, reason = given.reason,
      changed_at = given.changed_at, confirm_after = given.confirm_after, deadline = given.deadline,
      revision = revision + 1
    from ${given(rows, {
      serial: 'bigint',
      state: 'text',
      progress: 'bigint',
      reason: 'text',
      changed_at: 'bigint',
      confirm_after: 'bigint',
      deadline: 'bigint',
    })} where updates.serial = given.serial and ${isOneOf('updates.serial', serials, 'bigint')}`,
  ),
)

/** See `UpdateStore.lockByIds`. */
export async function lockUpdates(session: Session, ids: readonly Id[]): Promise<Update[]> {
  const distinct = [...new Set(ids)]
  const lock = LOCK_ALL(session, distinct)
  if (lock) return UPDATES.many(session, lock)
  const found: Update[] = []
  for (const id of distinct) {
    const update = await UPDATES.one(session, FIND(session, id))
    if (update) found.push(update)
  }
  return found.sort((one, other) => one.serial - other.serial)
}

/** See `UpdateStore.advanceAll`. */
export async function advanceUpdates(session: Session, advances: readonly Advance[]): Promise<void> {
  const rows = advances.map(toColumns)
  const serials = rows.map(({ serial }) => serial)
  const all = ADVANCE_ALL(session, JSON.stringify(rows), serials)
  if (all) await session.run(all)
  else for (const one of advances) await session.run(ADVANCE(session, ...valuesOf(one)))
  for (const { before, after } of advances)
    if (advanceConcernsAnswers(before, after)) session.changes.device(before.device)
}

function toColumns({ before, after }: Advance) {
  return {
    serial: before.serial,
    state: after.state,
    progress: after.progress,
    reason: after.reason,
    changed_at: after.changedAt,
    confirm_after: after.confirmAfter,
    deadline: after.deadline,
  }
}

function valuesOf({ before: { serial }, after }: Advance) {
  return [
    serial,
    after.state,
    after.progress,
    after.reason,
    after.changedAt,
    after.confirmAfter,
    after.deadline,
  ] as const
}
