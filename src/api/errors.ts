import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { type ErrorCode, OtaError } from '../core/errors.ts'
import { PROBLEM_TYPE, type Problem, type ProblemError } from './problem.ts'

interface Kind {
  readonly status: number
  readonly title: string
}

/** What each domain error is over HTTP. */
export const DOMAIN_PROBLEMS = {
  invalid: { status: 400, title: 'A value is malformed or out of range' },
  missing: { status: 400, title: 'A required value is absent' },
  'not-found': { status: 404, title: 'No such thing' },
  conflict: { status: 409, title: 'A unique name is taken' },
  'precondition-failed': { status: 412, title: 'It was changed meanwhile' },
  unauthenticated: { status: 401, title: 'Not authenticated' },
  forbidden: { status: 403, title: 'Not allowed' },
  locked: { status: 423, title: 'The account is locked' },
  expired: { status: 401, title: 'The token has expired' },
  replayed: { status: 409, title: 'This may be done once' },
  'too-large': { status: 413, title: 'The body is too large' },
  'too-slow': { status: 408, title: 'The body came too slowly' },
  'too-many': { status: 429, title: 'Too many requests' },
  'limit-reached': { status: 409, title: 'A limit is reached' },
  'in-use': { status: 409, title: 'Something refers to it' },
  'wrong-state': { status: 409, title: 'Not possible in the state in which it is' },
  'confirmation-needed': { status: 409, title: 'It would start updates; repeat it with the token to confirm' },
  sealed: { status: 409, title: 'A sealed firmware never changes' },
  unsupported: { status: 422, title: 'This server does not do that' },
  'blob-missing': { status: 500, title: 'The file is missing from the store' },
  'blob-damaged': { status: 500, title: 'The stored file is damaged' },
  'storage-failed': { status: 503, title: 'The store refused' },
  'storage-full': { status: 507, title: 'No space left for it' },
  unavailable: { status: 503, title: 'Not available at this moment' },
  internal: { status: 500, title: 'A fault of the server' },
} as const satisfies Record<ErrorCode, Kind>

/** Refusals that only this API knows. */
export const API_PROBLEMS = {
  'organisation-required': { status: 400, title: 'Say which organisation' },
  'idempotency-key-reused': { status: 422, title: 'The idempotency key stands for another request' },
  'import-refused': { status: 422, title: 'Some lines are bad; nothing was written' },
  'method-not-allowed': { status: 405, title: 'No such method here' },
  'unsupported-media-type': { status: 415, title: 'No such content type here' },
  'range-not-satisfiable': { status: 416, title: 'The range lies outside the file' },
} as const satisfies Record<string, Kind>

export type ProblemCode = ErrorCode | keyof typeof API_PROBLEMS

export const PROBLEM_KINDS: Readonly<Record<ProblemCode, Kind>> = { ...DOMAIN_PROBLEMS, ...API_PROBLEMS }

/** A refusal that has no domain code. */
export class ApiError extends Error {
  readonly code: keyof typeof API_PROBLEMS
  readonly errors: readonly ProblemError[]
  readonly facts: Readonly<Record<string, unknown>>

  constructor(
    code: keyof typeof API_PROBLEMS,
    message: string,
    more: { errors?: readonly ProblemError[]; facts?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message)
    this.name = 'ApiError'
    this.code = code
    this.errors = more.errors ?? []
    this.facts = more.facts ?? {}
  }
}

interface Refusal {
  readonly code: ProblemCode
  readonly detail: string
  readonly errors?: readonly ProblemError[]
  readonly facts?: Readonly<Record<string, unknown>>
}

/** Answers any error as a problem document. What is nobody's fault but ours is logged once, and its text stays here. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refusal = refusalOf(error, request)
  const { status } = PROBLEM_KINDS[refusal.code]
  if (status >= 500) request.log.error({ err: error }, 'management API: request failed')
  return sendProblem(request, reply, refusal)
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, refusal: Refusal): FastifyReply {
  const { status, title } = PROBLEM_KINDS[refusal.code]
  const problem: Problem = {
    type: `/docs#problem-${refusal.code}`,
    title,
    status,
    detail: refusal.detail,
    code: refusal.code,
    ...(refusal.errors && refusal.errors.length > 0 && { errors: refusal.errors }),
    ...(refusal.facts && Object.keys(refusal.facts).length > 0 && { facts: refusal.facts }),
    ...(status >= 500 && { requestId: String(request.id) }),
  }
  const seconds = retryAfter(problem)
  if (seconds !== undefined) reply.header('retry-after', seconds)
  if (status === 401) reply.header('www-authenticate', challenge(request))
  return reply.code(status).type(PROBLEM_TYPE).header('cache-control', 'no-store').send(problem)
}

function challenge(request: FastifyRequest): string {
  const hasToken = request.headers.authorization !== undefined
  return `Bearer realm="godwit"${hasToken ? ', error="invalid_token"' : ''}`
}

function retryAfter({ facts }: Problem): number | undefined {
  const seconds = facts?.['retryAfterSeconds']
  return typeof seconds === 'number' ? Math.max(1, Math.ceil(seconds)) : undefined
}

function refusalOf(error: unknown, request: FastifyRequest): Refusal {
  if (error instanceof OtaError)
    return domainRefusal(error, /^(GET|HEAD|DELETE)$/.test(request.method) ? 'query' : 'body')
  if (error instanceof ApiError)
    return { code: error.code, detail: error.message, errors: error.errors, facts: error.facts }
  if (hasZodFastifySchemaValidationErrors(error)) return schemaRefusal(error)
  return frameworkRefusal(error as Partial<FastifyError>)
}

function domainRefusal(error: OtaError, part: ProblemError['in']): Refusal {
  const { field, reason, ...facts } = error.details
  const isOurs = DOMAIN_PROBLEMS[error.code].status >= 500
  if (error.code === 'storage-full')
    return { code: error.code, detail: 'The server has no space left on its disk. Nothing was stored.' }
  // Whether something was stored is the caller's to know.
  if (error.code === 'unavailable') return { code: error.code, detail: error.message, facts }
  if (isOurs) return { code: error.code, detail: 'The server could not do it; its log says why.' }
  const errors: ProblemError[] =
    typeof field === 'string'
      ? [{ in: part, pointer: pointerOf(field), detail: typeof reason === 'string' ? reason : error.message }]
      : []
  return { code: error.code, detail: error.message, errors, facts }
}

/** `tags`, `credentials.native.token`, `stages[0].percent` or a pointer already. */
function pointerOf(field: string): string {
  if (field === '' || field.startsWith('/')) return field
  return `/${field.replaceAll(/\[(\d+)\]/g, '.$1').replaceAll('.', '/')}`
}

const PARTS = { body: 'body', querystring: 'query', params: 'path', headers: 'header' } as const

interface SchemaError {
  readonly validation: ReadonlyArray<{ instancePath: string; message?: string | undefined }>
  readonly validationContext?: string
}

function schemaRefusal(error: SchemaError): Refusal {
  const part = PARTS[(error.validationContext ?? 'body') as keyof typeof PARTS] ?? 'body'
  const errors = error.validation.map(
    ({ instancePath, message }): ProblemError => ({
      in: part,
      pointer: instancePath === '/' ? '' : instancePath,
      detail: message ?? 'is invalid',
    }),
  )
  const [first] = errors
  return { code: 'invalid', detail: `${part} ${first?.pointer || ''}: ${first?.detail}`.replace(' :', ':'), errors }
}

function frameworkRefusal(error: Partial<FastifyError>): Refusal {
  const status = error.statusCode ?? 500
  if (status === 413) return { code: 'too-large', detail: 'The body is larger than this server takes.' }
  if (status === 415)
    return { code: 'unsupported-media-type', detail: error.message ?? 'This content type is not taken here.' }
  if (status >= 400 && status < 500) return { code: 'invalid', detail: error.message ?? 'The request is malformed.' }
  return { code: 'internal', detail: 'The server could not do it; its log says why.' }
}
