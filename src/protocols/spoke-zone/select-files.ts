import { compare, parse, type SemVer } from 'semver'
import type { ListQuery, SearchField, SortField } from './list-query.ts'
import type { OtaFile } from './ota-file.ts'

export interface Selection {
  /** One page, in order. */
  readonly page: readonly OtaFile[]
  /** How many there are before paging. */
  readonly total: number
}

/** Filters (combined with AND), sorts and pages; pure. [spoke-zone 4.2] to [4.7] */
export function selectFiles(files: readonly OtaFile[], query: ListQuery): Selection {
  const { module, isActive, searchTerm, searchFields, offset, limit } = query
  const matching = files.filter(
    (file) =>
      (module === undefined || file.module.key === module) &&
      (isActive === undefined || file.isActive === isActive) &&
      (searchTerm === '' || searchFields.some((field) => searchText(file, field).includes(searchTerm))),
  )
  const inOrder = matching.toSorted(orderBy(query.sort, query.isDescending))
  return { page: inOrder.slice(offset, offset + limit), total: matching.length }
}

function searchText({ firmware, module }: OtaFile, field: SearchField): string {
  switch (field) {
    case 'version':
      return firmware.version.toLowerCase()
    case 'module':
      return module.key.toLowerCase()
    case 'releaseNotes':
      return firmware.notes.toLowerCase()
  }
}

type Order = (a: OtaFile, b: OtaFile) => number

/** [spoke-zone 4.6] Ties are ordered by id, ascending in both directions. */
function orderBy(sort: SortField, isDescending: boolean): Order {
  const order = sort === 'version' ? byVersion(isDescending) : directed(ORDERS[sort], isDescending)
  return (a, b) => order(a, b) || byId(a, b)
}

function directed(order: Order, isDescending: boolean): Order {
  return isDescending ? (a, b) => order(b, a) : order
}

const byId: Order = (a, b) => a.firmware.serial - b.firmware.serial

const ORDERS: Readonly<Record<Exclude<SortField, 'version'>, Order>> = {
  id: byId,
  module: (a, b) => byCodePoint(a.module.key, b.module.key),
  createdDate: (a, b) => a.firmware.createdAt - b.firmware.createdAt,
  releaseDate: (a, b) => (a.firmware.releasedAt ?? 0) - (b.firmware.releasedAt ?? 0),
  isActive: (a, b) => Number(a.isActive) - Number(b.isActive),
}

/** SemVer precedence; what is not SemVer comes last in both directions, by code point. */
function byVersion(isDescending: boolean): Order {
  const known = new Map<string, SemVer | null>()
  const semverOf = (version: string): SemVer | null => {
    const seen = known.get(version)
    if (seen !== undefined) return seen
    const parsed = parseStrict(version)
    known.set(version, parsed)
    return parsed
  }
  return (a, b) => {
    const left = semverOf(a.firmware.version)
    const right = semverOf(b.firmware.version)
    if (left === null && right !== null) return 1
    if (left !== null && right === null) return -1
    const order =
      left !== null && right !== null ? compare(left, right) : byCodePoint(a.firmware.version, b.firmware.version)
    return isDescending ? -order : order
  }
}

/** The library also takes `v1.2.3` and `=1.2.3`, which are not SemVer. */
function parseStrict(version: string): SemVer | null {
  return /^[0-9]/.test(version) ? parse(version) : null
}

function byCodePoint(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
