import { type RawBuilder, sql } from 'kysely'
import { fold } from '../values.ts'
import type { DeviceParts, MigrationDb } from './dialect.ts'

/** A trigram index finds no part that is shorter. */
const LEAST_CHARS = 3

const CREATE = `create virtual table device_search using fts5(key_folded, name_folded,
  content='devices', content_rowid='serial', columnsize=0, tokenize='trigram case_sensitive 1')`

const ADD = `insert into device_search (rowid, key_folded, name_folded)
  values (new.serial, new.key_folded, new.name_folded);`
const REMOVE = `insert into device_search (device_search, rowid, key_folded, name_folded)
  values ('delete', old.serial, old.key_folded, old.name_folded);`

const TRIGGERS = [
  `create trigger device_search_insert after insert on devices begin ${ADD} end`,
  `create trigger device_search_delete after delete on devices begin ${REMOVE} end`,
  // Nothing else of a device is in the index, so that polls and reports never touch it.
  `create trigger device_search_update after update of key_folded, name_folded on devices
    when old.key_folded is not new.key_folded or old.name_folded is not new.name_folded begin ${REMOVE} ${ADD} end`,
]

/** An FTS5 index of trigrams that holds no texts itself, kept by triggers. Part of an immutable migration. */
export async function createDeviceSearch(db: MigrationDb): Promise<void> {
  for (const statement of [CREATE, ...TRIGGERS]) await sql.raw(statement).execute(db)
  await sql`insert into device_search (device_search) values ('rebuild')`.execute(db)
}

/** Serials, as `found` and in their order, of devices whose texts hold these parts; undefined when it cannot tell. */
export function findDeviceParts({ search, nameContains }: DeviceParts): RawBuilder<{ found: number }> | undefined {
  const wanted = [
    ...(search === undefined ? [] : [{ part: search, column: '' }]),
    ...(nameContains === undefined ? [] : [{ part: nameContains, column: 'name_folded : ' }]),
  ].map(({ part, column }) => ({ part: fold(part), column }))
  if (wanted.length === 0 || wanted.some(({ part }) => [...part].length < LEAST_CHARS || part.includes('\0')))
    return undefined
  const match = wanted.map(({ part, column }) => `${column}"${part.replaceAll('"', '""')}"`).join(' AND ')
  return sql<{ found: number }>`(select rowid as found from device_search where device_search match ${match})`
}
