/**
 * One host, many protocols: routes belong to encapsulated plugins, and this owns what no route owns, so that each
 * client sees its own protocol's shape for 404, 405, broken URLs and errors outside every plugin.
 *
 *     const dispatcher = firstSegmentDispatcher([protocolA, protocolB, ours], fallback)
 *     const app = fastify({ ...dispatcher.serverOptions, ... })
 *     dispatcher.attach(app)      // before any route is registered, after hooks that must see 404s too (metrics)
 *
 * - The first owner that claims the path answers; nobody does: the fallback.
 * - Unknown path: `notFound`. Known path, other method: `methodNotAllowed` with the methods that exist (an owner whose
 *   contract has no 405 calls its own notFound). Both are decided before the body is read.
 * - Broken percent-encoding: `badRequest`. A path parameter over its limit: `notFound`.
 * - An error that a plugin did not answer itself: `onError`.
 * - Slashes collapse in the path, never in the query; one trailing slash is accepted.
 * What is not HTTP at all never gets here: see `client-error.ts`.
 */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify'
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from './limits.ts'
import { MethodTable } from './method-table.ts'
import { onArrival } from './on-arrival.ts'
import { normaliseUrl, pathSegments } from './request-path.ts'
import type { Owner } from './route-owners.ts'

export interface Dispatcher {
  /** Goes into the options that make the Fastify instance. */
  readonly serverOptions: Pick<FastifyServerOptions, 'rewriteUrl' | 'frameworkErrors' | 'routerOptions'>
  /** Hooks the dispatcher into the root instance; call before routes are registered. */
  attach(app: FastifyInstance): void
  /** Who answers for this URL. */
  ownerOf(url: string, method: string): Owner
}

/** Makes the dispatcher; see the top of this file. */
export function firstSegmentDispatcher(
  owners: readonly Owner[],
  fallback: Owner,
  { pathParameterChars }: Pick<HttpLimits, 'pathParameterChars'> = DEFAULT_HTTP_LIMITS,
): Dispatcher {
  const methods = new MethodTable()
  const ownerOf = (url: string, method: string): Owner => {
    const segments = pathSegments(url)
    return owners.find((owner) => owner.claims(segments, method)) ?? fallback
  }
  const unrouted = (request: FastifyRequest, reply: FastifyReply): unknown => {
    const url = request.raw.url ?? '/'
    const owner = ownerOf(url, request.method)
    const allowed = methods.allowed(url)
    return allowed.length > 0 && !allowed.includes(request.method)
      ? owner.methodNotAllowed(request, reply, allowed)
      : owner.notFound(request, reply)
  }
  return {
    ownerOf,
    serverOptions: {
      rewriteUrl: (request) => normaliseUrl(request.url ?? '/'),
      frameworkErrors: (error, request, reply) => unroutable(ownerOf, { error, request, reply }),
      routerOptions: { ignoreTrailingSlash: true, maxParamLength: pathParameterChars },
    },
    attach(app) {
      app.addHook('onRoute', (route) => methods.add(route.url, [route.method].flat()))
      // Here and not only in the 404 handler, since by then the body would have been read and its parser's errors win.
      onArrival(app, (request, reply) => {
        if (!request.is404) return undefined
        Promise.try(unrouted, request, reply).catch((error: unknown) => reply.send(error))
        return 'answered'
      })
      app.setNotFoundHandler(unrouted)
      app.setErrorHandler((error, request, reply) =>
        ownerOf(request.raw.url ?? '/', request.method).onError(error, request, reply),
      )
    },
  }
}

interface Unroutable {
  readonly error: FastifyError
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

function unroutable(ownerOf: Dispatcher['ownerOf'], { error, request, reply }: Unroutable): void {
  const owner = ownerOf(request.raw.url ?? '/', request.raw.method ?? 'GET')
  if (error.code === 'FST_ERR_MAX_PARAM_LENGTH') owner.notFound(request, reply)
  else if (error.code === 'FST_ERR_BAD_URL') owner.badRequest(request, reply, error)
  else owner.onError(error, request, reply)
}
