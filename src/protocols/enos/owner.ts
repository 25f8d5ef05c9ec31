import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Core } from '../../core/create-core.ts'
import { isOtaError, type OtaError, retryAfterOf } from '../../core/errors.ts'
import { claimsPaths, type Owner } from '../http/route-owners.ts'
import { sendRefusal, sendToDevice, sendTokenReply } from './envelope.ts'
import { type Answered, answerTo, CODE, EnosFailure } from './errors.ts'
import { ENOS } from './names.ts'

/** The three shapes of a refusal: of business calls, of the token service, of devices. */
type Surface = 'business' | 'tokens' | 'devices'

function surfaceOf(request: FastifyRequest): Surface {
  const { url } = request
  if (url.startsWith('/apim-token-service')) return 'tokens'
  return url.startsWith('/connect-service') ? 'business' : 'devices'
}

export interface EnosOwner extends Owner {
  /** Answers any error in the shape of the surface that was called; faults are logged. */
  onError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply
}

/** Who answers below the first path segments of this protocol. */
export function createOwner(core: Core): EnosOwner {
  function send(request: FastifyRequest, reply: FastifyReply, { failure, isFault }: Answered): FastifyReply {
    const { code, message, status } = failure
    switch (surfaceOf(request)) {
      case 'business':
        return sendRefusal(reply, core.deps.ids.uuid(), { code, message, status })
      case 'tokens':
        return sendTokenReply(reply.code(status), { status: tokenStatus(code), msg: message, data: null })
      case 'devices': {
        // Devices are told by HTTP's status too.
        const shown = status !== 200 ? status : isFault ? 500 : 400
        return sendToDevice(reply, { status: shown, body: { code: shown, message, data: {} } })
      }
    }
  }

  return {
    name: ENOS,
    claims: claimsPaths('apim-token-service', 'connect-service', 'auth', 'topic', 'multipart'),
    // [enos 3.1] only faults of the transport have another status than 200
    notFound: (request, reply) => send(request, reply, transportFault(404, 'Not found')),
    methodNotAllowed: (request, reply, allowed) =>
      send(request, reply.header('allow', allowed.join(', ')), transportFault(405, 'Method not allowed')),
    badRequest: (request, reply) => send(request, reply, transportFault(404, 'Not found')),
    onError(error, request, reply) {
      if (isOtaError(error, 'too-many') && surfaceOf(request) === 'devices') return sendBusy(error, reply)
      const answered = answerTo(error)
      const retryAfter = retryAfterOf(error)
      if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter))
      if (answered.isFault) request.log.error({ err: error }, 'EnOS request failed')
      return send(request, reply, answered)
    },
  }
}

/** No room for another download: a fault of the transport, so HTTP's status says it. */
function sendBusy(error: OtaError, reply: FastifyReply): FastifyReply {
  const headers = { 'retry-after': String(retryAfterOf(error) ?? 30) }
  return sendToDevice(reply, { status: 503, body: { code: 503, message: 'Too many requests', data: {} }, headers })
}

function transportFault(status: 404 | 405, message: string): Answered {
  const code = status === 404 ? CODE.notFound : CODE.invalidArgument
  return { failure: new EnosFailure(code, message, status), isFault: false }
}

/** [enos 2.5] The token service has numbers of its own; whatever is none of them is its internal error or a bad request. */
function tokenStatus(code: number): number {
  if (code < 2000) return code
  return code === CODE.invalidArgument || code === CODE.notFound ? CODE.malformed : CODE.tokenService
}
