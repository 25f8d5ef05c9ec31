import type { BoundedMap } from '../bounded-map.ts'
import type { Entity, Serial } from '../common.ts'

/** The row that is known of this serial and revision, or else this one from now on: rows of both the same are the same. */
export function sharedRow<T extends Entity>(known: BoundedMap<Serial, T>, row: T): T {
  const before = known.get(row.serial)
  if (before?.revision === row.revision) return before
  known.set(row.serial, row)
  return row
}
