import type { Millis } from '../common.ts'
import type { NoneBecause, Offer, UpdateBecause } from '../decide/decision.ts'
import type { FirmwareFile } from '../firmware/firmware.ts'
import type { FloorFile } from '../floor/floor-file.ts'
import type { CoreLimits } from '../limits.ts'
import type { RolloutName } from './because.ts'
import type { RolloutCandidate } from './candidate.ts'
import { checkRoom } from './check-room.ts'
import { checkStage } from './check-stage.ts'
import { checkWay, isVerificationPending } from './check-way.ts'
import { penaltyOf } from './guards/penalty.ts'
import { retryAt } from './retry-at.ts'
import type { Room } from './room.ts'
import { movedOn, runsAll, type Subject } from './subject.ts'
import { grantKind, stepsToGo } from './trial.ts'

export interface Considering {
  readonly now: Millis
  /** Whether the protocol that asks tells what becomes of an update. */
  readonly isVerifiable: boolean
  /** The device asks by itself; see `RolloutOptions.pull`. */
  readonly pulls?: boolean
  readonly limits: Pick<CoreLimits, 'retryMaxSeconds' | 'penaltyFailures' | 'penaltySeconds' | 'penaltyMaxSeconds'>
}

export type Consideration =
  | { readonly kind: 'offer'; readonly offer: Offer; readonly because: UpdateBecause }
  /**
   * `passes`: a rollout behind this one may offer something meanwhile. `offer`: what the device is meant to run, where
   * it runs it already.
   */
  | { readonly kind: 'none'; readonly because: NoneBecause; readonly passes: boolean; readonly offer?: Offer }

/** What one rollout has for a device now, and why. Pure. */
export function considerRollout(
  candidate: RolloutCandidate,
  room: Room | undefined,
  subject: Subject,
  asking: Considering,
): Consideration {
  const { rollout, selected, member, target } = candidate
  const name: RolloutName = { id: rollout.id, key: rollout.key }
  if (!selected.is) return passing({ kind: 'not-selected', rollout: name, reason: selected.reason })
  if (target.kind === 'unknown') return passing({ kind: 'previous-unknown', rollout: name })
  if (target.kind === 'missing') return passing({ kind: 'previous-missing', rollout: name, version: target.version })
  if (target.kind === 'none' || !room) return passing({ kind: 'snapshot-being-taken', rollout: name })
  const { version, files } = target
  const offer: Offer = {
    source: { kind: 'rollout', rollout: rollout.serial, stage: rollout.stage },
    version,
    product: rollout.product,
    ...(target.release && { release: target.release }),
    files,
  }
  // Done with here or stopped, it is free for the next one; else nothing behind this one may change what it runs.
  if (runsAll(subject, files)) {
    const passes = rollout.state === 'stopped' || isDone(member)
    return { kind: 'none', because: { kind: 'up-to-date', version }, passes, offer }
  }
  const other = target.undone && movedOn(subject, target.undone)
  if (other !== undefined) return passing({ kind: 'not-selected', rollout: name, reason: movedOnInWords(other) })
  const barred = barredBy(candidate, { name, version, files, asking })
  if (barred) return passing(barred)
  const past = pastOf(candidate, { name, version, subject, asking })
  if (past) return past
  const way = checkWay(rollout, { name, version, files, subject })
  if (way.kind === 'none') return passing(way.because)
  const stage = checkStage(rollout, { name, device: subject.device, groupKey: subject.groupKey, now: asking.now })
  if (stage) return { kind: 'none', ...stage }
  const { now, isVerifiable } = asking
  const grant = grantKind(rollout, member, { room, now, steps: stepsToGo(rollout, subject, files) })
  const full = checkRoom(rollout, room, { name, grant, member, subject, isVerifiable, now })
  if (full) return { kind: 'none', ...full }
  if (way.kind === 'floor') return { kind: 'offer', offer: floorOffer(offer, way.floor), because: way.because }
  const stages = rollout.stages.length
  return { kind: 'offer', offer, because: { kind: 'rollout', rollout: name, stage: rollout.stage + 1, stages } }
}

function passing(because: NoneBecause): Consideration {
  return { kind: 'none', because, passes: true }
}

function floorOffer(offer: Offer, floor: FloorFile): Offer {
  const { release: _, ...rest } = offer
  const { floor: of, file, release } = floor
  return { ...rest, version: file.firmware.version, files: [file], floor: of, ...(release && { release }) }
}

function movedOnInWords(runs: string): string {
  return `it runs ${runs} by now, which the rollout that is taken back did not bring`
}

interface Facts {
  readonly name: RolloutName
  readonly version: string
}

function isDone(member: RolloutCandidate['member']): boolean {
  return member?.state === 'succeeded' || member?.state === 'delivered'
}

/** What bars the rollout, or the device from it, until somebody changes it. */
function barredBy(
  { rollout, member }: RolloutCandidate,
  { name, version, files, asking }: Facts & { files: readonly FirmwareFile[]; asking: Considering },
): NoneBecause | undefined {
  if (member && member.excludedAt !== null) return { kind: 'excluded', rollout: name, reason: member.excludedReason }
  if (files.some(({ firmware }) => firmware.withdrawn)) return { kind: 'withdrawn', version }
  if (rollout.state === 'stopped') {
    const words = rollout.stop?.kind === 'gate' ? rollout.stop.words : (rollout.stop?.reason ?? '')
    return { kind: 'rollout-stopped', rollout: name, words }
  }
  if (rollout.state !== 'running') return { kind: 'rollout-paused', rollout: name }
  if (asking.pulls && !rollout.options.pull) return { kind: 'push-only', rollout: name }
  const isPending = files.some(isVerificationPending)
  return isPending && rollout.kind === 'update' ? { kind: 'verification-pending', rollout: name, version } : undefined
}

/** What the device's earlier updates in this rollout, or lately, say. */
function pastOf(
  { rollout, member }: RolloutCandidate,
  { name, version, subject, asking }: Facts & { subject: Subject; asking: Considering },
): Consideration | undefined {
  const pardonedAt = member?.pardonedAt ?? null
  if (member)
    switch (member.state) {
      case 'succeeded':
      case 'delivered':
        return passing({ kind: 'done-before', rollout: name, version, runs: runsNow(subject) })
      case 'cancelled':
        return passing({ kind: 'cancelled-here', rollout: name, version })
      case 'failed':
      case 'rolled-back': {
        const reason = subject.recent.find((one) => one.serial === member.update)?.reason ?? ''
        const until = retryAt(rollout.options.retry, member, asking.limits)
        if (until === undefined) return passing({ kind: 'gave-up', rollout: name, attempts: member.attempts, reason })
        if (asking.now < until) return waiting({ kind: 'retry-later', until, attempt: member.attempts, reason })
      }
    }
  if (rollout.options.ignorePenalty) return undefined
  const penalty = penaltyOf(subject.recent, asking.limits, { now: asking.now, pardonedAt })
  if (!penalty) return undefined
  return passing({ kind: 'penalty-box', rollout: name, until: penalty.until, failures: penalty.failures })
}

function waiting(because: NoneBecause): Consideration {
  return { kind: 'none', because, passes: false }
}

function runsNow({ modules, running }: Subject): string | null {
  const primary = modules.find((module) => module.isPrimary)?.serial
  return running.find((row) => row.module === primary)?.version ?? null
}
