import type { Assignment } from '../assignment/assignment.ts'
import type { Serial } from '../common.ts'
import type { Candidates } from '../decide/decide.ts'
import type { Offer } from '../decide/decision.ts'
import type { FirmwareFile } from '../firmware/firmware.ts'
import type { Organisation } from '../organisation/organisation.ts'
import type { Stores } from '../ports.ts'
import type { Product } from '../product/product.ts'
import type { Credential, Device } from './device.ts'

/** Setting that freezes the whole server while it is `on`. */
export const SERVER_FROZEN = 'frozen'

/** All that is known of a device when it calls: enough to authenticate it, decide for it and describe it. */
export interface DeviceFacts extends Candidates {
  readonly organisation: Organisation
  readonly product?: Product
  readonly credentials: readonly Credential[]
}

/** Reads the facts of one device; undefined when it is gone. */
export async function loadDeviceFacts(stores: Stores, serial: Serial): Promise<DeviceFacts | undefined> {
  const device = await stores.devices.find(serial)
  if (!device) return undefined
  const [organisation, product, modules, running, credentials, frozen, own, group, open, latest] = await Promise.all([
    stores.organisations.find(device.organisation),
    device.product === null ? undefined : stores.products.find(device.product),
    device.product === null ? [] : stores.modules.listByProduct(device.product),
    stores.running.listByDevice(serial),
    stores.credentials.listByDevice(serial),
    stores.settings.get(SERVER_FROZEN),
    stores.assignments.findByDevice(serial),
    device.group === null ? undefined : stores.assignments.findByGroup(device.group),
    stores.updates.findOpen(serial),
    stores.updates.findLatest(serial),
  ])
  if (!organisation) return undefined
  const ownOffer = await loadOffer(stores, own, () => stores.assignments.findByDevice(serial))
  const groupOffer = await loadOffer(stores, group, () => stores.assignments.findByGroup(device.group ?? 0))
  const openRelease = open && (await loadReleaseState(stores, open.release))
  return {
    device,
    organisation,
    modules,
    running,
    credentials,
    serverFrozen: frozen === 'on',
    organisationFrozen: organisation.frozen,
    ...(product && { product }),
    ...(ownOffer && { own: ownOffer }),
    ...(groupOffer && { group: groupOffer }),
    ...(open && { open }),
    ...(openRelease && { openVersion: openRelease.version, openWithdrawn: openRelease.withdrawn }),
    ...(latest && { latest }),
  }
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
  if (!release) return undefined
  const files: FirmwareFile[] = []
  for (const serial of release.firmware) {
    const file = await loadFile(stores, serial)
    if (!file) return undefined
    files.push(file)
  }
  return { assignment, target: assignment.device === null ? 'group' : 'device', release, files }
}

/** A firmware with its primary artifact. */
export async function loadFile(stores: Stores, serial: Serial): Promise<FirmwareFile | undefined> {
  const firmware = await stores.firmware.find(serial)
  const [artifact] = firmware ? await stores.artifacts.listByFirmware(serial) : []
  return firmware && artifact ? { firmware, artifact } : undefined
}

async function loadReleaseState(stores: Stores, serial: Serial) {
  const release = await stores.releases.find(serial)
  if (!release) return undefined
  const firmware = await Promise.all(release.firmware.map((one) => stores.firmware.find(one)))
  return { version: release.version, withdrawn: firmware.some((one) => one?.withdrawn) }
}

/** The live credentials of one scheme; during a rotation there are two. */
export function credentialsOf(facts: DeviceFacts, scheme: string, now: number): readonly Credential[] {
  return facts.credentials.filter((one) => one.scheme === scheme && (one.expiresAt === null || now < one.expiresAt))
}

/** The device as the actor of an event. */
export function deviceActor(device: Device) {
  return { kind: 'device', id: device.id, name: device.key } as const
}
