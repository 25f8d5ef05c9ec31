import { sql } from 'kysely'
import type { Serial } from '../../../core/common.ts'
import { OtaError } from '../../../core/errors.ts'
import type { Session } from '../session.ts'
import { statement } from '../statement.ts'

const IS_UNDONE = statement((db, serial: Serial) =>
  db.selectFrom('rollouts').select('serial').where('undoes', '=', serial).where('undoes', 'is not', null).limit(1),
)
// Neither a key nor an id can begin so: what it was called is free again.
const BURY = statement((db, serial: Serial, name: string) =>
  db
    .updateTable('rollouts')
    .set({
      state: 'deleted',
      id: name,
      key: name,
      key_folded: '',
      name_folded: '',
      product: sql<number>`null`,
      release: sql<number>`null`,
      undoes: null,
      cancelling: false,
      is_taking: false,
    })
    .where('serial', '=', serial)
    .where('state', '!=', 'deleted')
    .returning('organisation'),
)
const DELETE_TALLIES = statement((db, rollout: Serial) =>
  db.deleteFrom('rollout_tallies').where('rollout', '=', rollout),
)
const DELETE_NAMES = statement((db, rollout: Serial) => db.deleteFrom('rollout_names').where('rollout', '=', rollout))
const DELETE_APPROVALS = statement((db, rollout: Serial) =>
  db.deleteFrom('rollout_approvals').where('rollout', '=', rollout),
)
const LIST_DELETED = statement((db, limit: number) =>
  db.selectFrom('rollouts').select('serial').where(sql<boolean>`state = 'deleted'`).orderBy('serial').limit(limit),
)
const IS_DELETED = statement((db, serial: Serial) =>
  db.selectFrom('rollouts').select('serial').where('serial', '=', serial).where('state', '=', 'deleted'),
)
const DELETE_MEMBERS = statement((db, rollout: Serial, limit: number) =>
  db
    .deleteFrom('rollout_members')
    .where('serial', 'in', (of) =>
      of.selectFrom('rollout_members').select('serial').where('rollout', '=', rollout).orderBy('serial').limit(limit),
    ),
)
const FORGET_IN_UPDATES = statement((db, rollout: Serial, limit: number) =>
  db
    .updateTable('updates')
    .set({ rollout: null })
    .where('serial', 'in', (of) =>
      of.selectFrom('updates').select('serial').where('rollout', '=', rollout).orderBy('serial').limit(limit),
    )
    .returning('device'),
)
const DELETE = statement((db, serial: Serial) =>
  db.deleteFrom('rollouts').where('serial', '=', serial).where('state', '=', 'deleted'),
)

/** See `RolloutStore.delete`. */
export async function buryRollout(session: Session, serial: Serial): Promise<void> {
  if ((await session.first(IS_UNDONE(session, serial))) !== undefined)
    throw new OtaError('in-use', 'The rollout is still in use', { details: { entity: 'rollout' } })
  for (const remove of [DELETE_TALLIES, DELETE_NAMES, DELETE_APPROVALS]) await session.run(remove(session, serial))
  const buried = await session.first(BURY(session, serial, `~${serial}`))
  if (buried) session.changes.fleet(buried.organisation)
}

/** See `RolloutStore.listDeleted`. */
export async function deletedRollouts(session: Session, limit: number): Promise<Serial[]> {
  return (await session.all(LIST_DELETED(session, limit))).map(({ serial }) => serial)
}

/** See `RolloutStore.purge`. */
export async function purgeRollout(session: Session, serial: Serial, limit: number): Promise<boolean> {
  if ((await session.first(IS_DELETED(session, serial))) === undefined) return false
  const members = await session.run(DELETE_MEMBERS(session, serial, limit))
  const updates = await session.all(FORGET_IN_UPDATES(session, serial, limit))
  for (const { device } of updates) session.changes.device(device)
  if (members >= limit || updates.length >= limit) return true
  await session.run(DELETE(session, serial))
  return false
}
