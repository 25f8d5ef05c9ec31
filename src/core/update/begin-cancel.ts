import { decide } from '../decide/decide.ts'
import { loadDeviceFacts } from '../device/device-facts.ts'
import type { DeviceGateway } from '../device-gateway.ts'
import { SYSTEM } from '../event/event.ts'
import type { CoreLimits } from '../limits.ts'
import type { Ports } from '../ports.ts'
import { moveUpdate } from './move-update.ts'

/** Decides on fresh facts, so that an update which was saved meanwhile is left alone. */
export function createCancelling(ports: Ports, limits: CoreLimits): DeviceGateway['beginCancel'] {
  const { storage, clock } = ports
  const by = { ...ports, limits }
  return (known, options) =>
    storage.transaction(async (stores) => {
      const fresh = await loadDeviceFacts(stores, known.device.serial)
      if (!fresh) return undefined
      const decision = decide(fresh, { ...options, now: clock.now(), limits })
      if (decision.kind !== 'cancel' || decision.update.via !== options.via) return undefined
      const { update } = decision
      if (decision.because.kind === 'cancelled') return update
      // Nothing was done yet: should the firmware come back, it is simply offered again.
      const trigger = update.state === 'pending' || update.state === 'offered' ? 'supersede' : 'cancel'
      const reason = decision.because.kind === 'withdrawn' ? 'the firmware was withdrawn' : 'the rollout was stopped'
      const move = { trigger, actor: SYSTEM, reason } as const
      return (await moveUpdate(stores, by, update, move)) ?? update
    })
}
