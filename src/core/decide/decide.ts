import type { Millis } from '../common.ts'
import type { Device, RunningVersion } from '../device/device.ts'
import type { CoreLimits } from '../limits.ts'
import type { Module } from '../product/product.ts'
import type { Update } from '../update/update.ts'
import type { Decision, Hold, NoneBecause, Offer } from './decision.ts'

/** Everything that a decision may depend on; gathered by the gateway, never fetched here. */
export interface Candidates {
  readonly device: Device
  readonly modules: readonly Module[]
  readonly running: readonly RunningVersion[]
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
  /** The newest update, open or closed. */
  readonly latest?: Update
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
  /** Nothing new is offered for now, as the device itself asks. */
  readonly hold?: Hold
  readonly limits: Pick<CoreLimits, 'retrySeconds' | 'retryMaxSeconds'>
}

/** What should this device run, and why? Pure: the same answer for the device and for the operator who asks why. */
export function decide(candidates: Candidates, asking: Asking): Decision {
  const { device, open } = candidates
  const offer = candidates.own ?? (asking.ignoreGroup ? undefined : candidates.group)
  if (device.status === 'disabled') return none({ kind: 'disabled' })
  if (open && candidates.openWithdrawn)
    return { kind: 'cancel', update: open, because: { kind: 'withdrawn', version: candidates.openVersion ?? '' } }
  if (open?.state === 'cancelling' && open.via === asking.via && asking.reporting === 'progress')
    return { kind: 'cancel', update: open, because: { kind: 'cancelled' } }
  if (open && (open.via !== asking.via || mustFinishFirst(open, offer, asking)))
    return none(busy(open, candidates.openVersion), offer)
  if (!offer) return none({ kind: 'nothing-assigned', ...(candidates.group && { groupIgnored: true }) })

  const withdrawn = offer.files.find((file) => file.firmware.withdrawn)
  if (withdrawn) return none({ kind: 'withdrawn', version: withdrawn.firmware.version }, offer)
  if (offer.release.product !== null && offer.release.product !== device.product)
    return none({ kind: 'other-product', release: offer.release.version }, offer)
  if (open && open.release === offer.release.serial)
    return { kind: 'update', offer, open, because: { kind: 'under-way', update: open.id, state: open.state } }
  if (candidates.serverFrozen) return none({ kind: 'frozen', scope: 'server' }, offer)
  if (candidates.organisationFrozen) return none({ kind: 'frozen', scope: 'organisation' }, offer)
  if (runsAlready(candidates, offer)) return none({ kind: 'up-to-date', version: offer.release.version }, offer)

  if (isCalledOff(candidates.latest, offer, asking))
    return none({ kind: 'called-off', version: offer.release.version }, offer)
  const pause = retryPause(candidates.latest, offer, asking)
  if (pause) return none(pause, offer)
  if (asking.hold) return none({ kind: 'held-back', by: asking.hold }, offer)
  return {
    kind: 'update',
    offer,
    because: { kind: 'assigned', target: offer.target, assignment: offer.assignment.id },
  }
}

function none(because: NoneBecause, offer?: Offer): Decision {
  return offer ? { kind: 'none', offer, because } : { kind: 'none', because }
}

function busy(open: Update, version: string | undefined): NoneBecause {
  return { kind: 'busy', update: open.id, via: open.via, state: open.state, version: version ?? '' }
}

/** A device that reports its steps and is at work on another release is not disturbed. */
function mustFinishFirst(open: Update, offer: Offer | undefined, asking: Asking): boolean {
  if (asking.reporting === 'silent' || open.release === offer?.release.serial) return false
  return open.state !== 'pending' && open.state !== 'offered'
}

function runsAlready(candidates: Candidates, offer: Offer): boolean {
  const primary = candidates.modules.find((module) => module.isPrimary)?.serial
  return offer.files.every(({ firmware }) => {
    const module = firmware.module ?? primary
    return candidates.running.some((row) => row.module === module && row.version === firmware.version)
  })
}

/** A cancelled update is not offered again by the assignment that it came from; a newer assignment starts afresh. */
function isCalledOff(latest: Update | undefined, offer: Offer, asking: Asking): boolean {
  if (asking.reporting === 'silent' || latest?.state !== 'cancelled') return false
  return latest.release === offer.release.serial && latest.createdAt >= offer.assignment.assignedAt
}

/** After a reported failure the same offer waits, twice as long each time; a newer assignment starts afresh. */
function retryPause(latest: Update | undefined, offer: Offer, asking: Asking): NoneBecause | undefined {
  if (asking.reporting === 'silent' || !latest || latest.closedAt === null) return undefined
  if (latest.state !== 'failed' && latest.state !== 'rolled-back') return undefined
  if (latest.release !== offer.release.serial || latest.createdAt < offer.assignment.assignedAt) return undefined
  const { retrySeconds, retryMaxSeconds } = asking.limits
  const seconds = Math.min(retryMaxSeconds, retrySeconds * 2 ** Math.min(latest.attempt - 1, 30))
  const until = latest.closedAt + seconds * 1000
  return asking.now < until ? { kind: 'retry-later', until, attempt: latest.attempt, reason: latest.reason } : undefined
}
