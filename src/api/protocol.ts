import type { Protocol, ProtocolHost } from '../protocols/http/protocol.ts'
import { claimsPaths, type Owner } from '../protocols/http/route-owners.ts'
import type { ApiContext, ApiOptions } from './api-context.ts'
import { sendError, sendProblem } from './errors.ts'
import { EventStreams } from './event-stream/event-streams.ts'
import { describeRoutes } from './openapi.ts'
import { registerReference } from './reference.ts'
import { registerRoutes } from './register-routes.ts'
import { API_ROUTES } from './routes.ts'

/** Godwit's own management API with its reference, as one of the host's protocols. */
export function managementApi(host: ProtocolHost, options: ApiOptions): Protocol {
  const context: ApiContext = { host, options, imports: { isRunning: false }, streams: new EventStreams(host) }
  return {
    name: 'api',
    owner: apiOwner,
    redactions: [],
    secretHeaders: ['idempotency-key'],
    drain: () => context.streams.stop(),
    async register(scope) {
      scope.setErrorHandler(sendError)
      await describeRoutes(scope, options, API_ROUTES)
      await registerRoutes(scope, context, API_ROUTES)
      registerReference(scope)
    },
  }
}

const apiOwner: Owner = {
  name: 'api',
  claims: claimsPaths('api/godwit', 'docs'),
  notFound: (request, reply) => sendProblem(request, reply, { code: 'not-found', detail: 'There is nothing here.' }),
  methodNotAllowed(request, reply, allowed) {
    reply.header('allow', allowed.join(', '))
    const detail = `Allowed here: ${allowed.join(', ')}`
    return sendProblem(request, reply, { code: 'method-not-allowed', detail })
  },
  badRequest: (request, reply) =>
    sendProblem(request, reply, { code: 'invalid', detail: 'The address is not well-formed.' }),
  onError: (error, request, reply) => sendError(error, request, reply),
}
