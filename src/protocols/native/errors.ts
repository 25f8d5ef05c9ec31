import type { FastifyReply, FastifyRequest } from 'fastify'
import { type ErrorCode, isOtaError, OtaError } from '../../core/errors.ts'

interface Kind {
  readonly status: number
  readonly title: string
}

/** What a device sees of each way to fail. [native 7] */
const DOMAIN_PROBLEMS = {
  invalid: { status: 400, title: 'A value is malformed or out of range' },
  missing: { status: 400, title: 'A required value is absent' },
  unsupported: { status: 400, title: 'This server does not do that' },
  unauthenticated: { status: 401, title: 'The token is not good' },
  expired: { status: 401, title: 'The token is not good any more' },
  forbidden: { status: 403, title: 'Not allowed' },
  locked: { status: 403, title: 'Not allowed for now' },
  'not-found': { status: 404, title: 'No such thing' },
  conflict: { status: 409, title: 'Taken already' },
  replayed: { status: 409, title: 'This may be done once' },
  'in-use': { status: 409, title: 'Something refers to it' },
  'wrong-state': { status: 409, title: 'Not possible in the state in which it is' },
  'confirmation-needed': { status: 409, title: 'It needs a confirmation' },
  sealed: { status: 409, title: 'It never changes' },
  'too-slow': { status: 408, title: 'The body came too slowly' },
  'precondition-failed': { status: 412, title: 'The precondition does not hold' },
  'too-large': { status: 413, title: 'The body is too large' },
  'too-many': { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'A fault of the server' },
  'blob-missing': { status: 500, title: 'A fault of the server' },
  'blob-damaged': { status: 500, title: 'A fault of the server' },
  'storage-failed': { status: 503, title: 'The server cannot do it now' },
  'storage-full': { status: 503, title: 'The server cannot do it now' },
  unavailable: { status: 503, title: 'The server is not available at this moment' },
  'limit-reached': { status: 503, title: 'The server has no room for this now' },
} as const satisfies Record<ErrorCode, Kind>

const WIRE_PROBLEMS = {
  'method-not-allowed': { status: 405, title: 'No such method here' },
  'unsupported-media-type': { status: 415, title: 'Send JSON' },
  'range-not-satisfiable': { status: 416, title: 'The range lies outside the file' },
} as const satisfies Record<string, Kind>

export type ProblemCode = ErrorCode | keyof typeof WIRE_PROBLEMS

/** Every code that a device may see, with its status. */
export const PROBLEMS: Readonly<Record<ProblemCode, Kind>> = { ...DOMAIN_PROBLEMS, ...WIRE_PROBLEMS }

/** Where a request is wrong: a JSON pointer (RFC 6901), and how. */
export interface Fault {
  readonly pointer: string
  readonly detail: string
}

interface Refusal {
  readonly code: ProblemCode
  readonly detail: string
  readonly errors?: readonly Fault[]
  readonly retryAfterSeconds?: number
}

/** Refusals of a server that is full or stopping: no fault, and in an overload one line each would be many. */
const FOR_NOW: ReadonlySet<ProblemCode> = new Set(['limit-reached', 'unavailable'])

/** Sent with every 503 that knows no better. */
const RETRY_SECONDS = 30

/** One error for all faults of a request; `faults` must not be empty. */
export function faultsError(faults: readonly Fault[]): OtaError {
  const [first] = faults
  const details = { faults }
  return new OtaError('invalid', `${first?.pointer || 'The body'}: ${first?.detail}`, { details })
}

/** Answers any error as a problem document (RFC 9457). What is no fault of the device's is logged once, and its text stays here. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refusal = isOtaError(error) ? domainRefusal(error) : frameworkRefusal(error)
  if (PROBLEMS[refusal.code].status >= 500 && !FOR_NOW.has(refusal.code))
    request.log.error({ err: error, reqId: request.id }, 'device request failed')
  return sendProblem(reply, refusal)
}

export function sendProblem(reply: FastifyReply, refusal: Refusal): FastifyReply {
  const { status, title } = PROBLEMS[refusal.code]
  const retryAfter = refusal.retryAfterSeconds ?? (status === 503 ? RETRY_SECONDS : undefined)
  if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter))
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="godwit"')
  return reply
    .code(status)
    .type('application/problem+json')
    .header('cache-control', 'no-store')
    .send({
      type: `urn:godwit:device:${refusal.code}`,
      title,
      status,
      detail: refusal.detail,
      code: refusal.code,
      ...(refusal.errors && { errors: refusal.errors }),
      ...(retryAfter !== undefined && { retryAfter }),
    })
}

function domainRefusal(error: OtaError): Refusal {
  const { faults, retryAfterSeconds } = error.details
  if (PROBLEMS[error.code].status === 500) return { code: error.code, detail: 'The server failed; try again later.' }
  return {
    code: error.code,
    detail: error.message,
    ...(isFaults(faults) && { errors: faults }),
    ...(typeof retryAfterSeconds === 'number' && { retryAfterSeconds }),
  }
}

function isFaults(value: unknown): value is readonly Fault[] {
  return Array.isArray(value)
}

/** Fastify refuses bodies itself: other content types, broken JSON, too many bytes. */
function frameworkRefusal(error: unknown): Refusal {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  if (status === 413) return { code: 'too-large', detail: 'The body is larger than this server takes.' }
  if (status === 415)
    return { code: 'unsupported-media-type', detail: 'Bodies are JSON: content-type application/json.' }
  if (typeof status === 'number' && status >= 400 && status < 500)
    return { code: 'invalid', detail: 'The body must be a JSON object.', errors: [{ pointer: '', detail: 'no JSON' }] }
  return { code: 'internal', detail: 'The server failed; try again later.' }
}
