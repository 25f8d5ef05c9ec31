import type { Protocol, ProtocolHost } from '../http/protocol.ts'
import { accountRoutes } from './account-routes.ts'
import { Auth } from './auth.ts'
import { parseConfig } from './config.ts'
import { deployRoutes } from './deploy-routes.ts'
import { ASK } from './device-endpoint.ts'
import { deviceRoutes } from './device-routes.ts'
import { downloadRoutes } from './download-routes.ts'
import { sendError } from './errors.ts'
import { groupRoutes } from './group-routes.ts'
import { Holders } from './holders.ts'
import { latestRoutes } from './latest-routes.ts'
import { MissThrottle } from './miss-throttle.ts'
import { otaRoutes } from './ota-routes.ts'
import { owner } from './owner.ts'
import { acceptBodies } from './request-bodies.ts'
import type { AccountRooms } from './rooms.ts'
import { SCHEME } from './scheme.ts'

/**
 * IoTaaP: the vendor's account API and the two requests of its boards, on `/v1`. See docs/protocols/iotaap.md.
 * Throws `invalid` for a configuration that it cannot use.
 */
export function iotaapProtocol(host: ProtocolHost, config: Readonly<Record<string, unknown>> = {}): Protocol {
  const settings = parseConfig(config)
  const { core } = host
  const rooms: AccountRooms = { core, settings, auth: new Auth(core), holders: new Holders(core) }
  const throttle = new MissThrottle(settings, core.deps.clock)
  return {
    name: SCHEME,
    owner,
    asks: ASK,
    // [iotaap R7] in addresses, and in the path label of lists
    redactions: [
      /(\/v1\/+ota\/+(?:device|group)\/+download\/+[0-9a-f]{0,24})[^/?#\s"']*/i,
      /(\bota\/(?:device|group)\/[0-9a-f]{24})[^/?#\s"']+/i,
    ],
    secretHeaders: [],
    async register(scope) {
      await acceptBodies(scope)
      scope.setErrorHandler((error, request, reply) => sendError(error, request, { reply }))
      // No logger per request: a poll writes no line.
      scope.setChildLoggerFactory((logger) => logger)
      latestRoutes(scope, { host, throttle })
      downloadRoutes(scope, { host, throttle })
      accountRoutes(scope, rooms.auth)
      await scope.register(async (account) => {
        account.addHook('onRequest', rooms.auth.require)
        deviceRoutes(account, rooms)
        groupRoutes(account, rooms)
        otaRoutes(account, rooms)
        deployRoutes(account, rooms)
      })
    },
  }
}
