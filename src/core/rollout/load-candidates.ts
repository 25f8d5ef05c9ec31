import type { Serial } from '../common.ts'
import { explainMismatch } from '../filter/explain-mismatch.ts'
import { filterSubject } from '../filter/filter-subject.ts'
import { matchesFilter } from '../filter/matches-filter.ts'
import type { FirmwareFile } from '../firmware/firmware.ts'
import { loadFile } from '../firmware/load-file.ts'
import type { FloorFile } from '../floor/floor-file.ts'
import type { Stores } from '../ports.ts'
import type { Release } from '../release/release.ts'
import type { Update } from '../update/update.ts'
import type { RolloutCandidate, RolloutTarget } from './candidate.ts'
import type { RolloutMember } from './member.ts'
import { byRank, type Rollout } from './rollout.ts'
import { loadRoom, type Room } from './room.ts'
import type { Subject } from './subject.ts'

/**
 * Rollouts that a device of one product may meet: so many of those that are for all of its devices, and so many of those
 * that name the device. The limits of `CoreLimits` are no higher.
 */
export const OFFERING = { live: 1_000, stopped: 10 } as const

/** What a device is, before its rollouts are looked at. */
export type Asker = Pick<Subject, 'device' | 'groupKey' | 'product' | 'modules' | 'running'>

export interface LoadedRollouts {
  readonly rollouts: readonly RolloutCandidate[]
  readonly rooms: ReadonlyMap<Serial, Room>
  /** Of the product. */
  readonly floors: readonly FloorFile[]
}

const NOTHING: LoadedRollouts = { rollouts: [], rooms: new Map(), floors: [] }

/** What is the same for every device of a product; rollouts that name their devices are not among it. */
export interface Plans {
  readonly rollouts: readonly Rollout[]
  /** What each release holds, by serial. */
  readonly targets: ReadonlyMap<Serial, RolloutTarget>
  readonly floors: readonly FloorFile[]
}

/** Reads the plans of a product; with `OFFERING` it is what its devices may meet. */
export async function loadPlans(stores: Stores, product: Serial): Promise<Plans> {
  const rollouts = await stores.rollouts.listOffering(product, OFFERING)
  return { rollouts, targets: await loadTargets(stores, rollouts), floors: await loadFloors(stores, product) }
}

async function loadTargets(
  stores: Stores,
  rollouts: readonly Rollout[],
  known: Plans['targets'] = new Map(),
): Promise<Plans['targets']> {
  const targets = new Map(known)
  for (const { release, undoes } of rollouts)
    if (undoes === null && !targets.has(release)) targets.set(release, await loadTarget(stores, release))
  return targets
}

/** The floors of a product, with what is handed out to reach them. */
export async function loadFloors(stores: Stores, product: Serial): Promise<FloorFile[]> {
  const found: FloorFile[] = []
  for (const floor of await stores.floors.listByProduct(product)) {
    const file = await loadFile(stores, floor.firmware)
    const release = await stores.releases.findSilent(floor.firmware)
    if (file) found.push({ floor, file, ...(release && { release }) })
  }
  return found
}

/** Where what many devices have in common comes from: the stores, or a memory of what they said. */
export interface CommonRollouts {
  plans(product: Serial): Promise<Plans>
  /** Counters; undefined when the rollout is gone. */
  room(rollout: Rollout): Promise<Room | undefined>
}

/** Read afresh each time. */
function fromStores(stores: Stores): CommonRollouts {
  return {
    plans: (product) => loadPlans(stores, product),
    room: ({ serial }) => loadRoom(stores, serial),
  }
}

/**
 * The rollouts of a device's product, with what each has for this device; counters only of those that may grant.
 */
export async function loadCandidates(
  stores: Stores,
  asker: Asker,
  common: CommonRollouts = fromStores(stores),
): Promise<LoadedRollouts> {
  const { device, product } = asker
  if (!product) return NOTHING
  const [shared, naming] = await Promise.all([
    common.plans(product.serial),
    stores.rollouts.listNaming(product.serial, device, OFFERING),
  ])
  const { floors } = shared
  const found = naming.length === 0 ? shared.rollouts : [...shared.rollouts, ...naming].sort(byRank)
  if (found.length === 0) return { ...NOTHING, floors }
  const targets = await loadTargets(stores, naming, shared.targets)
  const undone = found.flatMap(({ undoes }) => (undoes === null ? [] : [undoes]))
  const members = await stores.rolloutMembers.listByDevice(device.serial, [
    ...new Set([...found.map((one) => one.serial), ...undone]),
  ])
  const rollouts: RolloutCandidate[] = []
  const rooms = new Map<Serial, Room>()
  for (const rollout of found) {
    const candidate = await loadCandidate(stores, { asker, rollout, members, targets })
    rollouts.push(candidate)
    const room = candidate.target.kind === 'files' ? await common.room(rollout) : undefined
    if (room) rooms.set(rollout.serial, room)
  }
  return { rollouts, rooms, floors }
}

interface Loading {
  readonly asker: Asker
  readonly rollout: Rollout
  readonly members: readonly RolloutMember[]
  readonly targets: Plans['targets']
}

async function loadCandidate(stores: Stores, loading: Loading): Promise<RolloutCandidate> {
  const { asker, rollout, members, targets } = loading
  const member = members.find((one) => one.rollout === rollout.serial)
  const before = members.find((one) => one.rollout === rollout.undoes)
  const candidate = candidateWith(rollout, asker, { member, before })
  if (!isMeant(candidate)) return candidate
  const target = before
    ? await loadPrevious(stores, rollout, before)
    : (targets.get(rollout.release) ?? { kind: 'unknown' as const })
  return { ...candidate, target }
}

/** A device in the rollout that asks it, and in the one that this takes back. */
export interface Memberships {
  readonly member: RolloutMember | undefined
  readonly before: RolloutMember | undefined
}

/** A rollout and whether it is meant for a device; what it has for the device is not looked up yet. Pure. */
export function candidateWith(rollout: Rollout, asker: Asker, memberships: Memberships): RolloutCandidate {
  const { member } = memberships
  const reason = whyNot(rollout, asker, memberships)
  const selected = reason === undefined || reason === SNAPSHOT ? SELECTED : { is: false as const, reason }
  const isTaking = reason === SNAPSHOT
  return { rollout, ...(member && { member }), selected, ...(isTaking && { isTaking }), target: NOT_LOOKED_UP }
}

const SELECTED: RolloutCandidate['selected'] = { is: true }
const NOT_LOOKED_UP: RolloutTarget = { kind: 'none' }

/** Whether what the rollout has for the device is to be looked up. */
export function isMeant({ selected, isTaking }: RolloutCandidate): boolean {
  return selected.is && !isTaking
}

/** The list of members is not complete yet. */
const SNAPSHOT = ''

/** Why a rollout is not meant for a device, in words; undefined when it is. */
function whyNot(rollout: Rollout, asker: Asker, { member, before }: Memberships): string | undefined {
  if (rollout.undoes !== null) {
    if (before?.state === 'succeeded' || before?.state === 'delivered') return undefined
    return 'it was not updated by the rollout that is taken back'
  }
  if (rollout.membership === 'snapshot' && !member)
    return rollout.snapshot.kind === 'taking'
      ? SNAPSHOT
      : 'it was not among the devices that were selected when the rollout was made'
  if (rollout.membership === 'snapshot') return undefined
  return mismatch(rollout, asker)
}

/** Why the selection of a rollout leaves a device out. */
export function mismatch({ selection }: Pick<Rollout, 'selection'>, asker: Asker): string | undefined {
  if (selection.reportingOnly && asker.running.length === 0) return 'it never said what it runs'
  const group = asker.groupKey === null ? undefined : { key: asker.groupKey }
  const subject = filterSubject({ ...asker, group })
  if (matchesFilter(selection.filter, subject)) return undefined
  return explainMismatch(selection.filter, subject) ?? 'the selection leaves it out'
}

/** What a rollout of a release has for every device. */
export async function loadTarget(stores: Stores, serial: Serial): Promise<RolloutTarget> {
  const release = await stores.releases.find(serial)
  if (!release) return { kind: 'unknown' }
  const files = await loadFiles(stores, release)
  return files ? { kind: 'files', version: release.version, release, files } : { kind: 'unknown' }
}

/** The release's files, one per module; undefined when a part of it is gone. */
export async function loadFiles(stores: Stores, release: Release): Promise<FirmwareFile[] | undefined> {
  const files: FirmwareFile[] = []
  for (const serial of release.firmware) {
    const file = await loadFile(stores, serial)
    if (!file) return undefined
    files.push(file)
  }
  return files
}

/** What the device ran before the rollout that is taken back. */
async function loadPrevious(stores: Stores, rollout: Rollout, before: RolloutMember): Promise<RolloutTarget> {
  return previousOf(stores, rollout, before.update === null ? undefined : await stores.updates.find(before.update))
}

/** What a device ran before an update, as an undo would return it; the same for every update of the same steps. */
export async function previousOf(
  stores: Stores,
  rollout: Pick<Rollout, 'organisation' | 'product'>,
  update: Pick<Update, 'steps'> | undefined,
): Promise<RolloutTarget> {
  if (!update || update.steps.length === 0) return { kind: 'unknown' }
  const files: FirmwareFile[] = []
  for (const { firmware: serial, from } of update.steps) {
    if (from === null) return { kind: 'unknown' }
    const now = await stores.firmware.find(serial)
    const module = now?.module ?? (await primaryOf(stores, rollout.product))
    const previous = module && (await stores.firmware.findByVersion(rollout.organisation, module, from))
    const file = previous && !previous.withdrawn ? await loadFile(stores, previous.serial) : undefined
    if (!file) return { kind: 'missing', version: from }
    files.push(file)
  }
  const [only] = files
  const release = files.length === 1 && only ? await stores.releases.findSilent(only.firmware.serial) : undefined
  const version = files.map(({ firmware }) => firmware.version).join(' + ')
  return { kind: 'files', version, ...(release && { release }), files, undone: update.steps }
}

async function primaryOf(stores: Stores, product: Serial): Promise<Serial | undefined> {
  return (await stores.modules.listByProduct(product)).find((module) => module.isPrimary)?.serial
}
