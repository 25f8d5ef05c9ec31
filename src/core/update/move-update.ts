import type { Id, Patch } from '../common.ts'
import type { Actor } from '../event/event.ts'
import { type Happening, record } from '../event/record.ts'
import type { Stores } from '../ports.ts'
import { noteOutcome } from '../rollout/outcome.ts'
import type { ServiceDeps } from '../service.ts'
import { deadlineOf, timeOutsOf } from './time-outs.ts'
import { type MovedState, nextState, type Trigger } from './transitions.ts'
import { isOpen, type TimeOuts, type Update } from './update.ts'

/** What changing an update needs besides the stores. */
export type By = Pick<ServiceDeps, 'clock' | 'ids' | 'limits'>

export interface Move {
  readonly trigger: Trigger
  readonly actor: Actor
  /** Only while nothing at all of the update has changed since it was read. */
  readonly onlyIfUnchanged?: true
  readonly progress?: number
  readonly reason?: string
  /** Further facts for the event. */
  readonly facts?: Readonly<Record<string, unknown>>
}

/** What a move makes of an update, unless somebody is faster; undefined when the table has no such move. */
export function plannedMove(by: Pick<By, 'clock' | 'limits'>, update: Update, move: Move): PlannedMove | undefined {
  const state = nextState(update.state, move.trigger)
  if (!state) return undefined
  const now = by.clock.now()
  const { deadline } = update
  return {
    state,
    changedAt: now,
    confirmAfter: null,
    deadline: deadlineOf({ from: update.state, to: state, now, deadline }, timeOutsFor(by, update)),
    ...(move.progress !== undefined && { progress: progressOf(move.progress) }),
    ...(move.reason !== undefined && { reason: move.reason }),
    ...(!isOpen(state) && { closedAt: now }),
  }
}

export type PlannedMove = Patch<Update> & { readonly state: MovedState }

/** The event of a move. `device`: the id of the update's device. */
export function moveEvent(update: Update, state: MovedState, move: Move, device: Id | null): Happening {
  return {
    organisation: update.organisation,
    type: `update.${state}`,
    actor: move.actor,
    subject: { kind: 'update', id: update.id },
    details: {
      before: update.state,
      after: state,
      via: update.via,
      device,
      to: update.steps.map((step) => step.to),
      ...(move.reason && { reason: move.reason }),
      ...move.facts,
    },
  }
}

/**
 * Moves an update along its table, with its event. Undefined when the table has no such move or somebody was faster:
 * late and duplicate reports end here.
 */
export async function moveUpdate(stores: Stores, by: By, update: Update, move: Move): Promise<Update | undefined> {
  const planned = plannedMove(by, update, move)
  if (!planned) return undefined
  const { state } = planned
  // Before the update itself, as whoever ends many updates of one rollout has it: nobody waits for the other.
  if (!isOpen(state) && update.rollout !== null) await stores.rolloutTallies.lock(update.rollout)
  const moved = await stores.updates.move(update.serial, move.onlyIfUnchanged ? update : update.state, planned)
  if (!moved) return undefined
  await record(stores, by, moveEvent(update, state, move, await deviceId(stores, update, move.actor)))
  if (!isOpen(state)) await noteOutcome(stores, by, moved)
  return moved
}

/** The time-outs that hold for this update. */
export function timeOutsFor({ limits }: Pick<By, 'limits'>, update: Pick<Update, 'timeOuts'>): TimeOuts {
  return timeOutsOf(limits, update.timeOuts)
}

const LOWEST_CODE = -(2 ** 31)

/** What a device reports as it is kept: whole percent up to 100, or its own negative failure code. */
export function progressOf(reported: number): number {
  return Number.isFinite(reported) ? Math.min(100, Math.max(LOWEST_CODE, Math.floor(reported))) : 0
}

/** The device of an update as events name it. Most moves are the device's own, which need no look. */
export async function deviceId(stores: Stores, update: Update, actor: Actor): Promise<Id | null> {
  return actor.kind === 'device' ? actor.id : ((await stores.devices.find(update.device))?.id ?? null)
}
