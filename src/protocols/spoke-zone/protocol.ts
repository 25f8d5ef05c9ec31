import type { FastifyInstance } from 'fastify'
import type { Protocol, ProtocolHost } from '../http/protocol.ts'
import { claimsPaths, type Owner } from '../http/route-owners.ts'
import { createAuth } from './auth.ts'
import { parseConfig } from './config.ts'
import { routeDataFiles } from './data-file-routes.ts'
import { routeDevice } from './device-route.ts'
import { sendError, sendMethodNotAllowed, sendNotFound } from './errors.ts'
import { routeFiles } from './file-routes.ts'
import { routeList } from './list-routes.ts'
import { routeDeviceLogin } from './login-device-route.ts'
import { routeUserLogin } from './login-route.ts'
import { V1, V2 } from './translate.ts'

const owner: Owner = {
  name: 'spoke-zone',
  claims: claimsPaths('api/v1', 'api/v2', 'POST login', 'loginDevice'),
  notFound: sendNotFound,
  methodNotAllowed: sendMethodNotAllowed,
  // A path that cannot be decoded names nothing. [spoke-zone 4.10]
  badRequest: sendNotFound,
  onError: sendError,
}

/**
 * The Spoke.Zone protocol, v2 and v1: devices list files, choose and download; they renew tokens and send data files.
 * `config`: see `config.ts`; throws `invalid` for unknown names and bad values.
 */
export function spokeZoneProtocol(host: ProtocolHost, config?: Readonly<Record<string, unknown>>): Protocol {
  const settings = parseConfig(config)
  const { core, limits } = host
  return {
    name: owner.name,
    owner,
    asks: { reporting: 'silent', isVerifiable: false, choosesFromCatalogue: true },
    redactions: [],
    secretHeaders: ['x-access-token'],
    async register(scope) {
      scope.setErrorHandler(sendError)
      // No logger per request: a poll writes no line, and what is logged carries the request's id.
      scope.setChildLoggerFactory((logger) => logger)
      acceptJsonAlone(scope)
      const auth = createAuth(core, settings)
      for (const dialect of [V2, V1]) routeList(scope, host, { auth, dialect })
      routeFiles(scope, core, { auth, limits, downloads: host.downloads })
      routeDevice(scope, core, auth)
      routeDeviceLogin(scope, host, settings)
      routeUserLogin(scope, core, settings)
      await routeDataFiles(scope, core, auth)
    },
  }
}

/** Bodies are JSON; an empty one has no fields. Every other content type is refused. [spoke-zone 2] */
function acceptJsonAlone(scope: FastifyInstance): void {
  const parse = scope.getDefaultJsonParser('ignore', 'ignore')
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body.length === 0) done(null, undefined)
    else parse(request, body.toString(), done)
  })
}
