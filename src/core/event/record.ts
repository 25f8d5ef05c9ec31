import type { Serial } from '../common.ts'
import type { Clock, Ids, Stores } from '../ports.ts'
import type { Actor, Event } from './event.ts'
import type { Typed } from './event-types.ts'

/** Something to be recorded, of a type and with facts that `EVENT_TYPES` knows. */
export type Happening = Typed & {
  readonly organisation: Serial | null
  readonly actor: Actor
  readonly subject: { readonly kind: string; readonly id: string }
}

/** Writes an event in the transaction of its change. `details` must hold no secret. */
export async function record(stores: Stores, by: { clock: Clock; ids: Ids }, happening: Happening): Promise<void> {
  await stores.events.append(eventOf(by, happening))
}

/** As `record` for many, in their order. */
export async function recordAll(
  stores: Stores,
  by: { clock: Clock; ids: Ids },
  happenings: readonly Happening[],
): Promise<void> {
  await stores.events.appendAll(happenings.map((happening) => eventOf(by, happening)))
}

function eventOf({ clock, ids }: { clock: Clock; ids: Ids }, happening: Happening): Omit<Event, 'serial'> {
  const at = clock.now()
  return { id: ids.id(at), at, details: {}, ...happening }
}
