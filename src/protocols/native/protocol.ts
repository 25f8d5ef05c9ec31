import type { FastifyInstance } from 'fastify'
import type { Protocol, ProtocolHost } from '../http/protocol.ts'
import { claimsPaths, type Owner } from '../http/route-owners.ts'
import { routeArtifacts } from './artifact-routes.ts'
import { createAuth } from './auth.ts'
import { routeCheck } from './check-route.ts'
import { parseConfig } from './config.ts'
import { routeEnrol } from './enrol-route.ts'
import { sendError, sendProblem } from './errors.ts'
import { NATIVE } from './names.ts'
import { routeReports } from './report-route.ts'
import type { Rooms } from './rooms.ts'
import { createStandings } from './standing.ts'
import { routeWait } from './wait-route.ts'
import { Waiters } from './waiters.ts'

const owner: Owner = {
  name: NATIVE,
  claims: claimsPaths('device'),
  notFound: (_request, reply) => sendProblem(reply, { code: 'not-found', detail: 'There is nothing here.' }),
  methodNotAllowed(_request, reply, allowed) {
    reply.header('allow', allowed.join(', '))
    return sendProblem(reply, { code: 'method-not-allowed', detail: `Allowed here: ${allowed.join(', ')}` })
  },
  badRequest: (_request, reply) => sendProblem(reply, { code: 'invalid', detail: 'The address is not well-formed.' }),
  onError: (error, request, reply) => sendError(error, request, reply),
}

/**
 * Godwit's own device protocol, for devices that have none yet. `config`: see `config.ts`; throws `invalid` for unknown
 * names and bad values.
 */
export function nativeProtocol(host: ProtocolHost, config?: Readonly<Record<string, unknown>>): Protocol {
  const settings = parseConfig(config)
  const { core } = host
  const waiters = new Waiters(core.deps.storage, {
    capacity: settings.waiters,
    spreadMs: settings.wakeSpreadSeconds * 1000,
  })
  return {
    name: NATIVE,
    owner,
    asks: { reporting: 'progress' },
    redactions: [],
    secretHeaders: ['authorization'],
    drain: () => waiters.endAll(),
    async register(scope) {
      scope.setErrorHandler(sendError)
      // No logger per request: a poll writes no line, and what is logged carries the request's id.
      scope.setChildLoggerFactory((logger) => logger)
      acceptJsonAlone(scope, settings.bodyBytes)
      const rooms: Rooms = {
        host,
        config: settings,
        auth: createAuth(core, settings),
        standings: createStandings(core),
      }
      await scope.register((checks) => routeCheck(checks, rooms))
      routeArtifacts(scope, rooms)
      routeReports(scope, rooms)
      routeWait(scope, rooms, waiters)
      routeEnrol(scope, rooms)
    },
  }
}

/** Bodies are JSON; an empty one is an empty object. Every other content type is refused. [native 1] */
function acceptJsonAlone(scope: FastifyInstance, bodyLimit: number): void {
  const parse = scope.getDefaultJsonParser('error', 'error')
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('application/json', { parseAs: 'string', bodyLimit }, (request, body, done) => {
    if (body.length === 0) done(null, {})
    else parse(request, body.toString(), done)
  })
}
