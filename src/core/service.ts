import type { Serial } from './common.ts'
import { OtaError } from './errors.ts'
import type { Actor } from './event/event.ts'
import type { Typed } from './event/event-types.ts'
import { record } from './event/record.ts'
import type { CoreLimits } from './limits.ts'
import type { Ports, Stores } from './ports.ts'

/** Who acts, and in which organisation; every service call of an operator carries it. */
export interface Scope {
  readonly actor: Actor
  readonly organisation: Serial
}

/** What every service is made of. */
export interface ServiceDeps extends Ports {
  readonly limits: CoreLimits
}

/** Writes an event of an operator's change. */
export function recordFor(
  stores: Stores,
  deps: ServiceDeps,
  scope: Scope,
  event: Typed & { readonly subject: { readonly kind: string; readonly id: string } },
): Promise<void> {
  return record(stores, deps, { organisation: scope.organisation, actor: scope.actor, ...event })
}

/** The members of `after` that differ from `before`, for events. */
export function difference(
  before: object,
  patch: object,
): { before: Record<string, unknown>; after: Record<string, unknown> } {
  const from: Record<string, unknown> = {}
  const to: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(patch)) {
    const old = (before as Record<string, unknown>)[name]
    if (JSON.stringify(old) === JSON.stringify(value)) continue
    from[name] = old
    to[name] = value
  }
  return { before: from, after: to }
}

/** The updated row, or `precondition-failed` when its revision was not the expected one. */
export function changed<T>(row: T | undefined): T {
  if (row) return row
  throw new OtaError('precondition-failed', 'It was changed meanwhile; read it again and repeat the change.')
}
