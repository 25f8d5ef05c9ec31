import { type Filter, type FilterCondition, type FilterField, fieldParts } from './filter.ts'
import { type FilterSubject, filterValue, matchesFilter } from './matches-filter.ts'

/** Reasons and values in one explanation; of more, the number is said. */
const SHOWN = 4

/**
 * Why a filter does not mean this device, in words: "tag site is graz, not vienna"; undefined when it does. Of what
 * must hold together only what fails is named; of alternatives, every one.
 */
export function explainMismatch(filter: Filter, subject: FilterSubject): string | undefined {
  if (matchesFilter(filter, subject)) return undefined
  const reasons = [...new Set(reasonsAgainst(filter, { subject, wanted: true }))]
  if (reasons.length === 0) return 'the filter matches no device'
  const more = reasons.length - SHOWN
  return [...reasons.slice(0, SHOWN), ...(more > 0 ? [`${more} more`] : [])].join('; ')
}

interface Question {
  readonly subject: FilterSubject
  /** What the filter was to be; it is the opposite. */
  readonly wanted: boolean
}

function reasonsAgainst(filter: Filter, question: Question): string[] {
  const { subject, wanted } = question
  switch (filter.kind) {
    case 'all':
    case 'any':
      return filter.of
        .filter((one) => matchesFilter(one, subject) !== wanted)
        .flatMap((one) => reasonsAgainst(one, question))
    case 'not':
      return reasonsAgainst(filter.of, { subject, wanted: !wanted })
    case 'one-of':
    case 'contains':
    case 'exists':
      return [wanted ? lacks(filter, subject) : has(filter, subject)]
  }
}

/** The condition was to hold and does not. */
function lacks(condition: FilterCondition, subject: FilterSubject): string {
  const value = filterValue(subject, condition.field)
  const name = fieldWords(condition.field)
  const is = value === undefined ? `${name} is ${absence(condition.field)}` : `${name} is ${shown(value)}`
  switch (condition.kind) {
    case 'one-of':
      return `${is}, not ${alternatives(condition.values)}`
    case 'contains':
      return value === undefined ? is : `${is}, without ${shown(condition.text)} in it`
    case 'exists':
      return is
  }
}

/** The condition was not to hold and does. */
function has(condition: FilterCondition, subject: FilterSubject): string {
  const is = `${fieldWords(condition.field)} is ${shown(filterValue(subject, condition.field) ?? '')}`
  switch (condition.kind) {
    case 'one-of':
      return `${is}, which is excluded`
    case 'contains':
      return `${is}, and what has ${shown(condition.text)} in it is excluded`
    case 'exists':
      return `${is}, and whatever has one is excluded`
  }
}

/** A field in words: "tag site", "version of display-app". */
function fieldWords(field: FilterField): string {
  const parts = fieldParts(field)
  if (!('name' in parts)) return parts.kind
  return parts.kind === 'module' ? `version of ${shown(parts.name)}` : `${parts.kind} ${shown(parts.name)}`
}

function absence(field: FilterField): string {
  const { kind } = fieldParts(field)
  return kind === 'version' || kind === 'module' || kind === 'attribute' ? 'not reported' : 'not set'
}

function alternatives(values: readonly string[]): string {
  const [only] = values
  if (only !== undefined && values.length === 1) return shown(only)
  const more = values.length - SHOWN
  const some = values.slice(0, SHOWN).map(shown)
  return `one of ${[...some, ...(more > 0 ? [`${more} more`] : [])].join(', ')}`
}

/** Bare where nothing can be mistaken, in quotes otherwise. */
function shown(value: string): string {
  return /^[\w./+:@-]+$/.test(value) ? value : JSON.stringify(value)
}
