import { sql } from 'kysely'
import type { Millis, Serial } from '../../../core/common.ts'
import type { Session } from '../session.ts'
import { bulkStatement, compilable, statement } from '../statement.ts'

const TOUCH = statement((db, serial: Serial, at: Millis) =>
  db
    .updateTable('devices')
    .set({ last_seen_at: at })
    .where('serial', '=', serial)
    .where(({ or, eb }) => or([eb('last_seen_at', 'is', null), eb('last_seen_at', '<', at)])),
)
// The serials stand there twice so that the planner looks each of them up.
const TOUCH_ALL = bulkStatement(({ compiler, given, isOneOf }, rows: string, serials: readonly Serial[]) =>
  compilable(
    compiler,
    sql`update devices set last_seen_at = given.at from ${given(rows, { serial: 'bigint', at: 'bigint' })}
      where devices.serial = given.serial and ${isOneOf('devices.serial', serials, 'bigint')}
        and (devices.last_seen_at is null or devices.last_seen_at < given.at)`,
  ),
)

/** See `DeviceStore.touch`. */
export async function touchDevices(
  session: Session,
  seen: ReadonlyArray<{ readonly device: Serial; readonly at: Millis }>,
): Promise<void> {
  const latest = new Map<Serial, Millis>()
  for (const { device, at } of seen) latest.set(device, Math.max(at, latest.get(device) ?? 0))
  // In the order of their serials, so that two processes at once do not wait for each other.
  const rows = [...latest].map(([serial, at]) => ({ serial, at })).sort((one, other) => one.serial - other.serial)
  const serials = rows.map(({ serial }) => serial)
  const all = TOUCH_ALL(session, JSON.stringify(rows), serials)
  if (all) await session.run(all)
  else for (const { serial, at } of rows) await session.run(TOUCH(session, serial, at))
}
