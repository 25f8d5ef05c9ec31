import { type SelectQueryBuilder, sql } from 'kysely'
import type { Slice, TimeSlice } from '../../core/common.ts'

/** Orders a query by a serial column and takes the slice of it. */
export function sliced<DB, TB extends keyof DB, O>(
  query: SelectQueryBuilder<DB, TB, O>,
  column: string,
  { limit, after, offset, order = 'asc' }: Slice,
): SelectQueryBuilder<DB, TB, O> {
  const serial = sql.ref<number>(column)
  let part = query.orderBy(serial, order).limit(limit)
  if (after !== undefined) part = part.where(sql<boolean>`${serial} ${sql.raw(order === 'asc' ? '>' : '<')} ${after}`)
  if (offset !== undefined && offset > 0) part = part.offset(offset)
  return part
}

/** Orders a query by a time column and the id beside it, and takes the slice of it. */
export function timeSliced<DB, TB extends keyof DB, O>(
  query: SelectQueryBuilder<DB, TB, O>,
  by: { readonly time: string; readonly id: string },
  { limit, after, offset, order = 'asc' }: TimeSlice,
): SelectQueryBuilder<DB, TB, O> {
  const [time, id] = [sql.ref<number>(by.time), sql.ref<string>(by.id)]
  let part = query.orderBy(time, order).orderBy(id, order).limit(limit)
  if (after !== undefined) {
    const beyond = sql.raw(order === 'asc' ? '>' : '<')
    part = part.where(sql<boolean>`(${time}, ${id}) ${beyond} (${after.at}, ${after.id})`)
  }
  if (offset !== undefined && offset > 0) part = part.offset(offset)
  return part
}

/** Values in portions that one statement can take. */
export function slices<T>(values: readonly T[], size = 1_000): T[][] {
  return Array.from({ length: Math.ceil(values.length / size) }, (_, index) =>
    values.slice(index * size, (index + 1) * size),
  )
}
