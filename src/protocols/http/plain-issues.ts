import { z } from 'zod'

/**
 * Says what is wrong with a value as the end of a sentence that begins with its name: `is missing`, `must be a whole
 * number`. A schema that has a message of its own keeps it. Answers undefined for what it has no better words for.
 */
export function plainIssue(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is missing' : `must be ${TYPES[issue.expected] ?? issue.expected}`
    case 'too_small':
      if (issue.minimum === 1 && Object.hasOwn(UNITS, issue.origin)) return 'must not be empty'
      return `must ${amount('at least', issue.minimum, issue.origin)}`
    case 'too_big':
      return `must ${amount('at most', issue.maximum, issue.origin)}`
    case 'invalid_value':
      return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`
    case 'unrecognized_keys':
      return `${issue.keys.map((key) => `"${key}"`).join(', ')} is not known here`
    case 'invalid_format':
      return FORMATS[issue.format]
    case 'invalid_union':
      return 'is not valid'
    default:
      return undefined
  }
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
}

const UNITS: Readonly<Record<string, string>> = { string: 'characters', array: 'entries' }

const FORMATS: Readonly<Record<string, string>> = {
  url: 'must be an address such as https://ota.example.com',
  email: 'must be an e-mail address',
  datetime: 'must be a time such as 2026-11-01T12:00:00Z',
}

function amount(bound: string, count: number | bigint, origin: string): string {
  const unit = UNITS[origin]
  return unit === undefined ? `be ${bound} ${count}` : `have ${bound} ${count} ${unit}`
}

// Once for the process: every schema says it so, wherever it is checked.
z.config({ customError: plainIssue })
