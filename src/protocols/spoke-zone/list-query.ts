import { type FieldFault, fieldErrors, invalidField } from './errors.ts'

export const SORT_FIELDS = ['id', 'version', 'module', 'createdDate', 'releaseDate', 'isActive'] as const
export type SortField = (typeof SORT_FIELDS)[number]

export const SEARCH_FIELDS = ['version', 'module', 'releaseNotes'] as const
export type SearchField = (typeof SEARCH_FIELDS)[number]

/** The most entries of one answer, asked for or not. [spoke-zone 4.5] */
export const LIST_LIMIT = 1000

/** What a list call asks for. */
export interface ListQuery {
  /** A module key, exactly. */
  readonly module?: string
  readonly isActive?: boolean
  readonly limit: number
  readonly offset: number
  /** Lower-cased; empty = no filter. */
  readonly searchTerm: string
  readonly searchFields: readonly SearchField[]
  readonly sort: SortField
  readonly isDescending: boolean
}

/** A query string as parsed: a parameter that came twice is an array. */
export type RawQuery = Readonly<Record<string, string | readonly string[] | undefined>>

/** Reads the known parameters and ignores all others; throws one error for every bad one. [spoke-zone 4.2] to [4.8] */
export function parseListQuery(raw: RawQuery): ListQuery {
  const reader = new Reader(raw)
  const module = reader.read('module', parseModule)
  const isActive = reader.read('isActive', parseBoolean)
  const query: ListQuery = {
    limit: reader.read('limit', parseLimit) ?? LIST_LIMIT,
    offset: reader.read('offset', parseOffset) ?? 0,
    searchTerm: reader.read('searchTerm', (value) => value.toLowerCase()) ?? '',
    searchFields: reader.read('searchFields', parseSearchFields) ?? SEARCH_FIELDS,
    sort: reader.read('sort', parseSort) ?? 'createdDate',
    isDescending: reader.read('sortOrder', parseOrder) ?? false,
    ...(module !== undefined && { module }),
    ...(isActive !== undefined && { isActive }),
  }
  if (reader.faults.length > 0) throw fieldErrors(reader.faults)
  return query
}

class BadValue {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

class Reader {
  readonly faults: FieldFault[] = []
  readonly #raw: RawQuery

  constructor(raw: RawQuery) {
    this.#raw = raw
  }

  /** undefined when the parameter is absent or bad; a bad one is noted. */
  read<T>(name: string, parse: (value: string) => T | BadValue): T | undefined {
    const value = this.#raw[name]
    if (value === undefined) return undefined
    const parsed = typeof value === 'string' ? parse(value) : new BadValue('may be given once.')
    if (!(parsed instanceof BadValue)) return parsed
    this.faults.push(invalidField(name, `${name} ${parsed.reason}`))
    return undefined
  }
}

/** [spoke-zone 4.4] An unconfigured device must not be offered every module. */
function parseModule(value: string): string | BadValue {
  return value === '' ? new BadValue('must not be empty.') : value
}

/** [spoke-zone 4.3] Clients of different age send numbers or words. */
function parseBoolean(value: string): boolean | BadValue {
  const word = value.toLowerCase()
  if (word === '1' || word === 'true') return true
  if (word === '0' || word === 'false') return false
  return new BadValue('must be 1, 0, true or false.')
}

/** [spoke-zone 4.5] Clipping a larger limit would look like the end of the list. */
function parseLimit(value: string): number | BadValue {
  const limit = parseDecimal(value)
  if (limit !== undefined && limit >= 1 && limit <= LIST_LIMIT) return limit
  return new BadValue(`must be an integer from 1 to ${LIST_LIMIT}.`)
}

function parseOffset(value: string): number | BadValue {
  return parseDecimal(value) ?? new BadValue('must be an integer from 0.')
}

function parseDecimal(value: string): number | undefined {
  const number = /^[0-9]+$/.test(value) ? Number(value) : Number.NaN
  return Number.isSafeInteger(number) ? number : undefined
}

/** [spoke-zone 4.7] An empty list is that of a client without a wish: all fields. */
function parseSearchFields(value: string): readonly SearchField[] | BadValue {
  if (value === '') return SEARCH_FIELDS
  const names = value.split(',')
  const fields = SEARCH_FIELDS.filter((field) => names.includes(field))
  const isKnown = names.every((name) => fields.some((field) => field === name))
  return isKnown ? fields : new BadValue(`must be among ${SEARCH_FIELDS.join(', ')}.`)
}

/** [spoke-zone 4.6] */
function parseSort(value: string): SortField | BadValue {
  return SORT_FIELDS.find((field) => field === value) ?? new BadValue(`must be one of ${SORT_FIELDS.join(', ')}.`)
}

function parseOrder(value: string): boolean | BadValue {
  const order = value.toLowerCase()
  if (order === 'asc' || order === 'desc') return order === 'desc'
  return new BadValue('must be asc or desc.')
}
