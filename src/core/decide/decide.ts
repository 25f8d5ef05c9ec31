import type { Assignment } from '../assignment/assignment.ts'
import type { Millis, Serial } from '../common.ts'
import type { CoreLimits } from '../limits.ts'
import type { RolloutCandidate } from '../rollout/candidate.ts'
import { wayOf } from '../rollout/check-way.ts'
import { type Considering, considerRollout } from '../rollout/consider.ts'
import type { Rollout } from '../rollout/rollout.ts'
import type { Room } from '../rollout/room.ts'
import { runsAll, type Subject } from '../rollout/subject.ts'
import type { Update } from '../update/update.ts'
import type { Considered, Decision, Hold, NoneBecause, Offer } from './decision.ts'

/** Everything that a decision may depend on; gathered by the gateway, never fetched here. */
export interface Candidates extends Subject {
  readonly serverFrozen: boolean
  readonly organisationFrozen: boolean
  /** The device's own assignment. */
  readonly own?: Offer
  /** Its group's. */
  readonly group?: Offer
  readonly open?: Update
  /** The release version of `open`, for words. */
  readonly openVersion?: string
  /** Whether the release of `open` was withdrawn meanwhile. */
  readonly openWithdrawn?: boolean
  /** What `open` is about, when it came from a rollout. */
  readonly openOffer?: Offer
  /** That rollout, whatever its state and product. */
  readonly openRollout?: Rollout
  /** The newest update, open or closed. */
  readonly latest?: Update
  /** Rollouts of its product, in the order in which they are asked. */
  readonly rollouts: readonly RolloutCandidate[]
  /** Their counters. */
  readonly rooms: ReadonlyMap<Serial, Room>
}

export interface Asking {
  /** The protocol that asks. */
  readonly via: string
  readonly now: Millis
  /**
   * `progress`: devices report each step, so one at work is left alone.
   * `silent`: they report nothing, so a newer offer simply takes the older one's place.
   */
  readonly reporting: 'progress' | 'silent'
  /** Protocols whose devices know nothing of groups on this route. */
  readonly ignoreGroup?: boolean
  /** Whether the protocol tells what becomes of an update; default yes. */
  readonly isVerifiable?: boolean
  /** The device asks by itself, where a protocol knows push and pull. */
  readonly pulls?: boolean
  /** Devices of a product with a catalogue choose from it by themselves. */
  readonly choosesFromCatalogue?: boolean
  /** Nothing new is offered for now, as the device itself asks. */
  readonly hold?: Hold
  readonly limits: Pick<CoreLimits, 'retrySeconds'> & Considering['limits']
}

/** What should this device run, and why? Pure: the same answer for the device and for the operator who asks why. */
export function decide(candidates: Candidates, asking: Asking): Decision {
  const { device, open } = candidates
  const offer = candidates.own ?? (asking.ignoreGroup ? undefined : candidates.group)
  if (device.status === 'disabled') return none({ kind: 'disabled' })
  if (asking.choosesFromCatalogue && candidates.product?.distribution === 'catalogue' && !open)
    return none({ kind: 'chooses-itself', product: candidates.product.key })
  const ending = endingOf(candidates, asking)
  if (ending) return ending
  if (open && !offer && open.via === asking.via && candidates.openOffer) return underWay(open, candidates.openOffer)
  if (open && (open.via !== asking.via || mustFinishFirst(open, offer, asking)))
    return none(busy(open, candidates.openVersion), offer)
  return offer ? decideAssigned(candidates, offer, asking) : decideRollouts(candidates, asking)
}

/** Whether the open update is to end, by somebody's will. */
function endingOf(candidates: Candidates, asking: Asking): Decision | undefined {
  const { open } = candidates
  if (!open) return undefined
  if (candidates.openWithdrawn)
    return { kind: 'cancel', update: open, because: { kind: 'withdrawn', version: candidates.openVersion ?? '' } }
  if (open.state === 'cancelling' && open.via === asking.via && asking.reporting === 'progress')
    return { kind: 'cancel', update: open, because: { kind: 'cancelled' } }
  if (open.state !== 'pending' && open.state !== 'offered') return undefined
  const its = candidates.openRollout
  // A stop holds until the rollout is resumed; to finish it changes nothing.
  if (!its?.stop || open.via !== asking.via) return undefined
  const words = its.stop.kind === 'gate' ? its.stop.words : its.stop.reason
  const rollout = { id: its.id, key: its.key }
  return { kind: 'cancel', update: open, because: { kind: 'rollout-stopped', rollout, words } }
}

function decideAssigned(candidates: Candidates, offer: Offer, asking: Asking): Decision {
  const { device, open } = candidates
  const withdrawn = offer.files.find((file) => file.firmware.withdrawn)
  if (withdrawn) return none({ kind: 'withdrawn', version: withdrawn.firmware.version }, offer)
  if (offer.product !== null && offer.product !== device.product)
    return none({ kind: 'other-product', release: offer.version }, offer)
  if (open && offer.release && open.release === offer.release.serial) return underWay(open, offer)
  const frozen = frozenBecause(candidates)
  if (frozen) return none(frozen, offer)
  if (runsAll(candidates, offer.files)) return none({ kind: 'up-to-date', version: offer.version }, offer)
  if (isCalledOff(candidates.latest, offer, asking)) return none({ kind: 'called-off', version: offer.version }, offer)
  const pause = retryPause(candidates.latest, offer, asking)
  if (pause) return none(pause, offer)
  const floor = floorFirst(candidates, offer)
  if (floor?.kind === 'none') return none(floor.because, offer)
  if (floor && open && floor.offer.release && open.release === floor.offer.release.serial)
    return underWay(open, floor.offer)
  if (asking.hold) return none({ kind: 'held-back', by: asking.hold }, offer)
  if (floor) return { kind: 'update', offer: floor.offer, because: floor.because }
  const { source } = offer
  if (source.kind !== 'assignment') return none({ kind: 'nothing-assigned' })
  return {
    kind: 'update',
    offer,
    because: { kind: 'assigned', target: source.target, assignment: source.assignment.id },
  }
}

/** An assignment is an operator's word, but a floor is there because devices break without it. */
function floorFirst(candidates: Candidates, offer: Offer) {
  for (const { firmware } of offer.files) {
    const way = firmware.scope === 'private' ? undefined : wayOf(candidates, firmware)
    if (!way || way.kind === 'direct') continue
    if (way.kind === 'none') return way
    const { release: _, ...rest } = offer
    const { floor, file, release } = way.floor
    const version = file.firmware.version
    const over: Offer = { ...rest, version, files: [file], floor, ...(release && { release }) }
    return { kind: 'floor', offer: over, because: way.because } as const
  }
  return undefined
}

/** The first rollout that has something, in their order; one that makes the device wait bars those behind it. */
function decideRollouts(candidates: Candidates, asking: Asking): Decision {
  const considered: Considered[] = []
  const nothing: NoneBecause = { kind: 'nothing-assigned', ...(candidates.group && { groupIgnored: true }) }
  let first: { readonly because: NoneBecause; readonly offer?: Offer } | undefined
  for (const candidate of candidates.rollouts) {
    const { rollout } = candidate
    const answer = considerRollout(candidate, candidates.rooms.get(rollout.serial), candidates, {
      now: asking.now,
      isVerifiable: asking.isVerifiable ?? true,
      pulls: asking.pulls ?? false,
      limits: asking.limits,
    })
    considered.push({ rollout: { id: rollout.id, key: rollout.key }, because: answer.because })
    if (answer.kind === 'offer') {
      const held = frozenBecause(candidates) ?? (asking.hold && ({ kind: 'held-back', by: asking.hold } as const))
      if (held) return { ...none(held, answer.offer), considered }
      return { kind: 'update', offer: answer.offer, because: answer.because, considered }
    }
    if (!answer.passes) return { ...none(answer.because, answer.offer), considered }
    if (answer.because.kind !== 'not-selected') first ??= answer
  }
  return considered.length === 0 ? none(nothing) : { ...none(first?.because ?? nothing, first?.offer), considered }
}

function underWay(open: Update, offer: Offer): Decision {
  return { kind: 'update', offer, open, because: { kind: 'under-way', update: open.id, state: open.state } }
}

function frozenBecause({ serverFrozen, organisationFrozen }: Candidates): NoneBecause | undefined {
  if (serverFrozen) return { kind: 'frozen', scope: 'server' }
  return organisationFrozen ? { kind: 'frozen', scope: 'organisation' } : undefined
}

function none(because: NoneBecause, offer?: Offer): Decision & { kind: 'none' } {
  return offer ? { kind: 'none', offer, because } : { kind: 'none', because }
}

function busy(open: Update, version: string | undefined): NoneBecause {
  return { kind: 'busy', update: open.id, via: open.via, state: open.state, version: version ?? '' }
}

/** A device that reports its steps and is at work on another release is not disturbed. */
function mustFinishFirst(open: Update, offer: Offer | undefined, asking: Asking): boolean {
  if (asking.reporting === 'silent' || open.release === offer?.release?.serial) return false
  return open.state !== 'pending' && open.state !== 'offered'
}

function assignmentOf(offer: Offer): Assignment | undefined {
  return offer.source.kind === 'assignment' ? offer.source.assignment : undefined
}

/** A cancelled update is not offered again by the assignment that it came from; a newer assignment starts afresh. */
function isCalledOff(latest: Update | undefined, offer: Offer, asking: Asking): boolean {
  if (asking.reporting === 'silent' || latest?.state !== 'cancelled') return false
  return latest.release === offer.release?.serial && latest.createdAt >= (assignmentOf(offer)?.assignedAt ?? 0)
}

/** After a reported failure the same offer waits, twice as long each time; a newer assignment starts afresh. */
function retryPause(latest: Update | undefined, offer: Offer, asking: Asking): NoneBecause | undefined {
  if (asking.reporting === 'silent' || !latest || latest.closedAt === null) return undefined
  if (latest.state !== 'failed' && latest.state !== 'rolled-back') return undefined
  if (latest.createdAt < (assignmentOf(offer)?.assignedAt ?? 0)) return undefined
  if (latest.release !== offer.release?.serial && latest.assignment !== assignmentOf(offer)?.serial) return undefined
  const { retrySeconds, retryMaxSeconds } = asking.limits
  const seconds = Math.min(retryMaxSeconds, retrySeconds * 2 ** Math.min(latest.attempt - 1, 30))
  const until = latest.closedAt + seconds * 1000
  return asking.now < until ? { kind: 'retry-later', until, attempt: latest.attempt, reason: latest.reason } : undefined
}
