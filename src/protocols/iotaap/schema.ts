import { isId } from '../../core/common.ts'

/** A list request as the vendor's console sends it: DataTables words in snake case. [iotaap 3.2] */
export interface ListRequest {
  /** Literal, case-insensitive; undefined = no filter. */
  readonly search?: string
  readonly offset: number
  readonly limit: number
  readonly order: 'asc' | 'desc'
  /** Comes back as it was sent. */
  readonly draw?: string
}

/** Never an error: what cannot be read counts as absent. `most` bounds a list without a limit. */
export function readListRequest(query: unknown, most: number): ListRequest {
  const value = (name: string) => first(member(query, name))
  const search = value('search_value')
  const draw = value('draw')
  const limit = wholeNumber(value('limit'))
  return {
    ...(search !== undefined && search !== '' && { search }),
    offset: wholeNumber(value('offset')),
    limit: limit === 0 ? most : Math.min(limit, most),
    order: value('order_dir') === 'desc' ? 'desc' : 'asc',
    ...(draw !== undefined && { draw }),
  }
}

/** A repeated key counts once, by its first value. */
function first(value: unknown): string | undefined {
  const one: unknown = Array.isArray(value) ? value[0] : value
  return typeof one === 'string' ? one : undefined
}

/** Absent, junk or negative = 0. */
function wholeNumber(text: string | undefined): number {
  if (text === undefined || !/^\d+$/.test(text)) return 0
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER)
}

function member(holder: unknown, name: string): unknown {
  if (typeof holder !== 'object' || holder === null || !Object.hasOwn(holder, name)) return undefined
  return (holder as Readonly<Record<string, unknown>>)[name]
}

/** A member of a JSON or form body as text; undefined when absent, empty or no plain value. */
export function readText(body: unknown, name: string): string | undefined {
  const value = member(body, name)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}

export type GroupChange =
  | { readonly kind: 'keep' | 'remove' | 'malformed' }
  | { readonly kind: 'move'; readonly group: string }

/** The `group` of a device change. Quirk: the vendor's console sends the text "undefined" to leave a group. [iotaap 3.3] */
export function readGroupChange(body: unknown): GroupChange {
  const value = member(body, 'group')
  if (value === undefined || value === null || value === '') return { kind: 'keep' }
  if (value === 'undefined') return { kind: 'remove' }
  return typeof value === 'string' && isId(value) ? { kind: 'move', group: value } : { kind: 'malformed' }
}

/** Verbatim: devices compare bytes. [iotaap R1] */
export function isVersion(text: string): boolean {
  return /^[\x21-\x7e]{1,64}$/.test(text)
}
