import { type Filter, type FilterCondition, type FilterField, fieldParts } from './filter.ts'

/**
 * The text of a filter: `parseFilter` reads the same filter back, except that an `all` or `any` of one member comes
 * back as that member. The text is nested no deeper than one that the filter was read from.
 */
export function formatFilter(filter: Filter): string {
  return filter.kind === 'all' && filter.of.length === 0 ? '' : format(filter)
}

function format(filter: Filter): string {
  switch (filter.kind) {
    case 'all':
      return filter.of.length === 0 ? 'true' : filter.of.map(asMember).join(' and ')
    case 'any':
      return filter.of.length === 0 ? 'false' : filter.of.map(asAlternative).join(' or ')
    case 'not':
      return isCondition(filter.of) ? formatCondition(filter.of, true) : `not ${asMember(filter.of)}`
    case 'one-of':
    case 'contains':
    case 'exists':
      return formatCondition(filter, false)
  }
}

/** `and` binds tighter than `or`. */
function asAlternative(filter: Filter): string {
  return filter.kind === 'all' ? format(filter) : asMember(filter)
}

/** In parentheses where its words would run into those around it. */
function asMember(filter: Filter): string {
  const isGroup = (filter.kind === 'all' || filter.kind === 'any') && filter.of.length > 0
  return isGroup ? `(${format(filter)})` : format(filter)
}

function isCondition(filter: Filter): filter is FilterCondition {
  return filter.kind !== 'all' && filter.kind !== 'any' && filter.kind !== 'not'
}

function formatCondition(condition: FilterCondition, isNot: boolean): string {
  const field = formatField(condition.field)
  const not = isNot ? 'not ' : ''
  switch (condition.kind) {
    case 'one-of': {
      const [only, ...others] = condition.values
      if (only === undefined) return isNot ? 'true' : 'false'
      if (others.length === 0) return `${field} ${isNot ? '!=' : '='} ${quoted(only)}`
      return `${field} ${not}in (${condition.values.map(quoted).join(', ')})`
    }
    case 'contains':
      return `${field} ${not}like ${quoted(condition.text)}`
    case 'exists':
      return `${field} ${not}exists`
  }
}

function formatField(field: FilterField): string {
  const parts = fieldParts(field)
  if (!('name' in parts) || /^[A-Za-z0-9_./-]+$/.test(parts.name)) return field
  return `${field.slice(0, field.indexOf('.') + 1)}${quoted(parts.name)}`
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}
