import type { Core } from '../../core/create-core.ts'
import type { DeviceFacts } from '../../core/device/device-facts.ts'
import { isOtaError } from '../../core/errors.ts'
import { type Actions, bodyOf, type Call, NO_DATA } from './call.ts'
import { EnosFailure } from './errors.ts'
import { noteArrivals } from './jobs/task-arrivals.ts'
import { type JsonObject, parseWithNumberSources, textOf } from './json.ts'
import { deviceKeyOf, productKeyOf, SLOT } from './names.ts'
import { bodyText } from './request-bytes.ts'

const VERSION_CHARS = 64

/** [enos 3.4] Report Device Firmware Version: what an inform of the device itself would do. */
export function deviceActions(core: Core): Actions {
  async function reportFirmwareVersion(call: Call): Promise<string> {
    bodyOf(call)
    const body = parseWithNumberSources(bodyText(call.request)) ?? {}
    const version = textOf(body['version'])
    if (version === undefined || version === '' || version.length > VERSION_CHARS) throw badArgument()
    try {
      const facts = await findDevice(core, call, body)
      if (!facts) throw new EnosFailure(404, 'Device Not Found')
      await core.gateway.checkIn(facts, { running: { '': version } })
      await noteArrivals(core, facts, version)
    } catch (error) {
      if (error instanceof EnosFailure) throw error
      if (isOtaError(error, 'invalid')) throw badArgument()
      call.request.log.error({ err: error }, 'EnOS request failed')
      throw new EnosFailure(500, 'OTA Service Internal Error')
    }
    return NO_DATA
  }

  return { reportFirmwareVersion: { permission: 'write', changes: true, run: reportFirmwareVersion } }
}

function badArgument(): EnosFailure {
  return new EnosFailure(400, 'Invalid Argument')
}

/** By assetId, else by productKey and deviceKey; where both are given they must mean the same device. */
async function findDevice(core: Core, call: Call, body: JsonObject): Promise<DeviceFacts | undefined> {
  const [assetId, productKey, deviceKey] = ['assetId', 'productKey', 'deviceKey'].map((name) => optional(body, name))
  if (assetId !== undefined) {
    const facts = await findByAssetId(core, assetId, call.organisation.serial)
    if (!facts) return undefined
    if (deviceKey !== undefined && deviceKeyOf(facts.device) !== deviceKey) return undefined
    if (productKey !== undefined && facts.product && productKeyOf(facts.product) !== productKey) return undefined
    return facts
  }
  if (productKey === undefined || deviceKey === undefined) throw badArgument()
  const product = await core.products.findByAlias(call.organisation.serial, SLOT.productKey, productKey)
  return product && core.gateway.find({ by: 'name', slot: SLOT.deviceKey, product: product.serial, name: deviceKey })
}

/** The organisation's own: what others call a device of theirs hides none of its ids. */
async function findByAssetId(core: Core, assetId: string, organisation: number): Promise<DeviceFacts | undefined> {
  const alias = await core.deps.storage.read.aliases.find(SLOT.assetId, 0, assetId)
  const named = alias && (await core.gateway.find({ by: 'serial', serial: alias.owner }))
  if (named?.organisation.serial === organisation) return named
  const facts = await core.gateway.find({ by: 'id', id: assetId })
  if (facts?.organisation.serial !== organisation || SLOT.assetId in facts.device.aliases) return undefined
  return facts
}

function optional(body: JsonObject, name: string): string | undefined {
  const value = body[name] ?? undefined
  if (value === undefined || value === '') return undefined
  if (typeof value !== 'string') throw badArgument()
  return value
}
