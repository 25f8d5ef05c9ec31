import type { Serial } from '../common.ts'
import type { DeviceFacts } from '../device/device-facts.ts'
import { PollCache } from '../device/poll-cache.ts'
import type { DeviceGateway } from '../device-gateway.ts'
import type { FirmwareFile } from '../firmware/firmware.ts'
import type { Storage } from '../ports.ts'

/** Largest number of firmware files in one product's catalogue view. */
export const CATALOGUE_LIMIT = 10_000

/** Products whose catalogues are held in memory. */
const CAPACITY = 10_000

const NO_FILES: readonly FirmwareFile[] = []

/** Firmware that devices choose from by themselves. */
export function createCatalogues(
  storage: Storage,
  { decide, grant }: Pick<DeviceGateway, 'decide' | 'grant'>,
): Pick<DeviceGateway, 'catalogue' | 'recallCatalogue'> {
  const libraries = new PollCache<readonly FirmwareFile[]>(storage, CAPACITY, 'fleet')

  /** Library firmware of a product, withdrawn ones left out. */
  async function library(product: Serial, organisation: Serial): Promise<readonly FirmwareFile[]> {
    const filter = { organisation, product, scope: 'library', withdrawn: false } as const
    const loaded = await libraries.load(product, async () => {
      const value = await storage.read.firmware.listFiles(filter, { limit: CATALOGUE_LIMIT })
      return { organisation, value }
    })
    return loaded ?? []
  }

  function recallCatalogue(known: DeviceFacts, via: string): readonly FirmwareFile[] | undefined {
    const { device, product, open } = known
    if (!product || device.status === 'disabled' || (open && open.via !== via)) return NO_FILES
    if (product.distribution === 'managed' || known.serverFrozen || known.organisationFrozen) return undefined
    return libraries.get(product.serial)
  }

  async function catalogue(known: DeviceFacts, via: string): Promise<readonly FirmwareFile[]> {
    const { device, product, open } = known
    const held = recallCatalogue(known, via)
    if (held || !product) return held ?? NO_FILES
    if (product.distribution === 'managed') return managed(known, via)
    const files = libraries.get(product.serial) ?? (await library(product.serial, device.organisation))
    if (!known.serverFrozen && !known.organisationFrozen) return files
    const underWay = new Set(open?.steps.map((step) => step.firmware))
    return files.filter((file) => underWay.has(file.firmware.serial))
  }

  /** To list what a rollout has for a device is to grant it; what it runs already is listed too. */
  async function managed(known: DeviceFacts, via: string): Promise<readonly FirmwareFile[]> {
    const options = { via, reporting: 'silent', isVerifiable: false } as const
    const decision = decide(known, options)
    if (decision.kind === 'cancel' || !decision.offer) return []
    if (decision.kind === 'none' && decision.because.kind !== 'up-to-date') return []
    const isNew = decision.kind === 'update' && !decision.open && decision.offer.source.kind === 'rollout'
    if (isNew && !(await grant(known, options))) return []
    return decision.offer.files.filter((file) => file.firmware.scope === 'library')
  }

  return { catalogue, recallCatalogue }
}
