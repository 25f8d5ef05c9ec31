import type { Millis, Serial } from '../../common.ts'
import { type Asking, type Candidates, decide } from '../../decide/decide.ts'
import type { Decision, NoneBecause, Offer, UpdateBecause } from '../../decide/decision.ts'
import { explainBecause } from '../../decide/explain.ts'
import type { AskStyle } from '../../device-gateway.ts'
import type { FirmwareFile } from '../../firmware/firmware.ts'
import type { FloorFile } from '../../floor/floor-file.ts'
import type { RolloutName } from '../because.ts'
import { floorsOnWay } from '../check-way.ts'
import type { Considering } from '../consider.ts'
import type { RolloutKind } from '../rollout.ts'
import { runsFile } from '../subject.ts'
import { outcomeOfRefusal, type PlanOutcome } from './outcomes.ts'

/** A device with all that a decision for it may depend on. */
export interface KnownDevice {
  /** As if nothing was frozen; `rollouts` has those that rank before the planned one, and that last. */
  readonly candidates: Candidates
  /** Schemes of its credentials, oldest first. */
  readonly schemes: readonly string[]
}

/** What becomes of one device in a rollout, were every stage open and no limit reached. */
export interface Foreseen {
  readonly outcome: PlanOutcome
  readonly words: string
  /** Set when it will be updated. */
  readonly way?: Way
  /** The rollout that keeps it, when it is outranked. */
  readonly keeper?: RolloutName
}

export interface Way {
  /** Intermediate versions, in order. */
  readonly floors: readonly FloorFile[]
  /** Everything that it will fetch, intermediate versions included. */
  readonly files: readonly FirmwareFile[]
  readonly version: string
}

export interface Foreseeing {
  /** The planned rollout, as `candidates.rollouts` has it. */
  readonly rollout: { readonly serial: Serial; readonly id: string; readonly kind: RolloutKind }
  readonly now: Millis
  readonly limits: Asking['limits'] & Considering['limits']
  /** How each protocol's devices ask, by scheme. */
  readonly styles: Readonly<Record<string, AskStyle>>
}

/** What the engine itself decides for a device, asked as the device would ask, in the words of a plan. Pure. */
export function foresee(known: KnownDevice, how: Foreseeing): Foreseen {
  const { candidates } = known
  const { via, style } = askingOf(known, how.styles)
  const asking: Asking = { ...style, isVerifiable: true, via, now: how.now, limits: how.limits }
  const decision = decide(candidates, asking)
  const words = explainBecause(decision.because, decision.kind === 'update' ? decision.offer.version : '')
  const isPinned = candidates.own !== undefined || (!style.ignoreGroup && candidates.group !== undefined)
  if (isPinned && !isOutOfReach(decision)) return { outcome: 'assigned', words }
  switch (decision.kind) {
    case 'cancel':
      return { outcome: 'busy', words }
    case 'update':
      return decision.open
        ? { outcome: decision.open.rollout === how.rollout.serial ? 'under-way' : 'busy', words }
        : offered(candidates, decision, how)
    case 'none':
      return refused(decision, words, how)
  }
}

/** Neither assignments nor rollouts reach the device. */
function isOutOfReach({ because }: Decision): boolean {
  return because.kind === 'disabled' || because.kind === 'chooses-itself'
}

/** The protocol as which a device is taken to ask, as `explain` does: of its open update, else its first credential. */
export function askingOf(
  { candidates, schemes }: KnownDevice,
  styles: Foreseeing['styles'],
): { via: string; style: AskStyle } {
  const via = candidates.open?.via ?? schemes[0] ?? 'native'
  return { via, style: (Object.hasOwn(styles, via) ? styles[via] : undefined) ?? { reporting: 'progress' } }
}

function offered(candidates: Candidates, decision: Decision & { kind: 'update' }, how: Foreseeing): Foreseen {
  const { offer, because } = decision
  if (!isOf(offer, how)) {
    const keeper = candidates.rollouts.find(
      ({ rollout }) => offer.source.kind === 'rollout' && rollout.serial === offer.source.rollout,
    )?.rollout
    const words = explainBecause(because, offer.version)
    return { outcome: 'outranked', words, ...(keeper && { keeper: { id: keeper.id, key: keeper.key } }) }
  }
  const way = wayFor(candidates, how)
  return { outcome: 'will-update', words: wayInWords(candidates, way), way }
}

function isOf({ source }: Offer, how: Foreseeing): boolean {
  return source.kind === 'rollout' && source.rollout === how.rollout.serial
}

/** The whole way: what the engine offers at first may be an intermediate version. */
function wayFor(candidates: Candidates, { rollout }: Foreseeing): Way {
  const target = candidates.rollouts.find((one) => one.rollout.serial === rollout.serial)?.target
  if (target?.kind !== 'files') return { floors: [], files: [], version: '' }
  const floors = floorsOnWay(candidates, target.files, rollout.kind === 'undo')
  const left = target.files.filter((file) => !runsFile(candidates, file))
  return { floors, files: [...floors.map(({ file }) => file), ...left], version: target.version }
}

function wayInWords(candidates: Candidates, { floors, version }: Way): string {
  const primary = candidates.modules.find((module) => module.isPrimary)?.serial
  const from = candidates.running.find((row) => row.module === primary)?.version ?? 'an unknown version'
  const over = floors.map(({ file }) => file.firmware.version)
  return `It goes from ${from}${over.length > 0 ? ` over ${over.join(', ')}` : ''} to ${version}.`
}

function refused({ because, considered = [] }: Decision & { kind: 'none' }, words: string, how: Foreseeing): Foreseen {
  const own = considered.find(({ rollout }) => rollout.id === how.rollout.id)?.because
  if (own && isRefusal(own)) return { outcome: outcomeOfRefusal(own), words: explainBecause(own) }
  const keeper = considered.at(-1)?.rollout
  return keeper ? { outcome: 'outranked', words, keeper } : { outcome: outcomeOfRefusal(because), words }
}

function isRefusal(because: NoneBecause | UpdateBecause): because is NoneBecause {
  return !['rollout', 'floor', 'assigned', 'under-way'].includes(because.kind)
}
