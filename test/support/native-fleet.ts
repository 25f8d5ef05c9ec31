import { createHash } from 'node:crypto'
import type { Core } from '../../src/core/create-core.ts'
import { DeviceImport } from '../../src/core/device/device-import.ts'
import type { Scope } from '../../src/core/service.ts'
import { newScope, pushFirmware } from './test-core.ts'

/** A device that calls by itself. */
export interface NativeDevice {
  readonly key: string
  readonly token: string
}

/** Lines of one chunk of an import. */
const CHUNK = 1_000

/** An organisation with the product `panel`, 1.0.0 and 1.1.0, and devices with tokens of the native protocol. */
export async function nativeFleet(core: Core, count: number): Promise<{ scope: Scope; devices: NativeDevice[] }> {
  const scope = await newScope(core)
  const { product } = await core.products.create(scope, { key: 'panel' })
  for (const version of ['1.0.0', '1.1.0']) await pushFirmware(core, scope, 'panel', version)
  const devices = Array.from({ length: count }, (_, index) => {
    const key = `panel-${String(index).padStart(5, '0')}`
    return { key, token: createHash('sha256').update(key).digest('hex') }
  })
  const importing = new DeviceImport(core.deps, scope, 'error')
  for (let from = 0; from < count; from += CHUNK) {
    const rows = devices.slice(from, from + CHUNK).map(({ key, token }, index) => ({
      line: from + index + 1,
      input: { key, product: product.serial, credentials: [{ scheme: 'native', secret: token }] },
    }))
    const { planned, faults } = await importing.check(core.deps.storage.management, rows)
    if (faults.length > 0) throw new Error(JSON.stringify(faults[0]))
    await importing.write(planned)
  }
  return { scope, devices }
}
