import type { FastifyRequest } from 'fastify'
import type { AccessKey, Permission } from '../../core/access/access-key.ts'
import type { Organisation } from '../../core/organisation/organisation.ts'
import type { Scope } from '../../core/service.ts'
import { invalidArgument } from './errors.ts'
import { type JsonObject, parseJsonObject } from './json.ts'
import { bodyText } from './request-bytes.ts'

/** One authenticated, permitted call of a business action. */
export interface Call {
  readonly request: FastifyRequest
  readonly organisation: Organisation
  readonly scope: Scope
  readonly parameters: ReadonlyMap<string, string>
  /** Uses the signature up; throws when it was used before. */
  useOnce(): Promise<void>
}

export interface Action {
  readonly permission: Permission
  /** Changes state: POST only, and its signature counts once [enos 2.6]. */
  readonly changes: boolean
  /** The signature is used up by the action itself: an upload that breaks off may be sent again. */
  readonly usesLate?: boolean
  /** What `run` would answer, where that is in memory. For actions that change nothing. */
  recall?(call: Pick<Call, 'organisation' | 'parameters'>): string | undefined
  /** Answers `data` as JSON text. */
  run(call: Call): Promise<string>
}

export type Actions = Readonly<Record<string, Action>>

/** [enos 3.4] `data` of calls without a result */
export const NO_DATA = 'null'

export function scopeOf(accessKey: AccessKey, organisation: Organisation): Scope {
  return {
    actor: { kind: 'access-key', id: accessKey.id, name: accessKey.key },
    organisation: organisation.serial,
  }
}

/** A mandatory query parameter; empty counts as missing. */
export function required(call: Pick<Call, 'parameters'>, name: string): string {
  const value = call.parameters.get(name)
  if (value === undefined || value === '') throw invalidArgument(name, `${name} is missing`)
  return value
}

/** The JSON object in the body; none at all is an empty one [enos 3.1]. */
export function bodyOf(call: Pick<Call, 'request'>): JsonObject {
  const text = bodyText(call.request)
  if (text.trim() === '') return {}
  const body = parseJsonObject(text)
  if (body === undefined) throw invalidArgument('body', 'is not a JSON object')
  return body
}
