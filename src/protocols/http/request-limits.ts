import type { IncomingMessage } from 'node:http'
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from './limits.ts'

const known = new WeakMap<IncomingMessage, HttpLimits>()

/** Notes the limits of the server that a request with a body came to. */
export function keepLimits(request: IncomingMessage, limits: HttpLimits): void {
  known.set(request, limits)
}

/** The limits under which a request's body is read; the defaults for one that no server of ours has noted. */
export function limitsOf(request: IncomingMessage): HttpLimits {
  return known.get(request) ?? DEFAULT_HTTP_LIMITS
}
