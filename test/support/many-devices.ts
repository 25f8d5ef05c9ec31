import type { Storage } from '../../src/core/ports.ts'
import type { Scope } from '../../src/core/service.ts'
import { START } from './fixed-clock.ts'
import { newDevice } from './rows.ts'

const CHUNK = 5_000

export interface ManyDevices {
  readonly scope: Scope
  readonly product: number
  /** What they run of it, where they have said so: 1.0.0. */
  readonly module?: number
  /** Their numbers, `from` to `to - 1`. */
  readonly from: number
  readonly to: number
}

/** Registers devices of a product, past all services. */
export async function insertDevices(
  storage: Storage,
  { scope, product, module, from, to }: ManyDevices,
): Promise<void> {
  for (let at = from; at < to; at += CHUNK) {
    const numbers = Array.from({ length: Math.min(CHUNK, to - at) }, (_, index) => at + index)
    await storage.transaction(async (stores) => {
      const rows = numbers.map((number) => newDevice(scope.organisation, { product, key: `many-${number}` }))
      const devices = await stores.devices.insertMany(rows)
      if (module === undefined) return
      for (const { serial } of devices)
        await stores.running.put({ device: serial, module, version: '1.0.0', reportedAt: START })
    })
  }
}
