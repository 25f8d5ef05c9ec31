import { type RawBuilder, sql } from 'kysely'
import type { Millis, Serial } from '../../core/common.ts'
import type { Session } from './session.ts'

/**
 * Serials of at most `limit` rows whose time is before `before`, for a bounded delete. Rows that another process is
 * deleting at this moment are left to it.
 */
export function oldest(
  { dialect }: Session,
  of: { readonly table: string; readonly column: string; readonly before: Millis; readonly limit: number },
): RawBuilder<Serial> {
  const [table, column] = [sql.table(of.table), sql.ref(of.column)]
  const lock = dialect.locksRows ? sql`for update skip locked` : sql``
  return sql<Serial>`(select serial from ${table} where ${column} < ${of.before}
    order by ${column} limit ${of.limit} ${lock})`
}
