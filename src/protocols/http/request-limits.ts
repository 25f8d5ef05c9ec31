import type { IncomingMessage } from 'node:http'
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from './limits.ts'

// A member of the request and no WeakMap: one that gains a key with every request makes each collection slow.
const LIMITS = Symbol('the limits of the server that the request came to')

type LimitedRequest = IncomingMessage & { [LIMITS]?: HttpLimits }

/** Notes the limits of the server that a request with a body came to. */
export function keepLimits(request: LimitedRequest, limits: HttpLimits): void {
  request[LIMITS] = limits
}

/** The limits under which a request's body is read; the defaults for one that no server of ours has noted. */
export function limitsOf(request: LimitedRequest): HttpLimits {
  return request[LIMITS] ?? DEFAULT_HTTP_LIMITS
}
