import type { Serial } from '../../common.ts'
import type { Device, RunningVersion } from '../../device/device.ts'
import type { AskStyle } from '../../device-gateway.ts'
import type { Stores } from '../../ports.ts'
import type { ServiceDeps } from '../../service.ts'
import { KnownDevices } from '../plan/known-devices.ts'
import { PreviewLane } from './preview-lane.ts'
import type { RolloutOffer } from './preview-start.ts'
import { Starts } from './starts.ts'

/** A device as it is and as it would be. */
export interface DeviceChange {
  readonly before: Device
  readonly after: Device
}

export interface PreviewOptions {
  /** How each protocol's devices ask, by scheme. */
  readonly styles: Readonly<Record<string, AskStyle>>
  /** Only starts by these rollouts count, by id; absent: by any. */
  readonly only?: ReadonlySet<string>
}

/** Devices looked at at once. */
const BATCH = 500

/**
 * Which updates of running rollouts a change of devices would start that would not start without it, gathered into
 * `starts`. Nothing is read where no rollout of their products runs.
 */
export async function previewStarts(
  deps: Pick<ServiceDeps, 'clock' | 'limits'>,
  stores: Stores,
  changes: readonly DeviceChange[],
  options: PreviewOptions & { readonly starts?: Starts },
): Promise<Starts> {
  const starts = options.starts ?? new Starts()
  const lanes = new Lanes(deps, stores, options)
  const relevant = changes.filter(({ before, after }) => seen(before) !== seen(after))
  for (let from = 0; from < relevant.length; from += BATCH) {
    const batch = relevant.slice(from, from + BATCH)
    const then = await lanes.offers(batch.map(({ after }) => after))
    const begun = batch.filter((_, index) => isOf(then[index], options))
    if (begun.length === 0) continue
    const now = await lanes.offers(begun.map(({ before }) => before))
    const offers = then.filter((offer) => isOf(offer, options))
    for (const [index, { after }] of begun.entries()) {
      const offer = offers[index]
      if (offer && now[index]?.rollout.id !== offer.rollout.id) starts.add({ device: after, offer })
    }
  }
  return starts
}

function isOf(offer: RolloutOffer | undefined, { only }: PreviewOptions): boolean {
  return offer !== undefined && (only === undefined || only.has(offer.rollout.id))
}

/** All that a rollout can see of a device and an operator can change. */
function seen({ key, name, product, group, status, tags, attributes }: Device): string {
  return JSON.stringify([key, name, product, group, status, sorted(tags), sorted(attributes)])
}

function sorted(labels: Device['tags']): Array<[string, string]> {
  return Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))
}

/** A lane for each product, opened when it is first needed. */
class Lanes {
  readonly #stores: Stores
  readonly #devices: KnownDevices
  readonly #how: Parameters<typeof PreviewLane.open>[2]['how']
  readonly #lanes = new Map<Serial, Promise<PreviewLane | undefined>>()

  constructor({ clock, limits }: Pick<ServiceDeps, 'clock' | 'limits'>, stores: Stores, { styles }: PreviewOptions) {
    this.#stores = stores
    this.#devices = new KnownDevices(stores)
    this.#how = { now: clock.now(), limits, styles }
  }

  /** What each of these devices, of whatever products, would get from a rollout. */
  async offers(devices: readonly Device[]): Promise<Array<RolloutOffer | undefined>> {
    const offers = new Array<RolloutOffer | undefined>(devices.length).fill(undefined)
    const byProduct = Map.groupBy(devices.entries(), ([, { product }]) => product)
    for (const [product, entries] of byProduct) {
      const lane = product === null ? undefined : await this.#lane(product)
      if (!lane) continue
      const running = await this.#running(entries.map(([, { serial }]) => serial))
      const batch = entries.map(([, device]) => ({ device, running: running.get(device.serial) ?? [] }))
      for (const [at, offer] of (await lane.offers(batch)).entries()) {
        const index = entries[at]?.[0]
        if (index !== undefined) offers[index] = offer
      }
    }
    return offers
  }

  #lane(product: Serial): Promise<PreviewLane | undefined> {
    const known = this.#lanes.get(product)
    if (known) return known
    const opening = PreviewLane.open(this.#stores, product, { devices: this.#devices, how: this.#how })
    this.#lanes.set(product, opening)
    return opening
  }

  async #running(devices: readonly Serial[]): Promise<Map<Serial, RunningVersion[]>> {
    return Map.groupBy(await this.#stores.running.listByDevices(devices), ({ device }) => device)
  }
}
