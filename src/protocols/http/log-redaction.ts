import type { FastifyRequest } from 'fastify'
import type { LogFn, Logger } from 'pino'
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
  /** pino's `hooks` option: redacts message texts, those that pino takes from an error too. */
  readonly hooks: { readonly logMethod: (this: Logger, args: Parameters<LogFn>, method: LogFn) => void }
  readonly redactUrl: (text: string) => string
}

/** The logger's share of "nothing secret in logs": URLs, headers, messages and error texts. */
export function createLogRedaction(options: LogRedactionOptions = {}): LogRedaction {
  const redactUrl = createUrlRedactor(options)
  const headers = [...SECRET_HEADERS, ...(options.headers ?? [])]
  // Whatever a plugin calls the thing that has headers: the multipart parser logs all of them.
  const roots = ['headers', '*.headers']
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
    hooks: {
      logMethod(args, method) {
        const [first, message, ...values] = (args as unknown[]).map((each) =>
          typeof each === 'string' ? redactUrl(each) : each,
        )
        const implied = message === undefined ? impliedMessage(first) : undefined
        method.apply(this, [
          first,
          implied === undefined ? message : redactUrl(implied),
          ...values,
        ] as Parameters<LogFn>)
      },
    },
  }
}

/** What pino would take for the message when only an error is given. */
function impliedMessage(logged: unknown): string | undefined {
  const error = logged instanceof Error ? logged : (logged as { err?: unknown } | null)?.err
  return error instanceof Error ? error.message : undefined
}

const CAUSES = 5

function describe(error: Error, redactUrl: (text: string) => string, causes = CAUSES): Record<string, unknown> {
  const { code, details, cause } = error as { code?: unknown; details?: unknown; cause?: unknown }
  return {
    type: error.name,
    message: redactUrl(error.message),
    stack: redactUrl(error.stack ?? ''),
    ...(code === undefined ? {} : { code }),
    ...(details === undefined ? {} : { details }),
    ...(cause instanceof Error && causes > 0 ? { cause: describe(cause, redactUrl, causes - 1) } : {}),
  }
}
