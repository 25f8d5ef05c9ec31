import type { Assignment } from '../../assignment/assignment.ts'
import type { Serial } from '../../common.ts'
import type { Candidates } from '../../decide/decide.ts'
import type { Offer } from '../../decide/decision.ts'
import { loadOpenRelease, RECENT } from '../../device/device-facts.ts'
import type { DeviceVersions } from '../../device/device-store.ts'
import type { FloorFile } from '../../floor/floor-file.ts'
import type { Stores } from '../../ports.ts'
import type { Module, Product } from '../../product/product.ts'
import { isOpen, type Update } from '../../update/update.ts'
import { loadFiles, loadFloors } from '../load-candidates.ts'
import { Memo } from './memo.ts'

/** What all devices of one product share. */
export interface Ground {
  readonly product: Product
  readonly modules: readonly Module[]
  readonly floors: readonly FloorFile[]
}

/** A device without its rollouts. */
export interface DeviceGround {
  readonly candidates: Omit<Candidates, 'rollouts' | 'rooms'>
  readonly schemes: readonly string[]
}

/** Things that are remembered while a fleet is gone through. */
const REMEMBERED = 10_000

/** undefined when the product is gone. */
export async function loadGround(stores: Stores, product: Serial): Promise<Ground | undefined> {
  const found = await stores.products.find(product)
  if (!found) return undefined
  const modules = await stores.modules.listByProduct(product)
  return { product: found, modules, floors: await loadFloors(stores, product) }
}

/**
 * Reads what a decision needs to know of many devices, in a handful of statements for each batch; as `loadDeviceFacts`
 * does for one, but for rollouts and for freezing, which a plan looks past. Keeps a bounded memory of what devices share.
 */
export class KnownDevices {
  readonly #stores: Stores
  readonly #groupKeys: Memo<Serial, string | null>
  readonly #sequences: Memo<string, number | null>
  readonly #offers: Memo<Serial, Shipment | undefined>
  readonly #openReleases: Memo<string, Awaited<ReturnType<typeof loadOpenRelease>>>

  constructor(stores: Stores) {
    this.#stores = stores
    this.#groupKeys = new Memo(REMEMBERED, async (group) => (await stores.groups.find(group))?.key ?? null)
    this.#sequences = new Memo(REMEMBERED, async (name) => {
      const [organisation, module, version] = JSON.parse(name) as [Serial, Serial, string]
      return (await stores.firmware.findByVersion(organisation, module, version))?.sequence ?? null
    })
    this.#offers = new Memo(REMEMBERED, (release) => loadShipment(stores, release))
    this.#openReleases = new Memo(REMEMBERED, (name) => {
      const [release, rollout] = JSON.parse(name) as [Serial, Serial | null]
      return loadOpenRelease(stores, { release, rollout })
    })
  }

  /** In the order of the batch. `ground`: of their product. */
  async read(batch: readonly DeviceVersions[], ground: Ground | undefined): Promise<DeviceGround[]> {
    const devices = batch.map(({ device }) => device.serial)
    const groups = [...new Set(batch.flatMap(({ device }) => device.group ?? []))]
    const [latest, assignments, schemes] = await Promise.all([
      this.#stores.updates.listLatest(devices),
      this.#stores.assignments.listByTargets({ devices, groups }),
      this.#stores.credentials.listSchemes(devices),
    ])
    const byDevice = {
      latest: new Map(latest.map((update) => [update.device, update])),
      schemes: Map.groupBy(schemes, ({ device }) => device),
      own: new Map(assignments.flatMap((one) => (one.device === null ? [] : [[one.device, one] as const]))),
      group: new Map(assignments.flatMap((one) => (one.group === null ? [] : [[one.group, one] as const]))),
    }
    const known: DeviceGround[] = []
    for (const facts of batch) {
      const { serial, group } = facts.device
      const assigned = { own: byDevice.own.get(serial), group: group === null ? undefined : byDevice.group.get(group) }
      const candidates = await this.#candidates(facts, ground, { assigned, latest: byDevice.latest.get(serial) })
      known.push({ candidates, schemes: (byDevice.schemes.get(serial) ?? []).map(({ scheme }) => scheme) })
    }
    return known
  }

  async #candidates(
    { device, running }: DeviceVersions,
    ground: Ground | undefined,
    of: {
      assigned: { own: Assignment | undefined; group: Assignment | undefined }
      latest: Update | undefined
    },
  ): Promise<DeviceGround['candidates']> {
    const { latest, assigned } = of
    const own = assigned.own && (await this.#offer(assigned.own))
    const group = assigned.group && (await this.#offer(assigned.group))
    const open = latest && isOpen(latest.state) ? latest : undefined
    return {
      device,
      groupKey: device.group === null ? null : await this.#groupKeys.get(device.group),
      modules: ground?.modules ?? [],
      running,
      floors: ground?.floors ?? [],
      sequences: await this.#sequencesOf({ device, running }),
      recent: await this.#recent(latest),
      serverFrozen: false,
      organisationFrozen: false,
      ...(ground && { product: ground.product }),
      ...(own && { own }),
      ...(group && { group }),
      ...(latest && { latest }),
      ...(open && { open, ...(await this.#openReleases.get(JSON.stringify([open.release, open.rollout]))) }),
    }
  }

  async #sequencesOf({ device, running }: DeviceVersions): Promise<Map<Serial, number>> {
    const sequences = new Map<Serial, number>()
    for (const { module, version } of running) {
      const sequence = await this.#sequences.get(JSON.stringify([device.organisation, module, version]))
      if (sequence !== null) sequences.set(module, sequence)
    }
    return sequences
  }

  /** Only after a failure is there anything to look back on. */
  async #recent(latest: Update | undefined): Promise<readonly Update[]> {
    if (latest?.state !== 'failed' && latest?.state !== 'rolled-back') return latest ? [latest] : []
    const filter = { organisation: latest.organisation, device: latest.device }
    return this.#stores.updates.list(filter, { limit: RECENT, order: 'desc' })
  }

  /** The files of a release are read once; the assignment is each target's own. */
  async #offer(assignment: Assignment): Promise<Offer | undefined> {
    const target = assignment.device === null ? 'group' : 'device'
    const shipment = await this.#offers.get(assignment.release)
    return shipment && { ...shipment, source: { kind: 'assignment', assignment, target } }
  }
}

type Shipment = Omit<Offer, 'source'>

async function loadShipment(stores: Stores, serial: Serial): Promise<Shipment | undefined> {
  const release = await stores.releases.find(serial)
  const files = release && (await loadFiles(stores, release))
  return release && files && { version: release.version, product: release.product, release, files }
}
