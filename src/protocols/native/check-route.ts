import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { DeviceFacts } from '../../core/device/device-facts.ts'
import { type ReadyAnswer, sendReady } from '../http/ready-answer.ts'
import { SHORT_BODY_BYTES } from '../http/short-ways.ts'
import type { Asking } from './auth.ts'
import { NATIVE } from './names.ts'
import { CheckReply, RepeatedChecks } from './repeated-checks.ts'
import { retryAfter } from './retry-after.ts'
import type { Rooms } from './rooms.ts'
import { checkSchema, parse, requireRoom } from './schema.ts'
import { etagOf, holdOf, toAnswer } from './translate.ts'

const PATH = '/device/v1/check'

/** A body, as it came and as it reads. */
interface Question {
  readonly text: string
  readonly value: unknown
}

/** In place of a question: one that was answered before. */
class Again {
  readonly facts: DeviceFacts
  readonly reply: CheckReply

  constructor(facts: DeviceFacts, reply: CheckReply) {
    this.facts = facts
    this.reply = reply
  }
}

const EMPTY: Question = { text: '', value: {} }

/** `POST /device/v1/check`: what the device is, and what it should do. [native 3] */
export async function routeCheck(scope: FastifyInstance, rooms: Rooms): Promise<void> {
  const { host, config, auth, standings } = rooms
  const { gateway, deps } = host.core
  const schema = checkSchema(deps.limits)
  const repeated = new RepeatedChecks()

  host.shortWays.add({
    protocol: NATIVE,
    method: 'POST',
    path: PATH,
    answer(request, body) {
      const known = again(request, body)
      return known && repeat(request, known)
    },
  })

  const parseJson = scope.getDefaultJsonParser('error', 'error')
  const options = { parseAs: 'string', bodyLimit: config.bodyBytes } as const
  scope.removeContentTypeParser('application/json')
  scope.addContentTypeParser('application/json', options, (request, body, done) => {
    const text = body.toString()
    const known = text.length > SHORT_BODY_BYTES ? undefined : again(request, text)
    if (known) done(null, known)
    else if (text.length === 0) done(null, EMPTY)
    else parseJson(request, text, (error, value) => done(error, { text, value } satisfies Question))
  })

  scope.post(PATH, (request, reply) => {
    const { body } = request
    if (!(body instanceof Again)) return answer(request, reply, body as Question | undefined)
    sendReady(reply, repeat(request, body))
    return undefined
  })

  async function answer(request: FastifyRequest, reply: FastifyReply, question = EMPTY): Promise<FastifyReply> {
    const checked = await check(request, question)
    return sendReady(reply, checked.for(request.headers['if-none-match']))
  }

  /**
   * A check that says nothing new to one that nothing changed for is not read again, whether its body came with its head
   * or later, as many clients send it.
   */
  function again(request: Asking, text: string): Again | undefined {
    const facts = auth.calls.recall(request)
    const reply = facts && repeated.find(facts, text)
    return reply && new Again(facts, reply)
  }

  /** Throws `too-many`. */
  function repeat(request: Asking, { facts, reply }: Again): ReadyAnswer {
    auth.calls.admit(facts)
    return reply.for(request.headers['if-none-match'])
  }

  async function check(request: FastifyRequest, question: Question): Promise<CheckReply> {
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
    const reply = new CheckReply({
      etag: etagOf(answer),
      retryAfter: seconds,
      body: JSON.stringify({ ...answer, retryAfter: seconds }),
    })
    const isLasting = standing.kind === 'none' && standing.isLasting
    if (isLasting && facts === known && question.text.length <= SHORT_BODY_BYTES)
      repeated.keep(facts, { question: question.text, reply })
    return reply
  }
}
