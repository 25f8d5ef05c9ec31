import type { Id, Serial } from './common.ts'
import { decide } from './decide/decide.ts'
import { storeCheckIn } from './device/check-in.ts'
import type { Credential } from './device/device.ts'
import { type DeviceFacts, loadDeviceFacts } from './device/device-facts.ts'
import type { Caller } from './device/device-store.ts'
import { loadGroupFacts } from './device/group-facts.ts'
import type { LastSeen } from './device/last-seen.ts'
import { PollCache } from './device/poll-cache.ts'
import { SerialMemory, TokenMemory } from './device/serial-memory.ts'
import { SharedRows } from './device/shared-rows.ts'
import { createTokenLookup } from './device/token-lookup.ts'
import type { AskOptions, DeviceGateway, DeviceReference, GroupDecision, GroupFacts } from './device-gateway.ts'
import type { FirmwareFile } from './firmware/firmware.ts'
import type { CoreLimits } from './limits.ts'
import type { Ports } from './ports.ts'
import { CurrentRooms } from './rollout/current-rooms.ts'
import { type CommonRollouts, loadPlans, type Plans } from './rollout/load-candidates.ts'
import { loadRoom, type Room } from './rollout/room.ts'
import { createCancelling } from './update/begin-cancel.ts'
import { createNamedReports } from './update/reports/named-reports.ts'
import { createSameImageNotes } from './update/same-image.ts'
import { createUpdateProgress } from './update/update-progress.ts'

/** Largest number of firmware files in one product's catalogue view. */
export const CATALOGUE_LIMIT = 10_000

/** The gateway over the given ports. One per process: it holds the poll caches. */
export function createDeviceGateway(ports: Ports, limits: CoreLimits, lastSeen: LastSeen): DeviceGateway {
  const { storage, clock } = ports
  const deps = { ...ports, limits }
  const devices = new PollCache<DeviceFacts>(storage, limits.pollCacheDevices)
  const catalogues = new PollCache<readonly FirmwareFile[]>(storage, 10_000, 'fleet')
  const rooms = new PollCache<Room>(storage, 10_000, 'rollout')
  const currentRooms = new CurrentRooms((rollout) => rooms.get(rollout))
  const serials = new SerialMemory(limits.pollCacheDevices)
  const rows = new SharedRows()
  const groups = new PollCache<GroupFacts>(storage, 10_000, 'fleet')
  const plans = new PollCache<Plans>(storage, 10_000, 'fleet')
  const groupSerials = new SerialMemory(10_000)
  const tokens = new TokenMemory(limits.pollCacheDevices)

  function facts(serial: Serial): Promise<DeviceFacts | undefined> {
    const held = devices.get(serial)
    if (!held) return loadFacts(serial)
    const current = withRoomsHeld(serial, held)
    return current ? Promise.resolve(current) : withRoomsRead(held)
  }

  /**
   * The counters of its rollouts change with every grant, and everything else that is known of a device does not. The
   * same object as long as nothing changes at all; undefined when counters must be read first.
   */
  function withRoomsHeld(serial: Serial, held: DeviceFacts): DeviceFacts | undefined {
    if (held.rooms.size === 0) return held
    const current = currentRooms.of(held.rooms)
    if (current === undefined || current === held.rooms) return current && held
    const renewed = { ...held, rooms: current }
    devices.renew(serial, renewed)
    return renewed
  }

  async function withRoomsRead(held: DeviceFacts): Promise<DeviceFacts> {
    const current = new Map<Serial, Room>()
    for (const rollout of held.rooms.keys()) {
      const room = rooms.get(rollout) ?? (await loadRoomOf(rollout, held.organisation.serial))
      if (room) current.set(rollout, room)
    }
    return { ...held, rooms: current }
  }

  /** Shared by all devices of a product that are held in memory. */
  async function plansOf(product: Serial): Promise<Plans> {
    const known = plans.get(product)
    if (known) return known
    const loaded = await plans.loadJointly(product, async () => {
      const organisation = (await storage.read.products.find(product))?.organisation
      return organisation === undefined ? undefined : { organisation, value: await loadPlans(storage.read, product) }
    })
    return loaded ?? { rollouts: [], targets: new Map(), floors: [] }
  }

  function loadRoomOf(rollout: Serial, organisation: Serial): Promise<Room | undefined> {
    return rooms.loadJointly(rollout, async () => {
      const value = await loadRoom(storage.read, rollout)
      return value && { organisation, value }
    })
  }

  const common: CommonRollouts = {
    plans: plansOf,
    room: async ({ serial, organisation }) => rooms.get(serial) ?? (await loadRoomOf(serial, organisation)),
  }

  function loadFacts(serial: Serial): Promise<DeviceFacts | undefined> {
    return devices.load(serial, async () => {
      const read = await loadDeviceFacts(storage.read, serial, common)
      if (!read) return undefined
      const value = rows.share({ ...read, rooms: currentRooms.share(read.rooms) })
      return { organisation: value.organisation.serial, value }
    })
  }

  async function groupFacts(serial: Serial): Promise<GroupFacts | undefined> {
    return (
      groups.get(serial) ??
      (await groups.load(serial, async () => {
        const value = await loadGroupFacts(storage.read, serial)
        return value && { organisation: value.organisation.serial, value }
      }))
    )
  }

  /** Every device poll comes through here: what is known costs no further turn of the event queue. */
  function find(reference: DeviceReference): Promise<DeviceFacts | undefined> {
    switch (reference.by) {
      case 'serial':
        return facts(reference.serial)
      case 'id':
        return findById(reference.id)
      case 'token':
        return findByToken(reference)
      case 'name':
        return findByName(reference)
    }
  }

  /** As `find`, of what is held in memory and cannot have changed. */
  function recall(reference: DeviceReference): DeviceFacts | undefined {
    const serial = recallSerial(reference)
    const known = serial === undefined ? undefined : devices.get(serial)
    const held = known && withRoomsHeld(known.device.serial, known)
    if (!held) return undefined
    return reference.by !== 'token' || hasToken(held, reference) ? held : undefined
  }

  function recallSerial(reference: DeviceReference): Serial | undefined {
    switch (reference.by) {
      case 'serial':
        return reference.serial
      case 'id':
        return serials.get(reference.id)
      case 'token':
        return tokens.get(reference.scheme, reference.hash)
      case 'name':
        return undefined
    }
  }

  function hasToken(held: DeviceFacts, { scheme, hash }: TokenReference): boolean {
    const now = clock.now()
    return held.credentials.some(
      (one) => one.scheme === scheme && (one.expiresAt === null || now < one.expiresAt) && isBearer(one, hash),
    )
  }

  async function findById(id: Id): Promise<DeviceFacts | undefined> {
    const known = serials.get(id)
    const held = known === undefined ? undefined : await facts(known)
    if (held) return held
    const device = await storage.read.devices.findByIdOnServer(id)
    if (!device) return undefined
    serials.set(id, device.serial)
    return facts(device.serial)
  }

  async function findByToken(reference: TokenReference): Promise<DeviceFacts | undefined> {
    const { scheme, hash } = reference
    const device = tokens.get(scheme, hash)
    const remembered = device === undefined ? undefined : await facts(device)
    if (remembered && hasToken(remembered, reference)) return remembered
    const credential = await storage.read.credentials.findByHash(scheme, hash)
    if (!credential || credential.device === null) return undefined
    if (credential.expiresAt !== null && clock.now() >= credential.expiresAt) return undefined
    const known = await facts(credential.device)
    const held = known?.credentials.find(({ serial }) => serial === credential.serial)
    tokens.set(scheme, held?.hash ?? hash, credential.device)
    // Made elsewhere a moment ago: it is not among the facts in memory yet.
    return known && !held ? loadFacts(credential.device) : known
  }

  async function identify(reference: TokenReference): Promise<Caller | undefined> {
    const serial = tokens.get(reference.scheme, reference.hash)
    const held = serial === undefined ? undefined : devices.get(serial)
    if (held && hasToken(held, reference)) return held.device
    const owner = await lookUpToken(reference)
    if (!owner || (owner.expiresAt !== null && clock.now() >= owner.expiresAt)) return undefined
    return owner.device
  }

  async function findByName(reference: DeviceReference & { by: 'name' }): Promise<DeviceFacts | undefined> {
    const alias = await storage.read.aliases.find(reference.slot, reference.product, reference.name)
    if (alias) return facts(alias.owner)
    const product = await storage.read.products.find(reference.product)
    const device = product && (await storage.read.devices.findByKey(product.organisation, reference.name))
    const isMeant = device && device.product === reference.product && !(reference.slot in device.aliases)
    return isMeant ? facts(device.serial) : undefined
  }

  async function findGroup(id: Id): Promise<GroupFacts | undefined> {
    const known = groupSerials.get(id)
    const held = known === undefined ? undefined : await groupFacts(known)
    if (held) return held
    const group = await storage.read.groups.findByIdOnServer(id)
    if (!group) return undefined
    groupSerials.set(id, group.serial)
    return groupFacts(group.serial)
  }

  const lookUpToken = createTokenLookup(storage)
  const ask = (known: DeviceFacts, options: AskOptions) => decide(known, { ...options, now: clock.now(), limits })

  /** Library firmware of the device's product, withdrawn ones left out. */
  function library(product: Serial, organisation: Serial): Promise<readonly FirmwareFile[]> {
    const known = catalogues.get(product)
    return known ? Promise.resolve(known) : loadLibrary(product, organisation)
  }

  async function loadLibrary(product: Serial, organisation: Serial): Promise<readonly FirmwareFile[]> {
    const filter = { organisation, product, scope: 'library', withdrawn: false } as const
    const loaded = await catalogues.load(product, async () => {
      const value = await storage.read.firmware.listFiles(filter, { limit: CATALOGUE_LIMIT })
      return { organisation, value }
    })
    return loaded ?? []
  }

  function recallCatalogue(known: DeviceFacts, via: string): readonly FirmwareFile[] | undefined {
    const { device, product, open } = known
    if (!product || device.status === 'disabled' || (open && open.via !== via)) return NO_FILES
    if (product.distribution === 'managed' || known.serverFrozen || known.organisationFrozen) return undefined
    return catalogues.get(product.serial)
  }

  async function catalogue(known: DeviceFacts, via: string): Promise<readonly FirmwareFile[]> {
    const { device, product, open } = known
    const held = recallCatalogue(known, via)
    if (held || !product) return held ?? NO_FILES
    if (product.distribution === 'managed') return managed(known, via)
    const files = await library(product.serial, device.organisation)
    if (!known.serverFrozen && !known.organisationFrozen) return files
    const underWay = new Set(open?.steps.map((step) => step.firmware))
    return files.filter((file) => underWay.has(file.firmware.serial))
  }

  /** To list what a rollout has for a device is to grant it; what it runs already is listed too. */
  async function managed(known: DeviceFacts, via: string): Promise<readonly FirmwareFile[]> {
    const options = { via, reporting: 'silent', isVerifiable: false } as const
    const decision = ask(known, options)
    if (decision.kind === 'cancel' || !decision.offer) return []
    if (decision.kind === 'none' && decision.because.kind !== 'up-to-date') return []
    const isNew = decision.kind === 'update' && !decision.open && decision.offer.source.kind === 'rollout'
    if (isNew && !(await progress.grant(known, options))) return []
    return decision.offer.files.filter((file) => file.firmware.scope === 'library')
  }

  const progress = createUpdateProgress(ports, limits)

  return {
    find,
    recall,
    identify,
    findGroup,
    seen: (device) => lastSeen.note(device, clock.now()),
    checkIn: async (known, checkIn) => {
      lastSeen.note(known.device.serial, clock.now())
      const changed = await storeCheckIn(deps, known, checkIn)
      return changed ? ((await facts(known.device.serial)) ?? known) : known
    },
    decide: ask,
    currentForGroup,
    catalogue,
    recallCatalogue,
    noteSameImage: createSameImageNotes(ports, limits.pollCacheDevices),
    ...progress,
    reportAll: createNamedReports(ports, limits),
    beginCancel: createCancelling(ports, limits),
  }
}

type TokenReference = DeviceReference & { readonly by: 'token' }

const NO_FILES: readonly FirmwareFile[] = []

function isBearer(credential: Credential, hash: string): boolean {
  return credential.hash === hash && credential.sealed === null
}

function currentForGroup(facts: GroupFacts): GroupDecision {
  const { offer } = facts
  if (!offer) return { kind: 'none', because: 'nothing-assigned' }
  if (offer.files.some((file) => file.firmware.withdrawn)) return { kind: 'none', because: 'withdrawn' }
  if (facts.serverFrozen || facts.organisation.frozen) return { kind: 'none', because: 'frozen' }
  return { kind: 'update', offer }
}
