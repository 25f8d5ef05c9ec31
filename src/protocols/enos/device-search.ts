import type { Core } from '../../core/create-core.ts'
import type { Organisation } from '../../core/organisation/organisation.ts'
import type { Condition } from './expression/expression.ts'
import type { JsonObject } from './json.ts'
import { allowedValues, productsNamed, searchRequest } from './search-request.ts'
import { type DeviceFirmware, toDeviceFirmware } from './translate.ts'
import { isUpgrading } from './update-states.ts'

const FIELDS = { productKey: 'values', firmwareVersion: 'values', isUpgrading: 'flag' } as const

/** [enos 3.3] [enos 3.6] One page of the devices that have reported a version. */
export async function searchDevices(
  core: Core,
  organisation: Organisation,
  body: JsonObject,
): Promise<DeviceFirmware[]> {
  const { conditions, page } = searchRequest(body, FIELDS)
  const products = await productsNamed(core, organisation.serial, conditions)
  const versions = allowedValues(conditions, 'firmwareVersion')
  const upgrading = wantedFlags(conditions)
  if (products?.length === 0 || versions?.length === 0 || upgrading.size > 1) return []
  const [flag] = upgrading
  const serials = await core.deps.storage.management.running.listReporting(
    {
      organisation: organisation.serial,
      ...(products && { products }),
      ...(versions && { versions }),
      ...(flag !== undefined && { isUpgrading: flag }),
    },
    page,
  )
  const found = await Promise.all(serials.map((serial) => describe(core, organisation, serial)))
  return found.filter((one) => one !== undefined)
}

function wantedFlags(conditions: readonly Condition<string>[]): Set<boolean> {
  return new Set(conditions.flatMap((condition) => (condition.kind === 'is' ? [condition.value] : [])))
}

async function describe(core: Core, organisation: Organisation, serial: number): Promise<DeviceFirmware | undefined> {
  const facts = await core.gateway.find({ by: 'serial', serial })
  const primary = facts?.modules.find((module) => module.isPrimary)
  const version = facts?.running.find((row) => row.module === primary?.serial)?.version
  if (!facts?.product || version === undefined) return undefined
  return toDeviceFirmware(facts.device, {
    organisation,
    product: facts.product,
    version,
    isUpgrading: facts.open !== undefined && isUpgrading(facts.open.state),
  })
}
