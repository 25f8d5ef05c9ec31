import type { Condition, Expression } from './expression.ts'
import type { FieldRule, Operator } from './grammar.ts'

/** Which devices are meant. Plain JSON, so that it can be stored. */
export type Filter = Expression<FilterField>

export type FilterCondition = Condition<FilterField>

/**
 * What may be asked of a device: `product` and `group` are keys, `version` is what its primary module runs. Whatever
 * follows the first dot is a name, dots and all.
 */
export type FilterField =
  | 'key'
  | 'id'
  | 'name'
  | 'status'
  | 'product'
  | 'group'
  | 'version'
  | `version.${string}`
  | `tag.${string}`
  | `attribute.${string}`

/** Matches every device. */
export const EVERY_DEVICE: Filter = { kind: 'all', of: [] }

/** Bounds on a filter's text. */
export const FILTER_LIMITS = { characters: 4_096, conditions: 64, values: 1_000, depth: 32 } as const

/** The fields in the words of an error message. */
export const FIELD_WORDS =
  'key, id, name, status, product, group, version, version.<module>, tag.<name> and attribute.<name>'

const COMPARED: readonly Operator[] = ['equals', 'in', 'like']
const WORDS: FieldRule = { type: 'text', operators: COMPARED }
const STATUS: FieldRule = { type: 'text', operators: ['equals', 'in'], values: ['active', 'disabled'] }
const OPTIONAL: FieldRule = { type: 'text', operators: [...COMPARED, 'exists'] }

const NAMES = ['version', 'tag', 'attribute'] as const

/** A field of devices by its name, with what it may be asked. */
export function findFilterField(name: string): { field: FilterField; rule: FieldRule } | undefined {
  switch (name) {
    case 'key':
    case 'id':
    case 'name':
      return { field: name, rule: WORDS }
    case 'status':
      return { field: name, rule: STATUS }
    case 'product':
    case 'group':
    case 'version':
      return { field: name, rule: OPTIONAL }
  }
  const kind = NAMES.find((one) => name.startsWith(`${one}.`) && name.length > one.length + 1)
  return kind && { field: `${kind}.${name.slice(kind.length + 1)}`, rule: OPTIONAL }
}

/** A field's kind and, where it has one, the name behind the dot. */
export type FieldParts =
  | { readonly kind: 'key' | 'id' | 'name' | 'status' | 'product' | 'group' | 'version' }
  | { readonly kind: 'module' | 'tag' | 'attribute'; readonly name: string }

/** Takes a field apart. */
export function fieldParts(field: FilterField): FieldParts {
  switch (field) {
    case 'key':
    case 'id':
    case 'name':
    case 'status':
    case 'product':
    case 'group':
    case 'version':
      return { kind: field }
  }
  const dot = field.indexOf('.')
  const name = field.slice(dot + 1)
  if (field.startsWith('tag.')) return { kind: 'tag', name }
  return field.startsWith('attribute.') ? { kind: 'attribute', name } : { kind: 'module', name }
}
