/**
 * Every way in which a request or a rule can be broken. Each protocol maps each code to what its devices see
 * (`satisfies Record<ErrorCode, ...>`), so a new code does not compile until somebody has decided that.
 */
export type ErrorCode =
  | 'invalid' // a value is malformed or out of range; details.field names it
  | 'missing' // a required value is absent; details.field names it
  | 'not-found' // no such thing, or not the caller's; details.entity, details.id
  | 'conflict' // a unique name is taken; details.entity, details.field
  | 'precondition-failed' // the thing was changed by somebody else meanwhile
  | 'unauthenticated' // who are you? details.reason
  | 'forbidden' // known, but not allowed
  | 'locked' // account locked after repeated failures; details.until (epoch ms)
  | 'expired' // a token or key that was good once
  | 'replayed' // a request that may be used once was seen before
  | 'too-large' // a body passed its limit; details.limit (bytes)
  | 'too-slow' // a body came slower than its limit
  | 'too-many' // a rate limit; details.retryAfterSeconds
  | 'limit-reached' // a count limit of the organisation or the server
  | 'in-use' // cannot be deleted while something refers to it
  | 'wrong-state' // not possible in the state in which the thing is; details.state
  | 'confirmation-needed' // would start updates; repeat it with details.token
  | 'sealed' // a sealed firmware never changes
  | 'unsupported' // asked for something that this server does not do
  | 'blob-missing' // the record is there, the bytes are not
  | 'blob-damaged' // the bytes differ from the record
  | 'storage-failed' // database or disk refused
  | 'storage-full' // no room for it on the disk
  | 'unavailable' // draining, starting, or the database cannot be reached; details.retryAfterSeconds
  | 'internal'

export interface ErrorOptions {
  readonly cause?: unknown
  /** Facts for the reader and for translation; never a secret. */
  readonly details?: Readonly<Record<string, unknown>>
}

/** The one error class. `message` is a sentence for people; `code` is what programs and protocols switch on. */
export class OtaError extends Error {
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'OtaError'
    this.code = code
    this.details = options.details ?? {}
  }
}

/** A malformed value of a named field. */
export function invalid(field: string, reason: string, details: Record<string, unknown> = {}): OtaError {
  return new OtaError('invalid', `${field}: ${reason}`, { details: { field, reason, ...details } })
}

/** The uniform answer for "does not exist" and "is not yours". `id` is what the caller asked for. */
export function notFound(entity: string, id: string | number): OtaError {
  return new OtaError('not-found', `No such ${entity}: ${id}`, { details: { entity, id } })
}

/** Whole seconds after which the error says to try again; undefined when it does not say. */
export function retryAfterOf(error: unknown): number | undefined {
  const seconds = error instanceof OtaError ? error.details['retryAfterSeconds'] : undefined
  return typeof seconds === 'number' ? Math.max(1, Math.ceil(seconds)) : undefined
}

export function isOtaError(error: unknown, code?: ErrorCode): error is OtaError {
  return error instanceof OtaError && (code === undefined || error.code === code)
}
