import type { FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify'
import { type ErrorCode, isOtaError, OtaError, retryAfterOf } from '../../core/errors.ts'
import { NO_SUCH, sendToDevice, sendUnauthorized } from './answers.ts'

type Answer =
  | { readonly kind: 'no-such' | 'unauthorized' | 'sentence' | 'too-large' | 'too-many-devices' }
  /** The failure text of the call, with a short reason. */
  | { readonly kind: 'failure'; readonly reason: string }

const failure = (reason: string): Answer => ({ kind: 'failure', reason })

const INTERNAL = { kind: 'failure', reason: 'internal error' } as const

/** What a client sees of each way to fail; a reason names no statement, file or place in the code. [iotaap 3.1] */
const ANSWERS = {
  invalid: { kind: 'sentence' },
  missing: { kind: 'sentence' },
  unsupported: { kind: 'sentence' },
  'not-found': { kind: 'no-such' },
  unauthenticated: { kind: 'unauthorized' },
  expired: { kind: 'unauthorized' },
  locked: { kind: 'unauthorized' },
  forbidden: { kind: 'sentence' },
  'too-large': { kind: 'too-large' },
  'too-slow': { kind: 'sentence' },
  'limit-reached': { kind: 'too-many-devices' },
  'too-many': failure('too many requests'),
  conflict: failure('changed by another request'),
  'precondition-failed': failure('changed by another request'),
  'in-use': failure('still in use'),
  'wrong-state': failure('not possible now'),
  'confirmation-needed': failure('needs a confirmation'),
  sealed: failure('cannot be changed any more'),
  replayed: failure('seen before'),
  'blob-missing': failure('firmware file missing'),
  'blob-damaged': failure('firmware file damaged'),
  'storage-failed': failure('storage failed'),
  'storage-full': failure('no space left'),
  unavailable: failure('not available'),
  internal: INTERNAL,
} as const satisfies Record<ErrorCode, Answer>

const INTERNAL_MESSAGE = 'Internal server error'

function answerTo(error: unknown): Answer {
  return isOtaError(error) ? ANSWERS[error.code] : INTERNAL
}

/** A short reason without stack, statement or file path. */
function reasonOf(error: unknown): string {
  const answer = answerTo(error)
  return answer.kind === 'failure' ? answer.reason : INTERNAL.reason
}

/** Statuses of answers that are a sentence; of all others 400. */
const SENTENCES: Partial<Record<ErrorCode, number>> = { forbidden: 403, 'too-slow': 408 }

/** Answers an error of the account API; `message` is the call's own text for what went wrong inside. */
export function sendError(
  error: unknown,
  request: FastifyRequest,
  { reply, message = INTERNAL_MESSAGE }: { reply: FastifyReply; message?: string },
): FastifyReply {
  if (isClientsFault(error)) return reply.code(error.statusCode).send({ message: textOf(error) })
  const answer = answerTo(error)
  switch (answer.kind) {
    case 'no-such':
      return reply
        .code(404)
        .send(isOtaError(error) && error.details['entity'] === 'group' ? NO_SUCH.group : NO_SUCH.device)
    case 'unauthorized':
      return sendUnauthorized(reply)
    case 'sentence':
      return reply.code((isOtaError(error) && SENTENCES[error.code]) || 400).send({ message: textOf(error) })
    case 'too-large':
      return reply.code(413).send({ message, error: 'file too large' })
    case 'too-many-devices':
      // [iotaap 3.3]
      return reply.code(403).send({ message: 'Maximum number of devices reached. Please upgrade your account.' })
    case 'failure':
      if (!isForNow(error)) request.log.error({ err: error, req: request }, 'Request failed')
      return withRetryAfter(reply, error).code(statusOf(error)).send({ message, error: answer.reason })
  }
}

/** Answers a failure on a device endpoint: never anything that a device takes for a version. [iotaap 4.1] */
export function sendDeviceError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (isOtaError(error, 'too-many')) return sendBusy(error, reply)
  if (!isForNow(error)) request.log.error({ err: error, req: request }, 'Request of a device failed')
  // A download that broke after its head has closed the connection already.
  if (reply.sent) return reply
  return sendToDevice(
    withRetryAfter(reply, error),
    statusOf(error),
    JSON.stringify({ message: INTERNAL_MESSAGE, error: reasonOf(error) }),
  )
}

function statusOf(error: unknown): 500 | 503 {
  return isForNow(error) ? 503 : 500
}

/** A server that is full or stopping: no fault, and in an overload one line each would be many. */
function isForNow(error: unknown): boolean {
  return isOtaError(error, 'unavailable')
}

function withRetryAfter(reply: FastifyReply, error: unknown): FastifyReply {
  const seconds = retryAfterOf(error)
  return seconds === undefined ? reply : reply.header('retry-after', String(seconds))
}

/** No room for another download: its own words, and no line in the log for each. */
function sendBusy(error: OtaError, reply: FastifyReply): FastifyReply {
  return sendToDevice(
    withRetryAfter(reply, error),
    503,
    JSON.stringify({ message: INTERNAL_MESSAGE, error: reasonOf(error) }),
  )
}

/** A handler of the account API with its own failure text. */
export function failingWith(message: string, handler: RouteHandlerMethod): RouteHandlerMethod {
  return async function (request, reply) {
    try {
      return await handler.call(this, request, reply)
    } catch (error) {
      return sendError(error, request, { reply, message })
    }
  }
}

/** An error that the HTTP edge blames on the request. */
function isClientsFault(error: unknown): error is Error & { readonly statusCode: number } {
  if (!(error instanceof Error) || error instanceof OtaError || !('statusCode' in error)) return false
  return typeof error.statusCode === 'number' && error.statusCode >= 400 && error.statusCode < 500
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : ''
}
