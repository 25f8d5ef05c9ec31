import type { FastifyReply, FastifyRequest } from 'fastify'
import { accountActor } from '../core/account/account-service.ts'
import type { Core } from '../core/create-core.ts'
import { invalid } from '../core/errors.ts'
import type { Admission } from './admission.ts'
import type { ApiContext } from './api-context.ts'
import { changeOnce } from './change-once.ts'
import { type IdempotentRequest, idempotentRequest, type StoredReply } from './idempotency.ts'
import { References } from './references.ts'
import { Answer, type ApiRoute, DryRun, type OrganisationCall, SENT } from './route.ts'

export interface Running {
  readonly context: ApiContext
  readonly route: ApiRoute
  readonly admission: Admission | undefined
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** Runs a route's handler in its mode and sends what it answers. */
export async function runRoute(running: Running): Promise<FastifyReply> {
  const { context, route, reply } = running
  const { core } = context.host
  if (route.mode === 'change') return runChange(running)
  const { stores, services } = { stores: core.deps.storage.management, services: core }
  const result = await route.handle(callOf(running, { stores, services }), inputOf(running.request))
  return result === SENT ? reply : send(running, answerOf(result))
}

/** All changes of the handler, and the reply that an idempotency key remembers, become durable together. */
async function runChange(running: Running): Promise<FastifyReply> {
  const { context, route, request } = running
  const { core } = context.host
  try {
    const outcome = await changeOnce(core, {
      asked: askedOnce(running, JSON.stringify(request.body ?? null)),
      status: route.status,
      work: async (how) => answerOf(await route.handle(callOf(running, how), inputOf(request))),
    })
    return outcome.kind === 'replay' ? replay(running.reply, outcome.stored) : send(running, outcome.answer)
  } catch (error) {
    if (error instanceof DryRun) return send(running, error.answer)
    throw error
  }
}

/** For handlers of mode `free` that create: their change in one transaction, with the reply of an idempotency key. */
export async function createOnce<T>(
  call: OrganisationCall,
  what: { content: string; status: number; work: (within: OrganisationCall) => Promise<T> },
): Promise<T | typeof SENT> {
  const { core, request, reply, caller, organisation } = call
  const outcome = await changeOnce(core, {
    asked: idempotentRequest(
      request,
      { account: caller.account.serial, organisation: organisation.serial },
      what.content,
    ),
    status: what.status,
    work: async (how) => new Answer(await what.work({ ...call, ...how, references: new References(how.stores) })),
  })
  if (outcome.kind === 'done') return outcome.answer.body
  replay(reply, outcome.stored)
  return SENT
}

function askedOnce({ route, admission, request }: Running, content: string): IdempotentRequest | undefined {
  if (!route.creates || !admission) return undefined
  const { caller, organisation } = admission
  return idempotentRequest(request, { account: caller.account.serial, organisation: organisation?.serial }, content)
}

function replay(reply: FastifyReply, { status, body }: StoredReply): FastifyReply {
  reply.code(status).header('idempotent-replayed', 'true')
  return sendBody(reply, JSON.parse(body))
}

function send({ route, reply }: Running, answer: Answer<unknown>): FastifyReply {
  reply.code(answer.status ?? route.status).headers(answer.headers)
  return sendBody(reply, answer.body)
}

function sendBody(reply: FastifyReply, body: unknown): FastifyReply {
  const { revision } = (body ?? {}) as { revision?: unknown }
  if (typeof revision === 'number') reply.header('etag', `"${revision}"`)
  reply.header('cache-control', 'no-store')
  return reply.statusCode === 204 ? reply.send() : reply.send(body)
}

function answerOf(result: unknown): Answer<unknown> {
  return result instanceof Answer ? result : new Answer(result)
}

function callOf(running: Running, how: Pick<OrganisationCall, 'stores' | 'services'>): OrganisationCall {
  const { context, admission, request, reply, route } = running
  const core: Core = context.host.core
  const shared = {
    context,
    core,
    ...how,
    references: new References(how.stores),
    request,
    reply,
    ifRevision: route.conditional ? revisionOf(request.headers['if-match']) : undefined,
  }
  if (!admission) return shared as OrganisationCall
  const { caller, organisation, role } = admission
  const actor = accountActor(caller.account)
  if (!organisation) return { ...shared, caller, actor } as OrganisationCall
  const scope = { actor, organisation: organisation.serial }
  return { ...shared, caller, actor, organisation, scope, role: role ?? 'viewer' }
}

function inputOf(request: FastifyRequest): { params: unknown; query: unknown; body: unknown } {
  return { params: request.params, query: request.query, body: request.body }
}

/** `"7"`; `*` and no header mean any. A tag that cannot be a revision matches nothing. */
function revisionOf(header: string | undefined): number | undefined {
  if (header === undefined || header === '*') return undefined
  const [, revision] = /^"(\d{1,15})"$/.exec(header) ?? []
  if (revision === undefined) throw invalid('If-Match', 'must be one ETag of this resource, or *')
  return Number(revision)
}
