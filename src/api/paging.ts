import { z } from 'zod'
import type { Serial, Slice } from '../core/common.ts'
import { invalid } from '../core/errors.ts'

export const PAGE_LIMIT = 200

/** Query parameters that every collection takes. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(PAGE_LIMIT).default(50).describe('Entries on a page'),
  cursor: z.string().max(100).optional().describe('`nextCursor` of the page before'),
}

export interface PageQuery {
  readonly limit: number
  readonly cursor?: string | undefined
}

export interface Page<T> {
  readonly items: T[]
  readonly nextCursor: string | null
}

/** The shape of one page of a collection. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.strictObject({
    items: z.array(item),
    nextCursor: z.string().nullable().describe('null on the last page'),
  })
}

export interface Paging<Row, View> {
  readonly query: PageQuery
  readonly order?: 'asc' | 'desc'
  /** Rows of a slice in its order. */
  readonly list: (slice: Slice) => Promise<readonly Row[]>
  readonly view: (row: Row) => View | Promise<View>
}

/** One page by keyset: rows that are added or removed meanwhile neither repeat nor hide others. */
export async function page<Row extends { readonly serial: Serial }, View>(
  paging: Paging<Row, View>,
): Promise<Page<View>> {
  const { query } = paging
  const order = paging.order ?? 'asc'
  const after = query.cursor === undefined ? undefined : readCursor(query.cursor, order)
  const rows = await paging.list({ limit: query.limit + 1, order, ...(after !== undefined && { after }) })
  const shown = rows.slice(0, query.limit)
  const last = shown.at(-1)
  return {
    items: await Promise.all(shown.map(paging.view)),
    nextCursor: rows.length > query.limit && last ? writeCursor(last.serial, order) : null,
  }
}

/** Pages a short list that its store gives whole. */
export function pageOfAll<Row extends { readonly serial: Serial }, View>(
  query: PageQuery,
  rows: readonly Row[],
  view: (row: Row) => View | Promise<View>,
): Promise<Page<View>> {
  const sorted = rows.toSorted((a, b) => a.serial - b.serial)
  const list = async ({ limit, after = -1 }: Slice) => sorted.filter((row) => row.serial > after).slice(0, limit)
  return page({ query, list, view })
}

/** Where a list of this order goes on behind a row. */
export function writeCursor(serial: Serial, order: 'asc' | 'desc'): string {
  return Buffer.from(`${order}:${serial}`).toString('base64url')
}

/** Throws `invalid` unless it is one of a list of this order. */
export function readCursor(cursor: string, order: 'asc' | 'desc'): Serial {
  const [, direction, serial] = /^(asc|desc):(\d{1,16})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (direction !== order || serial === undefined) throw invalid('cursor', 'is none that this collection gave out')
  return Number(serial)
}
