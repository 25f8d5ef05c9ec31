import type { FastifyReply, FastifyRequest } from 'fastify'
import { claimsPaths, type Owner } from '../http/route-owners.ts'
import { sendMiss, sendUnknownRoute } from './answers.ts'
import { sendDeviceError, sendError } from './errors.ts'
import { SCHEME, type Target } from './scheme.ts'

/** The answers to what no route of `/v1` answers. */
export const owner: Owner = {
  name: SCHEME,
  claims: claimsPaths('v1'),
  notFound: answer,
  // [iotaap R10] other methods are an unknown route: POST on latest is 404, never 405
  methodNotAllowed: answer,
  // [iotaap R8] broken percent-encoding is the uniform 404
  badRequest: answer,
  onError: (error, request, reply) =>
    targetOf(request) ? sendDeviceError(error, request, reply) : sendError(error, request, { reply }),
}

/** A path that only fails by its parameter is a miss like any other; the rest is an unknown route. */
function answer(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const target = targetOf(request)
  return target ? sendMiss(reply, target) : sendUnknownRoute(request, reply)
}

/** Whose device endpoint a request is for, however broken its parameter is. */
function targetOf(request: FastifyRequest): Target | undefined {
  if (request.method !== 'GET' && request.method !== 'HEAD') return undefined
  const path = /^\/+v1\/+ota\/+(device|group)\/+(?:latest|download)\/+[^/?#]+\/?(?:[?#]|$)/
  const target = path.exec(request.raw.url ?? '')?.[1]
  return target === 'device' || target === 'group' ? target : undefined
}
