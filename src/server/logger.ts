import { type DestinationStream, type Logger, pino } from 'pino'
import { createLogRedaction } from '../protocols/http/log-redaction.ts'
import type { Protocol } from '../protocols/http/protocol.ts'

export interface LoggerOptions {
  readonly level: string
  /** Standard error unless given. */
  readonly destination?: DestinationStream
}

/** The log, with everything masked that any protocol calls secret. */
export function createLogger(options: LoggerOptions, protocols: readonly Protocol[]): Logger {
  const redaction = createLogRedaction({
    redactions: protocols.flatMap((protocol) => protocol.redactions),
    headers: protocols.flatMap((protocol) => protocol.secretHeaders),
  })
  return pino(
    { level: options.level, redact: redaction.redact, serializers: redaction.serializers, hooks: redaction.hooks },
    options.destination ?? pino.destination({ dest: 2, sync: true }),
  )
}
