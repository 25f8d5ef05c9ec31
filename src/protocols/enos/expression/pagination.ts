/** [enos 3.6] One page of a search. */
export interface Page {
  readonly offset: number
  readonly limit: number
}

const DEFAULT = { pageNo: 1, pageSize: 10 }
const LARGEST = { pageNo: 1_000_000_000, pageSize: 200 }

/** The page of `{pageNo, pageSize}`, or the name of the member that is out of range. Sorters are ignored. */
export function parsePagination(value: unknown): Page | { readonly wrong: string } {
  if (value === undefined || value === null) return pageOf(DEFAULT)
  if (typeof value !== 'object' || Array.isArray(value)) return { wrong: 'pagination' }
  const given = value as Readonly<Record<string, unknown>>
  const pageNo = whole(given['pageNo'] ?? DEFAULT.pageNo)
  const pageSize = whole(given['pageSize'] ?? DEFAULT.pageSize)
  if (pageNo === undefined || pageNo < 1 || pageNo > LARGEST.pageNo) return { wrong: 'pageNo' }
  if (pageSize === undefined || pageSize < 1 || pageSize > LARGEST.pageSize) return { wrong: 'pageSize' }
  return pageOf({ pageNo, pageSize })
}

/** Quirk: the vendor's Python samples write some numbers as strings [enos 3.5]. */
export function whole(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined
}

function pageOf({ pageNo, pageSize }: { pageNo: number; pageSize: number }): Page {
  return { offset: (pageNo - 1) * pageSize, limit: pageSize }
}
