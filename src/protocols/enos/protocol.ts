import type { FastifyInstance } from 'fastify'
import { acceptMultipart } from '../http/multipart-spool.ts'
import type { Protocol, ProtocolHost } from '../http/protocol.ts'
import { createActionRouter } from './action-routes.ts'
import { createCallerAuth, HEADER } from './caller.ts'
import { parseConfig } from './config.ts'
import { createCoreSdkAuth } from './core-sdk.ts'
import { deviceActions } from './device-actions.ts'
import { createFileUrls } from './device-file-url.ts'
import { routeDevices } from './device-routes.ts'
import { ASK, createDeviceTalk } from './device-talk.ts'
import { routeFiles } from './file-routes.ts'
import { firmwareActions } from './firmware-actions.ts'
import { jobActions } from './jobs/job-actions.ts'
import { ENOS } from './names.ts'
import { createOwner } from './owner.ts'
import { PushMemory } from './push-memory.ts'
import { acceptRawBodies } from './request-bytes.ts'
import { createSessions } from './sessions.ts'
import { routeTokens } from './token-routes.ts'

/** EnOS: token service, signed REST of back-office programs, and devices over HTTP. Throws for a bad `given`. */
export function enosProtocol(host: ProtocolHost, given?: Readonly<Record<string, unknown>>): Protocol {
  const { core } = host
  const config = parseConfig(given)
  const owner = createOwner(core)
  return {
    name: ENOS,
    owner,
    asks: ASK,
    redactions: [/([?&;]sessionId=)[^&;#\s"']*/i, /(\/multipart\/signed\/)[^/?#\s"']+/],
    secretHeaders: [HEADER.accessToken, HEADER.signature, HEADER.proof],
    async register(scope: FastifyInstance) {
      acceptRawBodies(scope, host.limits.jsonBodyBytes)
      await acceptMultipart(scope)
      scope.setErrorHandler((error, request, reply) => owner.onError(error, request, reply))
      // No logger per request: a poll writes no line.
      scope.setChildLoggerFactory((logger) => logger)

      const auth = createCallerAuth(core, config, createCoreSdkAuth(core, config, scope.log))
      routeTokens(scope, core, config)
      const business = createActionRouter(scope, host, { auth, config })
      business.route('/connect-service/v2.1/ota-firmwares', firmwareActions(host, config))
      business.route('/connect-service/v2.1/ota-jobs', jobActions(core, config))
      business.route('/connect-service/v2.5/devices', deviceActions(core))

      const devices = {
        sessions: createSessions(core, config),
        talk: createDeviceTalk(core),
        urls: createFileUrls(host, config),
        pushes: new PushMemory(config.pushMemory),
      }
      routeDevices(scope, host, devices)
      routeFiles(scope, host, devices)
    },
  }
}
