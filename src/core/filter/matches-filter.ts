import type { Labels } from '../common.ts'
import { type Filter, type FilterCondition, type FilterField, fieldParts } from './filter.ts'

/** What a filter asks about a device. */
export interface FilterSubject {
  readonly key: string
  readonly id: string
  readonly name: string
  readonly status: string
  /** Key of the product; null until known. */
  readonly product: string | null
  /** Key of the group; null when in none. */
  readonly group: string | null
  readonly tags: Labels
  readonly attributes: Labels
  /** What runs, by key of the module. */
  readonly versions: Readonly<Record<string, string>>
  /** Key of the product's primary module. */
  readonly primaryModule: string | null
}

/** Whether a filter means this device. */
export function matchesFilter(filter: Filter, subject: FilterSubject): boolean {
  switch (filter.kind) {
    case 'all':
      return filter.of.every((one) => matchesFilter(one, subject))
    case 'any':
      return filter.of.some((one) => matchesFilter(one, subject))
    case 'not':
      return !matchesFilter(filter.of, subject)
    case 'one-of':
    case 'contains':
    case 'exists':
      return holds(filter, filterValue(subject, filter.field))
  }
}

/** A field's value of this device; undefined when it has none. */
export function filterValue(subject: FilterSubject, field: FilterField): string | undefined {
  const parts = fieldParts(field)
  switch (parts.kind) {
    case 'key':
    case 'id':
    case 'name':
    case 'status':
      return subject[parts.kind]
    case 'product':
    case 'group':
      return subject[parts.kind] ?? undefined
    case 'version':
      return subject.primaryModule === null ? undefined : own(subject.versions, subject.primaryModule)
    case 'module':
      return own(subject.versions, parts.name)
    case 'tag':
      return own(subject.tags, parts.name)
    case 'attribute':
      return own(subject.attributes, parts.name)
  }
}

function own(values: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined
}

function holds(condition: FilterCondition, value: string | undefined): boolean {
  if (value === undefined) return false
  switch (condition.kind) {
    case 'one-of':
      return condition.values.includes(value)
    case 'contains':
      return value.includes(condition.text)
    case 'exists':
      return true
  }
}
