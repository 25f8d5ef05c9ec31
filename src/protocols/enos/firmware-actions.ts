import type { Core } from '../../core/create-core.ts'
import { isOtaError, OtaError } from '../../core/errors.ts'
import type { Firmware, FirmwareFile } from '../../core/firmware/firmware.ts'
import type { FirmwareInput } from '../../core/firmware/firmware-service.ts'
import { FleetCache } from '../../core/fleet-cache.ts'
import type { Product } from '../../core/product/product.ts'
import { spoolForm } from '../http/multipart-spool.ts'
import type { ProtocolHost } from '../http/protocol.ts'
import { discardRest } from '../http/request-body.ts'
import { type Actions, bodyOf, type Call, NO_DATA, required } from './call.ts'
import type { EnosConfig } from './config.ts'
import { searchDevices } from './device-search.ts'
import { CODE, EnosFailure, invalidArgument } from './errors.ts'
import { parseMetadata } from './firmware-form.ts'
import { searchFirmware } from './firmware-search.ts'
import { SLOT } from './names.ts'
import { toFirmwareInfo } from './translate.ts'

/** [enos 3.4] The device push carries the size as a Java int. */
const LARGEST_FILE = 2 ** 31 - 1
/** What a form may add to its file before its length alone says that the file is too large. */
const FORM_BYTES = 2 ** 20

/** [enos 3.2] [enos 3.4] the actions of ota-firmwares */
export function firmwareActions(host: ProtocolHost, config: EnosConfig): Actions {
  const { core } = host
  const { storage, blobs, limits } = core.deps
  const rendered = new FleetCache<string, string>(storage, config.renderedFirmware)
  const maxBytes = Math.min(LARGEST_FILE, host.limits.firmwareBytes, limits.firmwareBytes)

  const keyOf = (call: Pick<Call, 'organisation' | 'parameters'>) =>
    `${call.organisation.serial}/${required(call, 'firmwareId')}`

  async function get(call: Call): Promise<string> {
    const id = required(call, 'firmwareId')
    const text = await rendered.get(keyOf(call), async () => {
      const firmware = await storage.read.firmware.findById(call.organisation.serial, id)
      if (!firmware || firmware.scope === 'private') return undefined
      const [artifact] = await storage.read.artifacts.listByFirmware(firmware.serial)
      return artifact && JSON.stringify(await describe(call, { firmware, artifact }))
    })
    if (text === undefined) throw firmwareNotFound()
    return text
  }

  async function describe(call: Call, file: FirmwareFile, known = new Map<number, Product | undefined>()) {
    const { product: serial } = file.firmware
    if (serial !== null && !known.has(serial)) known.set(serial, await storage.read.products.find(serial))
    const product = serial === null ? undefined : known.get(serial)
    return toFirmwareInfo(file, {
      organisation: call.organisation,
      product,
      productKeyInReplies: config.productKeyInReplies,
    })
  }

  async function search(call: Call): Promise<string> {
    const files = await searchFirmware(core, call.organisation, bodyOf(call))
    const known = new Map<number, Product | undefined>()
    const infos: object[] = []
    for (const file of files) infos.push(await describe(call, file, known))
    return JSON.stringify(infos)
  }

  async function create(call: Call): Promise<string> {
    const target = await targetOf(core, call)
    refuseLongForm(call, maxBytes)
    const form = await spoolForm(call.request, {
      files: ['file'],
      stage: (part) => blobs.stage(part.bytes, { maxBytes }),
    })
    try {
      await call.useOnce()
      const metadata = parseMetadata(form.fields.get('metadata'), config)
      const file = form.files.get('file')
      if (!file) throw invalidArgument('file', 'file is missing')
      const input = { ...metadata, ...target, fileName: file.filename || 'firmware.bin' }
      const { firmware } = await orVersionConflict(core, call, input, () =>
        core.firmware.create(call.scope, input, file.blob),
      )
      return JSON.stringify({ firmwareId: firmware.id })
    } finally {
      await form.discardAll()
    }
  }

  async function remove(call: Call): Promise<string> {
    const firmware = await storage.read.firmware.findById(call.organisation.serial, required(call, 'firmwareId'))
    if (!firmware || firmware.scope === 'private') throw firmwareNotFound()
    await core.firmware.delete(call.scope, firmware.id)
    return NO_DATA
  }

  async function listVersion(call: Call): Promise<string> {
    const product = await productOf(core, call, required(call, 'productKey'))
    return JSON.stringify(await storage.management.running.versionsOfProduct(product.serial))
  }

  const searchDeviceUpgrade = async (call: Call) =>
    JSON.stringify(await searchDevices(core, call.organisation, bodyOf(call)))

  const read = { permission: 'read', changes: false } as const
  const write = { permission: 'write', changes: true } as const
  return {
    get: { ...read, run: get, recall: (call) => rendered.recall(keyOf(call)) },
    search: { ...read, run: search },
    listVersion: { ...read, run: listVersion },
    searchDeviceUpgrade: { ...read, run: searchDeviceUpgrade },
    create: { ...write, usesLate: true, run: create },
    delete: { ...write, run: remove },
  }
}

function firmwareNotFound(): EnosFailure {
  return new EnosFailure(CODE.firmwareNotFound, 'Firmware not found')
}

async function productOf(core: Core, call: Call, productKey: string): Promise<Product> {
  const product = await core.products.findByAlias(call.organisation.serial, SLOT.productKey, productKey)
  if (!product) throw new EnosFailure(CODE.notFound, 'Product not found')
  return product
}

/** [enos 3.4] productKey is optional; the firmware of a product is for its primary module. */
async function targetOf(core: Core, call: Call): Promise<Pick<Firmware, 'product' | 'module'>> {
  const productKey = call.parameters.get('productKey')
  if (productKey === undefined || productKey === '') return { product: null, module: null }
  const product = await productOf(core, call, productKey)
  const modules = await core.products.modules(product.serial)
  return { product: product.serial, module: modules.find((module) => module.isPrimary)?.serial ?? null }
}

/** Refuses what cannot fit before a byte of it is stored. */
function refuseLongForm({ request }: Call, maxBytes: number): void {
  if (Number(request.headers['content-length'] ?? 0) <= maxBytes + FORM_BYTES) return
  discardRest(request.raw)
  throw new OtaError('too-large', `larger than ${maxBytes} bytes`, { details: { limit: maxBytes } })
}

/** Where version and name are both taken the answer is the version's [enos 8 row 19], whichever the database names. */
async function orVersionConflict<T>(
  core: Core,
  call: Call,
  input: Pick<FirmwareInput, 'product' | 'module' | 'version'>,
  create: () => Promise<T>,
): Promise<T> {
  try {
    return await create()
  } catch (error) {
    if (!isOtaError(error, 'conflict') || error.details['field'] !== 'name') throw error
    const { product, version } = input
    const [taken] = await core.deps.storage.read.firmware.list(
      { organisation: call.organisation.serial, product, scope: 'library', version },
      { limit: 1 },
    )
    throw taken ? new OtaError('conflict', error.message, { details: { entity: 'firmware', field: 'version' } }) : error
  }
}
