import type { FastifyRequest } from 'fastify'
import { createUrlRedactor, type RedactorOptions, SECRET_HEADERS } from './redact-url.ts'

export interface LogRedactionOptions extends RedactorOptions {
  /** Further secret headers, lower case, beside the usual ones: what a protocol carries its credentials in. */
  readonly headers?: readonly string[]
}

export interface LogRedaction {
  /** pino's `redact` option. */
  readonly redact: { readonly paths: string[]; readonly censor: string }
  /** pino serializers for Fastify: `req` shows method, redacted URL and peer; `err` has its texts redacted. */
  readonly serializers: {
    readonly req: (request: FastifyRequest) => Record<string, unknown>
    readonly err: (error: Error) => Record<string, unknown>
  }
  readonly redactUrl: (text: string) => string
}

/** The logger's share of "nothing secret in logs": URLs, headers and error texts. */
export function createLogRedaction(options: LogRedactionOptions = {}): LogRedaction {
  const redactUrl = createUrlRedactor(options)
  const headers = [...SECRET_HEADERS, ...(options.headers ?? [])]
  const roots = ['headers', 'req.headers', 'request.headers', 'res.headers', 'err.headers']
  return {
    redactUrl,
    redact: { paths: roots.flatMap((root) => headers.map((name) => `${root}["${name}"]`)), censor: '***' },
    serializers: {
      req: (request) => ({
        method: request.method,
        url: redactUrl(request.url),
        host: request.headers.host,
        remoteAddress: request.socket?.remoteAddress,
      }),
      err: (error) => describe(error, redactUrl),
    },
  }
}

function describe(error: Error, redactUrl: (text: string) => string): Record<string, unknown> {
  const { code, details, cause } = error as { code?: unknown; details?: unknown; cause?: unknown }
  return {
    type: error.name,
    message: redactUrl(error.message),
    stack: redactUrl(error.stack ?? ''),
    ...(code === undefined ? {} : { code }),
    ...(details === undefined ? {} : { details }),
    ...(cause instanceof Error ? { cause: describe(cause, redactUrl) } : {}),
  }
}
