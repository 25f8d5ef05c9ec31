import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { matchesNone } from '../http/conditions.ts'
import { GivenAnswer, RepeatedChecks } from './repeated-checks.ts'
import { retryAfter } from './retry-after.ts'
import type { Rooms } from './rooms.ts'
import { checkSchema, parse, requireRoom } from './schema.ts'
import { etagOf, holdOf, toAnswer } from './translate.ts'

/** Longest body that is remembered; a check has a few hundred bytes. */
const QUESTION_CHARS = 2_048

/** A body, as it came and as it reads. */
interface Question {
  readonly text: string
  readonly value: unknown
}

const EMPTY: Question = { text: '', value: {} }

const JSON_TYPE = 'application/json; charset=utf-8'

/** `POST /device/v1/check`: what the device is, and what it should do. [native 3] */
export async function routeCheck(scope: FastifyInstance, rooms: Rooms): Promise<void> {
  const { host, config, auth, standings } = rooms
  const { gateway, deps } = host.core
  const schema = checkSchema(deps.limits)
  const repeated = new RepeatedChecks()

  // A check that says nothing new to one that nothing changed for is not read again.
  const parseJson = scope.getDefaultJsonParser('error', 'error')
  const options = { parseAs: 'string', bodyLimit: config.bodyBytes } as const
  scope.removeContentTypeParser('application/json')
  scope.addContentTypeParser('application/json', options, (request, body, done) => {
    const text = body.toString()
    const facts = text.length > QUESTION_CHARS ? undefined : auth.calls.recall(request)
    const given = facts && repeated.find(facts, text)
    if (given) return done(null, given)
    if (text.length === 0) done(null, { text, value: {} } satisfies Question)
    else parseJson(request, text, (error, value) => done(error, { text, value } satisfies Question))
  })

  scope.post('/device/v1/check', (request, reply) => {
    const { body } = request
    if (!(body instanceof GivenAnswer)) return check(request, reply, body as Question | undefined)
    auth.calls.admit(body.facts)
    send(request, reply, body)
    return undefined
  })

  async function check(request: FastifyRequest, reply: FastifyReply, question = EMPTY): Promise<FastifyReply> {
    const known = await auth.calls.device(request)
    const body = parse(schema, question.value)
    requireRoom(known.device.attributes, body.attributes, deps.limits)
    const checked = await gateway.checkIn(known, {
      ...(body.running && { running: body.running }),
      // [native 3.6]
      ...(body.boot && { afterReboot: true }),
      ...(body.attributes && { attributes: body.attributes }),
    })
    const hold = holdOf(body, config)
    const { facts, standing } = await standings.settle(checked, hold)
    const telling = { facts, baseUrl: host.publicBaseUrl(request), capabilities: body.capabilities ?? [] }
    const answer = toAnswer(standing, telling)
    const seconds = retryAfter(
      { standing, deviceId: facts.device.id, now: deps.clock.now(), isSaving: hold !== undefined },
      config,
    )
    const given = new GivenAnswer({
      facts,
      question: question.text,
      etag: etagOf(answer),
      retryAfter: String(seconds),
      body: JSON.stringify({ ...answer, retryAfter: seconds }),
    })
    const isLasting = standing.kind === 'none' && standing.isLasting
    if (isLasting && facts === known && given.question.length <= QUESTION_CHARS) repeated.keep(given)
    return send(request, reply, given)
  }

  function send(request: FastifyRequest, reply: FastifyReply, given: GivenAnswer): FastifyReply {
    const { etag } = given
    reply.headers({ etag, 'cache-control': 'no-store', 'retry-after': given.retryAfter })
    if (matchesNone(request.headers['if-none-match'], { etag })) return reply.code(304).send()
    return reply.header('content-type', JSON_TYPE).send(given.body)
  }
}
