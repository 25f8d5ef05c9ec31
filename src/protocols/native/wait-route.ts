import type { FastifyInstance } from 'fastify'
import type { DeviceFacts } from '../../core/device/device-facts.ts'
import { matchesNone } from '../http/conditions.ts'
import { changesAt, fractionOf } from './retry-after.ts'
import type { Rooms } from './rooms.ts'
import { parse, waitSchema } from './schema.ts'
import type { Outlook } from './standing.ts'
import { etagOf, holdOf, type Telling, toAnswer } from './translate.ts'
import type { Waiters } from './waiters.ts'

/** `GET /device/v1/wait`: answers as soon as a check would be answered otherwise than the one that the device knows. [native 6] */
export function routeWait(scope: FastifyInstance, rooms: Rooms, waiters: Waiters): void {
  const { host, config, auth, standings } = rooms
  const { gateway, deps } = host.core

  scope.get('/device/v1/wait', async (request, reply) => {
    const facts = await auth.calls.device(request)
    const query = parse(waitSchema, request.query)
    const hold = holdOf({ battery: query.battery, metered: query.metered === 'true' }, config)
    const telling = { baseUrl: host.publicBaseUrl(request), capabilities: [] }
    const look = async () => {
      const current = (await gateway.find({ by: 'serial', serial: facts.device.serial })) ?? facts
      const outlook = await standings.look(current, hold)
      return { outlook, tag: tagOf(outlook, { ...telling, facts: current }) }
    }
    const first = await look()
    const known = request.headers['if-none-match'] ?? first.tag ?? ''
    const changed = await waiters.wait(
      {
        device: facts.device.serial,
        organisation: facts.device.organisation,
        timeoutMs: timeoutOf(query.timeout ?? config.waitSeconds, { first: first.outlook, now: deps.clock.now() }),
        fraction: fractionOf(facts.device.id),
        hasNews: async () => isNews(known, (await look()).tag),
      },
      // It may have gone while it was looked at first.
      (giveUp) => (reply.raw.destroyed ? giveUp() : reply.raw.once('close', giveUp)),
    )
    if (waiters.isEnding) reply.header('connection', 'close')
    return reply.header('cache-control', 'no-store').send({ changed })
  })

  /** No longer than allowed, and not beyond a moment at which the answer changes by itself. */
  function timeoutOf(seconds: number, { first, now }: { first: Outlook; now: number }): number {
    const allowed = Math.min(seconds, config.waitSeconds) * 1000
    const until = first.kind === 'none' ? changesAt(first.because) : undefined
    return until === undefined ? allowed : Math.max(0, Math.min(allowed, until - now))
  }
}

/** The tag of what a check would answer; undefined where only a check can tell. */
function tagOf(outlook: Outlook, telling: Telling & { facts: DeviceFacts }): string | undefined {
  return outlook.kind === 'news' ? undefined : etagOf(toAnswer(outlook, telling))
}

function isNews(known: string, tag: string | undefined): boolean {
  return tag === undefined || !matchesNone(known, { etag: tag })
}
