import type { Device } from '../../src/core/device/device.ts'
import type { DeviceFacts } from '../../src/core/device/device-facts.ts'
import type { DeviceInput } from '../../src/core/device/device-service.ts'
import type { AskOptions, AskStyle } from '../../src/core/device-gateway.ts'
import type { Storage } from '../../src/core/ports.ts'
import type { PlanOutcome } from '../../src/core/rollout/plan/outcomes.ts'
import type { RolloutPlan } from '../../src/core/rollout/plan/plan.ts'
import type { RolloutInput } from '../../src/core/rollout/rollout-input.ts'
import { fixedClock, START } from './fixed-clock.ts'
import { createTestCore, newScope, pushFirmware } from './test-core.ts'

/** How the devices of a test ask. */
export const STYLES: Readonly<Record<string, AskStyle>> = {
  native: { reporting: 'progress' },
  iotaap: { reporting: 'silent', ignoreGroup: true },
  'spoke-zone': { reporting: 'silent', isVerifiable: false, choosesFromCatalogue: true },
}

export type AddInput = Partial<DeviceInput> & {
  /** What its primary module runs; null = it never said. Default 1.0.0. */
  readonly runs?: string | null
  /** Of its credential; null = none. Default native. */
  readonly scheme?: string | null
  /** Seconds since it was last seen; null = never. Default 60. */
  readonly age?: number | null
}

/** A product `panel` with versions 1.0.0, 1.1.0, 1.2.0 and 2.0.0, and devices for plans. */
export async function plannedFleet(storage?: Storage) {
  const clock = fixedClock()
  const core = createTestCore({ clock, ...(storage && { storage }) })
  const scope = await newScope(core)
  const made = await core.products.create(scope, { key: 'panel', distribution: 'managed' })
  for (const version of ['1.0.0', '1.1.0', '1.2.0', '2.0.0']) await pushFirmware(core, scope, 'panel', version)
  const product = made.product.serial

  async function add(key: string, given: AddInput = {}): Promise<Device> {
    const { runs = '1.0.0', scheme = 'native', age = 60, ...input } = given
    const device = await core.devices.create(scope, {
      key,
      product,
      ...input,
      ...(scheme !== null && { credentials: [{ scheme, secret: `secret of ${key}` }] }),
    })
    const module = made.modules.find((one) => one.isPrimary)
    await core.deps.storage.transaction(async (stores) => {
      if (runs !== null && module)
        await stores.running.put({ device: device.serial, module: module.serial, version: runs, reportedAt: START })
      if (age !== null) await stores.devices.touch([{ device: device.serial, at: clock.now() - age * 1000 }])
    })
    return device
  }

  async function facts(key: string): Promise<DeviceFacts> {
    const device = await core.devices.get(scope.organisation, key)
    const found = await core.gateway.find({ by: 'serial', serial: device.serial })
    if (!found) throw new Error('the device is gone')
    return found
  }

  const group = async (key: string) => (await core.groups.create(scope, { key })).serial
  const plan = (input: Partial<RolloutInput> = {}): Promise<RolloutPlan> =>
    core.plans.ofInput(scope, { key: 'spring', release: { product: 'panel', version: '1.2.0' }, ...input }, how)
  const create = (input: Partial<RolloutInput> = {}) =>
    core.rollouts.create(scope, { key: 'spring', release: { product: 'panel', version: '1.2.0' }, ...input })
  const start = async (input: Partial<RolloutInput> = {}) => {
    const { key } = await create(input)
    return core.rolloutControl.start(scope, key)
  }
  const asks = (known: DeviceFacts): AskOptions => {
    const via = known.open?.via ?? known.credentials[0]?.scheme ?? 'native'
    return { via, ...(STYLES[via] ?? { reporting: 'progress' }) }
  }
  const grant = async (key: string) => {
    const known = await facts(key)
    return core.gateway.grant(known, asks(known))
  }
  const install = async (key: string, version: string) =>
    core.gateway.checkIn(await facts(key), { running: { '': version } })
  return { clock, core, scope, product, add, facts, group, plan, create, start, asks, grant, install }
}

export const how = { styles: STYLES }

/** Devices by outcome, as far as there are any. */
export function countsOf({ outcomes }: RolloutPlan): Partial<Record<PlanOutcome, number>> {
  return Object.fromEntries(
    Object.entries(outcomes).flatMap(([outcome, { devices }]) => (devices > 0 ? [[outcome, devices]] : [])),
  )
}
