import type { FastifyReply, FastifyRequest } from 'fastify'
import { type ErrorCode, isOtaError, OtaError, retryAfterOf } from '../../core/errors.ts'

/** One member of `errors` in every answer of 400 and above. [spoke-zone 4.14] */
export interface WireError {
  readonly type: WireErrorType
  readonly message: string
  readonly details: Readonly<Record<string, unknown>>
}

type WireErrorType =
  | 'invalid-field'
  | 'required-field'
  | 'entity-not-found'
  | 'unauthenticated'
  | 'not-authorized'
  | 'limit-exceeded'
  | 'method-not-allowed'
  | 'internal-error'

/** What a client sees of each way to fail. */
const ANSWERS = {
  invalid: { status: 400, type: 'invalid-field' },
  missing: { status: 400, type: 'required-field' },
  unsupported: { status: 400, type: 'invalid-field' },
  unauthenticated: { status: 401, type: 'unauthenticated' },
  expired: { status: 401, type: 'unauthenticated' },
  forbidden: { status: 403, type: 'not-authorized' },
  locked: { status: 403, type: 'not-authorized' },
  'not-found': { status: 404, type: 'entity-not-found' },
  'too-large': { status: 413, type: 'limit-exceeded' },
  'too-slow': { status: 408, type: 'limit-exceeded' },
  'too-many': { status: 429, type: 'limit-exceeded' },
  'limit-reached': { status: 429, type: 'limit-exceeded' },
  'blob-missing': { status: 500, type: 'internal-error' },
  'blob-damaged': { status: 500, type: 'internal-error' },
  'storage-failed': { status: 500, type: 'internal-error' },
  'storage-full': { status: 507, type: 'internal-error' },
  internal: { status: 500, type: 'internal-error' },
  unavailable: { status: 503, type: 'internal-error' },
  // No call of this protocol can raise these; should one do so, it is a fault of the server's.
  conflict: { status: 500, type: 'internal-error' },
  'precondition-failed': { status: 500, type: 'internal-error' },
  replayed: { status: 500, type: 'internal-error' },
  'in-use': { status: 500, type: 'internal-error' },
  'wrong-state': { status: 500, type: 'internal-error' },
  'confirmation-needed': { status: 500, type: 'internal-error' },
  sealed: { status: 500, type: 'internal-error' },
} as const satisfies Record<ErrorCode, { status: number; type: WireErrorType }>

/** What is wrong with one field of a request; `reason` is a sentence that clients see. */
export interface FieldFault {
  readonly field: string
  readonly code: 'missing' | 'invalid'
  readonly reason: string
}

export function missingField(field: string): FieldFault {
  return { field, code: 'missing', reason: `${field} is required.` }
}

export function invalidField(field: string, reason: string): FieldFault {
  return { field, code: 'invalid', reason }
}

/** One error for all faulty fields of a request, in the given order; `faults` must not be empty. */
export function fieldErrors(faults: readonly FieldFault[]): OtaError {
  const code = faults[0]?.code ?? 'invalid'
  return new OtaError(code, faults.map((fault) => fault.reason).join(' '), { details: { faults } })
}

export type TokenFault = 'missing' | 'malformed' | 'invalid' | 'expired' | 'revoked'

const TOKEN_FAULTS: Readonly<Record<TokenFault, string>> = {
  missing: 'Access token is missing.',
  malformed: 'Access token is malformed.',
  invalid: 'Access token is invalid.',
  expired: 'Access token is expired.',
  revoked: 'Access token is revoked.',
}

/** Answered 401, the one status on which clients log in again. [spoke-zone 2] */
export function unauthenticated(reason: TokenFault): OtaError {
  return new OtaError('unauthenticated', TOKEN_FAULTS[reason], { details: { reason } })
}

/** The same answer for what does not exist, may not be seen or is inactive. `id` as sent. [spoke-zone 4.10] */
export function noSuch(entity: 'ota-file' | 'device' | 'data-file', id: string): OtaError {
  return new OtaError('not-found', 'No such entity.', { details: { entity, id } })
}

/** Ids in error bodies are cut: clients keep 200 characters of a body. [spoke-zone 6] */
const ECHOED_CHARS = 32

/** Answers any error in the vendor's shape; faults of the server are logged once and told without detail. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const failure = isOtaError(error) ? error : fromFramework(error)
  const { status } = ANSWERS[failure.code]
  if (status >= 500 && failure.code !== 'unavailable')
    request.log.error({ err: error, reqId: request.id }, 'request failed')
  const retryAfter = retryAfterOf(failure)
  if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter))
  return reply.code(status).send({ errors: toWire(failure) })
}

export function sendNotFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const [path = ''] = request.url.split('?', 1)
  const details = { entityType: 'endpoint', entityId: path.slice(0, ECHOED_CHARS) }
  return reply.code(404).send({ errors: [{ type: 'entity-not-found', message: 'No such endpoint.', details }] })
}

export function sendMethodNotAllowed(
  request: FastifyRequest,
  reply: FastifyReply,
  allowed: readonly string[],
): FastifyReply {
  const message = `${request.method} is not allowed here.`
  reply.header('allow', allowed.join(', '))
  return reply.code(405).send({ errors: [{ type: 'method-not-allowed', message, details: {} }] })
}

/** The body of a 416; status and Content-Range are set by the download handler. */
export function sendUnsatisfiable(reply: FastifyReply): FastifyReply {
  const message = 'The range lies beyond the end of the file.'
  return reply.send({ errors: [{ type: 'invalid-field', message, details: { field: 'range' } }] })
}

function toWire(error: OtaError): WireError[] {
  const { faults, reason, entity, id, field } = error.details
  const { type, status } = ANSWERS[error.code]
  if (isFaults(faults)) return faults.map(faultToWire)
  if (status >= 500) return [{ type, message: 'The server failed; try again later.', details: {} }]
  switch (type) {
    case 'entity-not-found':
      return [
        { type, message: error.message, details: { entityType: entity, entityId: String(id).slice(0, ECHOED_CHARS) } },
      ]
    case 'unauthenticated':
      return [{ type, message: error.message, details: { reason } }]
    case 'invalid-field':
    case 'required-field':
      return [{ type, message: typeof reason === 'string' ? reason : error.message, details: { field } }]
    default:
      return [{ type, message: error.message, details: {} }]
  }
}

function faultToWire({ field, code, reason }: FieldFault): WireError {
  return { type: ANSWERS[code].type, message: reason, details: { field } }
}

function isFaults(value: unknown): value is readonly FieldFault[] {
  return Array.isArray(value)
}

/** Fastify refuses bodies itself: unknown content types, broken JSON, too many bytes. [spoke-zone 6 row 39] */
function fromFramework(error: unknown): OtaError {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  if (status === 413) return new OtaError('too-large', 'The body is too large.')
  if (typeof status === 'number' && status >= 400 && status < 500) return notJson(error)
  return new OtaError('internal', 'Unexpected failure', { cause: error })
}

/** Form data, broken JSON, no object: 400 that names the body. */
export function notJson(cause?: unknown): OtaError {
  const details = { field: 'body', reason: 'The body must be a JSON object.' }
  return new OtaError('invalid', details.reason, { cause, details })
}
