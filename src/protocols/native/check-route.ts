import type { FastifyInstance } from 'fastify'
import { matchesNone } from '../http/conditions.ts'
import { retryAfter } from './retry-after.ts'
import type { Rooms } from './rooms.ts'
import { checkSchema, parse, requireRoom } from './schema.ts'
import { etagOf, holdOf, toAnswer } from './translate.ts'

/** `POST /device/v1/check`: what the device is, and what it should do. [native 3] */
export function routeCheck(scope: FastifyInstance, rooms: Rooms): void {
  const { host, config, auth, standings } = rooms
  const { gateway, deps } = host.core
  const schema = checkSchema(deps.limits)

  scope.post('/device/v1/check', async (request, reply) => {
    const known = await auth.calls.device(request)
    const body = parse(schema, request.body)
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
    const etag = etagOf(answer)
    const seconds = retryAfter(
      { standing, deviceId: facts.device.id, now: deps.clock.now(), isSaving: hold !== undefined },
      config,
    )
    reply.headers({ etag, 'cache-control': 'no-store', 'retry-after': String(seconds) })
    if (matchesNone(request.headers['if-none-match'], { etag })) return reply.code(304).send()
    return reply.send({ ...answer, retryAfter: seconds })
  })
}
