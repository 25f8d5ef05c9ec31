import type { FastifyReply, FastifyRequest } from 'fastify'
import { accountActor } from '../core/account/account-service.ts'
import type { Core } from '../core/create-core.ts'
import { invalid, isOtaError } from '../core/errors.ts'
import { joinTransaction } from '../core/join-transaction.ts'
import type { Admission } from './admission.ts'
import type { ApiContext } from './api-context.ts'
import { type IdempotentRequest, idempotentRequest, recall, remember, type StoredReply } from './idempotency.ts'
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
  const asked = askedOnce(running, JSON.stringify(request.body ?? null))
  const known = asked && (await recall(core.deps, core.deps.storage.read, asked))
  if (known) return replay(running.reply, known)
  try {
    const done = await core.deps.storage.transaction(async (stores) => {
      const joined = joinTransaction(core.deps, stores)
      const call = callOf(running, { stores, services: joined.services })
      const answer = answerOf(await route.handle(call, inputOf(request)))
      if (asked) await remember(core.deps, stores, { asked, reply: stored(route, answer) })
      return { answer, flush: joined.flush }
    })
    done.flush()
    return send(running, done.answer)
  } catch (error) {
    if (error instanceof DryRun) return send(running, error.answer)
    return asked && isOtaError(error, 'conflict') ? replayAfter(running, asked, error) : Promise.reject(error)
  }
}

/** For handlers of mode `free`: answers the remembered reply, else does the work and remembers its reply. */
export async function once<T>(
  call: OrganisationCall,
  what: { route: Pick<ApiRoute, 'status'>; content: string; run: () => Promise<T> },
): Promise<T | typeof SENT> {
  const { core, request, reply } = call
  const asked = idempotentRequest(
    request,
    { account: call.caller.account.serial, organisation: call.organisation.serial },
    what.content,
  )
  const known = asked && (await recall(core.deps, core.deps.storage.read, asked))
  if (known) {
    replay(reply, known)
    return SENT
  }
  const body = await what.run()
  if (asked)
    await core.deps.storage.transaction((stores) =>
      remember(core.deps, stores, { asked, reply: stored(what.route, new Answer(body)) }),
    )
  return body
}

function askedOnce({ route, admission, request }: Running, content: string): IdempotentRequest | undefined {
  if (!route.creates || !admission) return undefined
  const { caller, organisation } = admission
  return idempotentRequest(request, { account: caller.account.serial, organisation: organisation?.serial }, content)
}

/** A conflict may be the work of the same request, a moment earlier. */
async function replayAfter(running: Running, asked: IdempotentRequest, error: unknown): Promise<FastifyReply> {
  const { deps } = running.context.host.core
  const known = await recall(deps, deps.storage.read, asked)
  if (!known) throw error
  return replay(running.reply, known)
}

function stored(route: Pick<ApiRoute, 'status'>, answer: Answer<unknown>): StoredReply {
  return { status: answer.status ?? route.status, body: JSON.stringify(answer.body ?? null) }
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
