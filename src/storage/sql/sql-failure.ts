import { OtaError } from '../../core/errors.ts'
import type { SqlDialect } from './dialects/dialect.ts'
import { ENTITIES } from './entities.ts'

/** What a failed statement means to the caller. An error that is no database's passes as it is. */
export function toOtaError(cause: unknown, sql: string, dialect: SqlDialect): OtaError {
  if (cause instanceof OtaError) return cause
  const failure = dialect.failureOf(cause)
  switch (failure.kind) {
    case 'unique':
      return conflict(entityOf(failure.table), failure.field, cause)
    case 'reference':
      return referenceFailed(cause, sql)
    case 'text':
      return new OtaError('invalid', 'The text contains characters that cannot be stored', { cause })
    case 'full':
      return new OtaError('storage-full', `${dialect.name} has no space left on its disk`, { cause })
    case 'disconnected':
    case 'unreachable':
      return unreachable(`${dialect.name} cannot be reached; nothing was stored`, cause)
    case 'again':
    case 'other':
      return storageFailed(`${dialect.name} refused: ${cause instanceof Error ? cause.message : String(cause)}`, cause)
  }
}

/** Whether running the whole transaction once more may help. */
export function isWorthRepeating(error: unknown, dialect: SqlDialect): boolean {
  return error instanceof OtaError && error.code === 'storage-failed' && dialect.failureOf(error.cause).kind === 'again'
}

export function conflict(entity: string, field: string, cause?: unknown): OtaError {
  return new OtaError('conflict', `Another ${entity} has this ${field}`, { cause, details: { entity, field } })
}

/** Seconds after which a client does well to try again when the database is away. */
const RETRY_SECONDS = 5

function unreachable(message: string, cause: unknown): OtaError {
  return new OtaError('unavailable', message, { cause, details: { retryAfterSeconds: RETRY_SECONDS } })
}

/** The connection broke between the commit and its answer. */
export function outcomeUnknown(cause: unknown): OtaError {
  return unreachable('The connection to the database broke at the commit; whether it was stored is not known', cause)
}

export function storageFailed(message: string, cause?: unknown): OtaError {
  return new OtaError('storage-failed', message, { cause })
}

function referenceFailed(cause: unknown, sql: string): OtaError {
  const [, table = ''] = /^\s*(?:delete from|insert into|update) "(\w+)"/.exec(sql) ?? []
  const entity = entityOf(table)
  return sql.trimStart().startsWith('delete')
    ? new OtaError('in-use', `The ${entity} is still in use`, { cause, details: { entity } })
    : new OtaError('not-found', `The ${entity} refers to something that does not exist`, { cause, details: { entity } })
}

function entityOf(table: string): string {
  return table in ENTITIES ? ENTITIES[table as keyof typeof ENTITIES] : table
}
