import { loadDeviceFacts } from '../device/device-facts.ts'
import { SYSTEM } from '../event/event.ts'
import type { Stores } from '../ports.ts'
import { type By, moveUpdate } from './move-update.ts'
import type { Update } from './update.ts'

/**
 * Over silent protocols: ends an update as succeeded whose device asked again and fetched nothing, and takes its target
 * as what runs. Changes nothing when somebody was faster.
 */
export async function settleUpdate(stores: Stores, by: By, update: Update): Promise<void> {
  const moved = await moveUpdate(stores, by, update, {
    trigger: 'succeed',
    actor: SYSTEM,
    progress: 100,
    reason: 'inferred: the device asked again and fetched nothing',
  })
  if (!moved) return
  const facts = await loadDeviceFacts(stores, update.device)
  const primary = facts?.modules.find((module) => module.isPrimary)?.serial
  for (const step of update.steps) {
    const module = step.module ?? primary
    if (module === undefined) continue
    await stores.running.put({ device: update.device, module, version: step.to, reportedAt: by.clock.now() })
  }
}
