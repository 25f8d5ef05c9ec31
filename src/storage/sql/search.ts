import { type RawBuilder, sql } from 'kysely'
import { fold } from './values.ts'

/** Whether one of these folded columns holds `part`, literally and whatever its case. No text that is kept holds a NUL. */
export function contains(columns: readonly string[], part: string): RawBuilder<boolean> {
  if (part.includes('\0')) return sql<boolean>`(1 = 0)`
  const pattern = `%${fold(part).replace(/[\\%_]/g, '\\$&')}%`
  const matches = columns.map((column) => sql`${sql.ref(column)} like ${pattern} escape '\\'`)
  return sql<boolean>`(${sql.join(matches, sql` or `)})`
}
