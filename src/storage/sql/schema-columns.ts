import type { ColumnType, Generated } from 'kysely'

/** Booleans: 0 and 1 where the database knows no others. */
export type Flag = ColumnType<boolean | 0 | 1, boolean, boolean>
/** JSON as text, so that members keep their order and every database keeps the same. */
export type Json = string
/** Epoch milliseconds. */
export type Time = number

export interface EntityColumns {
  serial: Generated<number>
  id: string
  created_at: Time
  revision: Generated<number>
}

/** `*_folded` columns hold lower-cased text for searches, lower-cased by us so that both databases agree. */
export interface Named {
  key: string
  name: string
}
