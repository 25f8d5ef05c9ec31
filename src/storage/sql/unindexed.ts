import { type RawBuilder, sql } from 'kysely'
import type { Session } from './session.ts'

/**
 * A column whose indexes a planner without statistics must not choose, because another condition of the query leaves
 * far fewer rows.
 */
export function unindexed({ dialect }: Session, column: string): RawBuilder<unknown> {
  return dialect.hasStatistics ? sql.ref(column) : sql`+${sql.ref(column)}`
}
