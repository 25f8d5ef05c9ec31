import { type RawBuilder, sql } from 'kysely'
import { fold } from './values.ts'

/** Whether one of these folded columns holds `part`, literally and whatever its case. */
export function contains(columns: readonly string[], part: string): RawBuilder<boolean> {
  const pattern = `%${fold(part).replace(/[\\%_]/g, '\\$&')}%`
  const matches = columns.map((column) => sql`${sql.ref(column)} like ${pattern} escape '\\'`)
  return sql<boolean>`(${sql.join(matches, sql` or `)})`
}
