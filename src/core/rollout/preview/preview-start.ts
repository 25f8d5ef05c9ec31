import type { Millis } from '../../common.ts'
import { type Asking, type Candidates, decide } from '../../decide/decide.ts'
import type { AskStyle } from '../../device-gateway.ts'
import type { RolloutName } from '../because.ts'
import { askingOf, type KnownDevice } from '../plan/foresee.ts'
import type { Rollout } from '../rollout.ts'
import type { Room } from '../room.ts'
import { isReached } from '../stage-of.ts'

/** What a running rollout has for a device, now or once its stage, its window or its turn has come. */
export interface RolloutOffer {
  readonly rollout: RolloutName
  readonly version: string
}

export interface Previewing {
  readonly now: Millis
  readonly limits: Asking['limits']
  /** How each protocol's devices ask, by scheme. */
  readonly styles: Readonly<Record<string, AskStyle>>
  /** The rollouts as they are, by id; `candidates` has the running ones as if their stages were open. */
  readonly rollouts: ReadonlyMap<string, { readonly rollout: Rollout; readonly room: Room | undefined }>
}

/**
 * The rollout that a device would get something from, and what; undefined when none would. It is the engine's own
 * decision, but for what passes by itself: an update under way, penalties, freezing, windows and limits of the moment. Pure.
 */
export function offerFor(known: KnownDevice, how: Previewing): RolloutOffer | undefined {
  const { via, style } = askingOf(known, how.styles)
  const { open: _, ...rest } = known.candidates
  const candidates: Candidates = { ...rest, recent: [], rollouts: rest.rollouts.map((one) => reached(one, known, how)) }
  const decision = decide(candidates, { ...style, isVerifiable: true, via, now: how.now, limits: how.limits })
  if (decision.kind !== 'update' || decision.offer.source.kind !== 'rollout') return undefined
  const { source, version } = decision.offer
  const rollout = candidates.rollouts.find((one) => one.rollout.serial === source.rollout)?.rollout
  return rollout && { rollout: { id: rollout.id, key: rollout.key }, version }
}

/** The candidate, or one that is not meant for the device because no stage, present or to come, is. */
function reached(
  candidate: Candidates['rollouts'][number],
  { candidates }: KnownDevice,
  { rollouts }: Previewing,
): Candidates['rollouts'][number] {
  const real = rollouts.get(candidate.rollout.id)
  if (!real || !candidate.selected.is) return candidate
  const { rollout, room } = real
  const device = { id: candidates.device.id, group: candidates.groupKey }
  const isFor = rollout.stages.some(
    (_, stage) => stage >= rollout.stage && isReached({ ...rollout, stage }, device) && hasRoom(rollout, stage, room),
  )
  if (isFor) return candidate
  return { ...candidate, selected: { is: false, reason: 'no stage is for it' }, target: { kind: 'none' } }
}

/** A stage of a count that is full takes nobody in any more. */
function hasRoom({ stages }: Rollout, stage: number, room: Room | undefined): boolean {
  const reach = stages[stage]?.reach
  return reach?.kind !== 'count' || (room?.stages[stage]?.devices ?? 0) < reach.count
}
