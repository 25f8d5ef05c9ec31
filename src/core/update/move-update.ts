import type { Id } from '../common.ts'
import type { Actor } from '../event/event.ts'
import { record } from '../event/record.ts'
import type { Clock, Ids, Stores } from '../ports.ts'
import { nextState, type Trigger } from './transitions.ts'
import { isOpen, type Update } from './update.ts'

export interface Move {
  readonly trigger: Trigger
  readonly actor: Actor
  readonly progress?: number
  readonly reason?: string
  /** Further facts for the event. */
  readonly facts?: Readonly<Record<string, unknown>>
}

/**
 * Moves an update along its table, with its event. Undefined when the table has no such move or somebody was faster:
 * late and duplicate reports end here.
 */
export async function moveUpdate(
  stores: Stores,
  by: { clock: Clock; ids: Ids },
  update: Update,
  move: Move,
): Promise<Update | undefined> {
  const state = nextState(update.state, move.trigger)
  if (!state) return undefined
  const now = by.clock.now()
  const moved = await stores.updates.move(update.serial, update.state, {
    state,
    changedAt: now,
    confirmAfter: null,
    ...(move.progress !== undefined && { progress: move.progress }),
    ...(move.reason !== undefined && { reason: move.reason }),
    ...(!isOpen(state) && { closedAt: now }),
  })
  if (!moved) return undefined
  await record(stores, by, {
    organisation: update.organisation,
    type: `update.${state}`,
    actor: move.actor,
    subject: { kind: 'update', id: update.id },
    details: {
      before: update.state,
      after: state,
      via: update.via,
      device: await deviceId(stores, update, move.actor),
      to: update.steps.map((step) => step.to),
      ...(move.reason && { reason: move.reason }),
      ...move.facts,
    },
  })
  return moved
}

/** Most moves are the device's own, which need no look. */
async function deviceId(stores: Stores, update: Update, actor: Actor): Promise<Id | null> {
  return actor.kind === 'device' ? actor.id : ((await stores.devices.find(update.device))?.id ?? null)
}
