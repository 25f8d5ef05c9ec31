import type { Assignment } from '../assignment/assignment.ts'
import { BoundedMap } from '../bounded-map.ts'
import type { Serial } from '../common.ts'
import type { Offer, OfferSource } from '../decide/decision.ts'
import type { Artifact, Firmware, FirmwareFile } from '../firmware/firmware.ts'
import type { Release } from '../release/release.ts'
import type { RolloutCandidate } from '../rollout/candidate.ts'
import type { Rollout } from '../rollout/rollout.ts'
import { ListPool, Pool } from './pool.ts'
import { sharedRow } from './shared-row.ts'

/** Rows of each kind that are remembered. */
const CAPACITY = 10_000
/** Reasons why a rollout is not for a device; of each rollout. */
const REASONS = 100

/** Lets many devices share what a release, an assignment of their group and the rollouts of their product have for them. */
export class SharedOffers {
  readonly #releases = new BoundedMap<Serial, Release>(CAPACITY)
  readonly #firmware = new BoundedMap<Serial, Firmware>(CAPACITY)
  readonly #artifacts = new BoundedMap<Serial, Artifact>(CAPACITY)
  readonly #assignments = new BoundedMap<Serial, Assignment>(CAPACITY)
  readonly #files = new BoundedMap<Serial, FirmwareFile>(CAPACITY)
  readonly #fileLists = new ListPool<FirmwareFile>(CAPACITY)
  readonly #offers = new BoundedMap<string, Offer>(CAPACITY)
  /** By their rollout, which lives as long as it is held, and why it is not for the device. */
  readonly #candidates = new WeakMap<Rollout, Pool<RolloutCandidate>>()
  readonly #candidateLists = new ListPool<RolloutCandidate>(CAPACITY)

  /** `isOwn`: of one device alone, so that only its parts are shared. */
  offer(offer: Offer, isOwn: boolean): Offer {
    const release = offer.release && sharedRow(this.#releases, offer.release)
    const files = this.#fileLists.share(
      release?.serial ?? 0,
      offer.files.map((file) => this.#file(file)),
    )
    const shared: Offer = { ...offer, ...(release && { release }), files, source: this.#source(offer, isOwn) }
    const name = isOwn || offer.floor ? undefined : nameOf(shared)
    if (name === undefined) return shared
    const known = this.#offers.get(name)
    if (known?.files === files && known.release === release && isSaidAlike(known, shared)) return known
    this.#offers.set(name, shared)
    return shared
  }

  /** In the same order. Those in which the device is something special stay its own. */
  candidates(product: Serial, candidates: readonly RolloutCandidate[]): readonly RolloutCandidate[] {
    return this.#candidateLists.share(
      product,
      candidates.map((one) => this.#candidate(one)),
    )
  }

  #candidate(candidate: RolloutCandidate): RolloutCandidate {
    const { rollout, selected, member, isTaking, target } = candidate
    if (member || isTaking) return candidate
    const pool = this.#candidates.get(rollout) ?? new Pool(REASONS)
    this.#candidates.set(rollout, pool)
    const shared = pool.share(selected.is ? 'selected' : `not: ${selected.reason}`, candidate)
    return shared.target === target ? shared : candidate
  }

  #source({ source }: Offer, isOwn: boolean): Offer['source'] {
    if (source.kind === 'rollout' || isOwn) return source
    return { ...source, assignment: sharedRow(this.#assignments, source.assignment) }
  }

  #file({ firmware: read, artifact: itsArtifact }: FirmwareFile): FirmwareFile {
    const [firmware, artifact] = [sharedRow(this.#firmware, read), sharedRow(this.#artifacts, itsArtifact)]
    const known = this.#files.get(artifact.serial)
    if (known?.firmware === firmware && known.artifact === artifact) return known
    const file = { firmware, artifact }
    this.#files.set(artifact.serial, file)
    return file
  }
}

/** Of what it is about; see `isSaidAlike`. */
function nameOf({ source, release }: Offer): string {
  const from = source.kind === 'rollout' ? `r${source.rollout}` : `a${source.assignment.serial}`
  return `${from} ${release?.serial}`
}

/** Whether two offers of one name and of the same files are the same. */
function isSaidAlike(known: Offer, offer: Offer): boolean {
  return known.version === offer.version && known.product === offer.product && isSame(known.source, offer.source)
}

function isSame(one: OfferSource, other: OfferSource): boolean {
  if (one.kind === 'rollout') return other.kind === 'rollout' && one.stage === other.stage
  return other.kind === 'assignment' && one.assignment === other.assignment && one.target === other.target
}
