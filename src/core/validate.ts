import { isKey, type Labels, type Serial } from './common.ts'
import { invalid, isOtaError } from './errors.ts'
import type { CoreLimits } from './limits.ts'

/** Does the work of reading a member of something larger: what it finds `invalid` is named within `field`. */
export function inField<T>(field: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!isOtaError(error, 'invalid')) throw error
    const { field: inner, reason, ...details } = error.details
    throw invalid(`${field}.${String(inner)}`, String(reason), details)
  }
}

/** Throws `invalid` unless `value` is a key. */
export function requireKey(field: string, value: string): string {
  if (!isKey(value)) throw invalid(field, 'must be 1 to 64 of A-Z a-z 0-9 . _ - and begin with a letter or digit')
  return value
}

/** Throws `invalid` unless `value` has 1 to `most` characters, none of them NUL, which not every database keeps. */
export function requireText(field: string, value: string, most = 200): string {
  if (value.length === 0 || value.length > most) throw invalid(field, `must have 1 to ${most} characters`)
  if (value.includes('\0')) throw invalid(field, 'must not contain NUL')
  return value
}

/**
 * A number that is given for a row. The database counts on from the largest one, so half of all numbers stay for those
 * that it gives itself: nobody can use them up for others.
 */
const LARGEST_GIVEN = 2 ** 52

/** Throws `invalid` unless a given number leaves room for later ones. */
export function requireSerial(field: string, value: Serial): Serial {
  if (!Number.isInteger(value) || value < 1 || value > LARGEST_GIVEN)
    throw invalid(field, `must be a whole number from 1 to ${LARGEST_GIVEN}`)
  return value
}

/** A version is verbatim: 1 to 64 printable ASCII characters without space. */
export function requireVersion(field: string, value: string): string {
  if (!/^[\x21-\x7e]{1,64}$/.test(value))
    throw invalid(field, 'must be 1 to 64 printable ASCII characters without space')
  return value
}

/** Names of labels: 1 to 50 of `A-Za-z0-9_/.-`; values within the limits. */
export function requireLabels(field: string, labels: Labels, limits: CoreLimits): Labels {
  const entries = Object.entries(labels)
  if (entries.length > limits.labels) throw invalid(field, `at most ${limits.labels} entries`)
  for (const [name, value] of entries) {
    if (!/^[A-Za-z0-9_/.-]{1,50}$/.test(name)) throw invalid(field, `"${name.slice(0, 60)}" is not a valid name`)
    if (typeof value !== 'string' || value.length > limits.labelChars)
      throw invalid(field, `the value of "${name}" must be text of at most ${limits.labelChars} characters`)
  }
  return labels
}

/** Lower-cased address; throws `invalid` when it cannot be one. */
export function requireEmail(value: string): string {
  const email = value.trim().toLowerCase()
  if (email.length > 254 || !/^[^\s@]+@[^\s@]+$/.test(email)) throw invalid('email', 'is not an e-mail address')
  return email
}

/** Throws `invalid` unless the password has 8 to 1,024 characters. */
export function requirePassword(value: string): string {
  if (value.length < 8 || value.length > 1024) throw invalid('password', 'must have 8 to 1024 characters')
  return value
}

/** A number within both ends. Throws `invalid`. */
export function requireWithin(field: string, value: number, [least, most]: readonly [number, number]): number {
  if (typeof value !== 'number' || !(value >= least && value <= most))
    throw invalid(field, `must be a number from ${least} to ${most}`)
  return value
}

/** A whole number within both ends. Throws `invalid`. */
export function requireWhole(field: string, value: number, range: readonly [number, number]): number {
  if (!Number.isInteger(value)) throw invalid(field, 'must be a whole number')
  return requireWithin(field, value, range)
}
