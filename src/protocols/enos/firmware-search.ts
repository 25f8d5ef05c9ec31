import type { Serial } from '../../core/common.ts'
import type { Core } from '../../core/create-core.ts'
import type { Firmware, FirmwareFile } from '../../core/firmware/firmware.ts'
import type { Organisation } from '../../core/organisation/organisation.ts'
import type { Condition } from './expression/expression.ts'
import { nameContains, nameFields, placeOf } from './expression/name-fields.ts'
import type { JsonObject } from './json.ts'
import { productsNamed, searchRequest } from './search-request.ts'

const FIELDS = { productKey: 'values', isVerified: 'flag', ...nameFields('name') } as const

type Field = keyof typeof FIELDS

/** Rows read at a time while filtering. */
const BATCH = 500

/** [enos 3.6] One page of an organisation's firmware, newest first. Private firmware is nobody's but its device's. */
export async function searchFirmware(
  core: Core,
  organisation: Organisation,
  body: JsonObject,
): Promise<FirmwareFile[]> {
  const { conditions, page } = searchRequest(body, FIELDS)
  const products = await productsNamed(core, organisation.serial, conditions)
  if (products?.length === 0) return []
  const [only] = products ?? []
  const filter = {
    organisation: organisation.serial,
    scope: 'library',
    ...(only !== undefined && products?.length === 1 && { product: only }),
  } as const
  const accepts = (firmware: Firmware) => matches(firmware, conditions, products)
  const found: FirmwareFile[] = []
  let skip = page.offset
  for (let after: Serial | undefined; ; ) {
    const slice = { limit: BATCH, order: 'desc', ...(after !== undefined && { after }) } as const
    const files = await core.deps.storage.management.firmware.listFiles(filter, slice)
    for (const file of files) {
      if (!accepts(file.firmware) || skip-- > 0) continue
      found.push(file)
      if (found.length >= page.limit) return found
    }
    if (files.length < BATCH) return found
    after = files.at(-1)?.firmware.serial
  }
}

function matches(
  firmware: Firmware,
  conditions: readonly Condition<Field>[],
  products: readonly Serial[] | undefined,
): boolean {
  if (products && (firmware.product === null || !products.includes(firmware.product))) return false
  return conditions.every((condition) => holds(firmware, condition))
}

function holds(firmware: Firmware, condition: Condition<Field>): boolean {
  switch (condition.kind) {
    case 'one-of':
      return true // the products, seen to above
    case 'is':
      return firmware.verification.verified === condition.value
    case 'contains':
      return nameContains(firmware.name, placeOf(condition.field), condition.text)
  }
}
