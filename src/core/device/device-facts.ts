import type { Assignment } from '../assignment/assignment.ts'
import type { Serial } from '../common.ts'
import type { Candidates } from '../decide/decide.ts'
import type { Offer } from '../decide/decision.ts'
import type { Organisation } from '../organisation/organisation.ts'
import type { Stores } from '../ports.ts'
import {
  type Asker,
  type CommonRollouts,
  type LoadedRollouts,
  loadCandidates,
  loadFiles,
} from '../rollout/load-candidates.ts'
import type { Rollout } from '../rollout/rollout.ts'
import type { Update, UpdateState } from '../update/update.ts'
import type { Credential, Device } from './device.ts'

/** Setting that freezes the whole server while it is `on`. */
export const SERVER_FROZEN = 'frozen'

/** All that is known of a device when it calls: enough to authenticate it, decide for it and describe it. */
export interface DeviceFacts extends Candidates {
  readonly organisation: Organisation
  readonly credentials: readonly Credential[]
}

/** Reads the facts of one device; undefined when it is gone. `common`: see `loadCandidates`. */
export async function loadDeviceFacts(
  stores: Stores,
  serial: Serial,
  common?: CommonRollouts,
): Promise<DeviceFacts | undefined> {
  const device = await stores.devices.find(serial)
  if (!device) return undefined
  const [organisation, product, modules, running, credentials, frozen, own, group, assigned, underWay, latest] =
    await Promise.all([
      stores.organisations.find(device.organisation),
      device.product === null ? undefined : stores.products.find(device.product),
      device.product === null ? [] : stores.modules.listByProduct(device.product),
      stores.running.listByDevice(serial),
      stores.credentials.listByDevice(serial),
      stores.settings.get(SERVER_FROZEN),
      stores.assignments.findByDevice(serial),
      device.group === null ? undefined : stores.groups.find(device.group),
      device.group === null ? undefined : stores.assignments.findByGroup(device.group),
      stores.updates.findOpen(serial),
      stores.updates.findLatest(serial),
    ])
  if (!organisation) return undefined
  const ownOffer = await loadOffer(stores, own, () => stores.assignments.findByDevice(serial))
  const groupOffer = await loadOffer(stores, assigned, () => stores.assignments.findByGroup(device.group ?? 0))
  const subject = { device, groupKey: group?.key ?? null, modules, running, ...(product && { product }) }
  const candidates = await loadCandidates(stores, subject, common)
  const openRollout = underWay && (await loadOpenRollout(stores, underWay, candidates))
  const open = underWay && withoutDeleted(underWay, openRollout)
  const openRelease = open && (await loadOpenRelease(stores, open))
  const mayOffer = ownOffer !== undefined || groupOffer !== undefined || candidates.rollouts.length > 0
  return {
    ...subject,
    organisation,
    credentials,
    serverFrozen: frozen === 'on',
    organisationFrozen: organisation.frozen,
    ...(ownOffer && { own: ownOffer }),
    ...(groupOffer && { group: groupOffer }),
    ...(open && { open }),
    ...openRelease,
    ...(openRollout && { openRollout }),
    ...(latest && { latest }),
    ...candidates,
    ...(mayOffer ? await loadGuards(stores, subject, latest) : NO_GUARDS),
  }
}

const NO_GUARDS: Guards = { sequences: new Map(), recent: [] }

type Guards = Pick<DeviceFacts, 'sequences' | 'recent'>

/** What guards ask, read only where there is something to guard. */
async function loadGuards(stores: Stores, { device, running }: Asker, latest: Update | undefined): Promise<Guards> {
  const sequences = new Map<Serial, number>()
  for (const { module, version } of running) {
    const known = await stores.firmware.findByVersion(device.organisation, module, version)
    if (known && known.sequence !== null) sequences.set(module, known.sequence)
  }
  // An update that was called off says nothing of those before it.
  const isBad = latest !== undefined && PASSED_OVER.has(latest.state)
  const filter = { organisation: device.organisation, device: device.serial }
  const recent = isBad ? await stores.updates.list(filter, { limit: RECENT, order: 'desc' }) : latest ? [latest] : []
  return { sequences, recent }
}

/** States of the newest update behind which there may be failures in a row. */
const PASSED_OVER: ReadonlySet<UpdateState> = new Set(['failed', 'rolled-back', 'cancelled', 'superseded'])

/** Updates that the penalty box looks back on. */
export const RECENT = 20

/** What an open update is about; undefined when a part of it is gone. */
export async function loadOpenRelease(
  stores: Stores,
  open: Pick<Update, 'release' | 'rollout'>,
): Promise<Pick<DeviceFacts, 'openVersion' | 'openWithdrawn' | 'openOffer'> | undefined> {
  const release = await stores.releases.find(open.release)
  const files = release && (await loadFiles(stores, release))
  if (!release || !files) return undefined
  const openOffer: Offer | undefined =
    open.rollout === null
      ? undefined
      : {
          source: { kind: 'rollout', rollout: open.rollout, stage: 0 },
          version: release.version,
          product: release.product,
          release,
          files,
        }
  return {
    openVersion: release.version,
    openWithdrawn: files.some(({ firmware }) => firmware.withdrawn),
    ...(openOffer && { openOffer }),
  }
}

/** The rollout of an open update: mostly one that the device may meet anyway, but it may have ended, or be of another product. */
async function loadOpenRollout(
  stores: Stores,
  { rollout: serial }: Update,
  { rollouts }: LoadedRollouts,
): Promise<Rollout | undefined> {
  if (serial === null) return undefined
  return rollouts.find(({ rollout }) => rollout.serial === serial)?.rollout ?? stores.rollouts.find(serial)
}

/** The mark of a deleted rollout goes in the background. */
function withoutDeleted(open: Update, rollout: Rollout | undefined): Update {
  return open.rollout === null || rollout ? open : { ...open, rollout: null }
}

/** Replacements of an assignment during one read of it; more, and the target counts as having none. */
const REPLACEMENTS = 20

/**
 * An assignment with its release and files. Where reads see each other's commits, the release may be replaced and gone
 * before it is read: then `again` says what the assignment is now. undefined when there is none, or a part of it is
 * gone for good.
 */
export async function loadOffer(
  stores: Stores,
  assignment: Assignment | undefined,
  again: () => Promise<Assignment | undefined>,
): Promise<Offer | undefined> {
  let current = assignment
  for (let read = 0; current && read < REPLACEMENTS; read++) {
    const offer = await assembleOffer(stores, current)
    if (offer) return offer
    const { release } = current
    current = await again()
    if (current?.release === release) return undefined
  }
  return undefined
}

async function assembleOffer(stores: Stores, assignment: Assignment): Promise<Offer | undefined> {
  const release = await stores.releases.find(assignment.release)
  const files = release && (await loadFiles(stores, release))
  if (!release || !files) return undefined
  const target = assignment.device === null ? 'group' : 'device'
  const source = { kind: 'assignment', assignment, target } as const
  return { source, version: release.version, product: release.product, release, files }
}

/** The live credentials of one scheme; during a rotation there are two. */
export function credentialsOf(facts: DeviceFacts, scheme: string, now: number): readonly Credential[] {
  return facts.credentials.filter((one) => one.scheme === scheme && (one.expiresAt === null || now < one.expiresAt))
}

/** The device as the actor of an event. */
export function deviceActor(device: Pick<Device, 'id' | 'key'>) {
  return { kind: 'device', id: device.id, name: device.key } as const
}
