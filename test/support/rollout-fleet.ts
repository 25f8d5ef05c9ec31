import type { Core } from '../../src/core/create-core.ts'
import type { Decision } from '../../src/core/decide/decision.ts'
import { explainDecision } from '../../src/core/decide/explain.ts'
import type { Device } from '../../src/core/device/device.ts'
import type { DeviceFacts } from '../../src/core/device/device-facts.ts'
import type { DeviceInput } from '../../src/core/device/device-service.ts'
import type { AskOptions } from '../../src/core/device-gateway.ts'
import type { CoreLimits } from '../../src/core/limits.ts'
import type { Storage } from '../../src/core/ports.ts'
import type { RolloutInput } from '../../src/core/rollout/rollout-input.ts'
import { loadRoom, type Room } from '../../src/core/rollout/room.ts'
import { tendRollouts } from '../../src/core/rollout/tend.ts'
import type { Scope } from '../../src/core/service.ts'
import type { Update } from '../../src/core/update/update.ts'
import { type FixedClock, fixedClock } from './fixed-clock.ts'
import { createTestCore, newScope, pushFirmware } from './test-core.ts'

export const NATIVE: AskOptions = { via: 'native', reporting: 'progress' }

/** One organisation with the product `panel`, firmware 1.0.0, 1.1.0 and 1.2.0, over the real core. */
export class RolloutFleet {
  readonly core: Core
  readonly clock: FixedClock
  readonly scope: Scope

  private constructor(core: Core, clock: FixedClock, scope: Scope) {
    this.core = core
    this.clock = clock
    this.scope = scope
  }

  static async open(
    options: { storage?: Storage; key?: string; limits?: Partial<CoreLimits> } = {},
  ): Promise<RolloutFleet> {
    const { storage, key, limits } = options
    const clock = fixedClock()
    const core = createTestCore({ clock, ...(storage && { storage }), ...(limits && { limits }) })
    const scope = await newScope(core, key)
    await core.products.create(scope, { key: 'panel' })
    for (const version of ['1.0.0', '1.1.0', '1.2.0']) await pushFirmware(core, scope, 'panel', version)
    return new RolloutFleet(core, clock, scope)
  }

  /** `d0`, `d1`... that run 1.0.0 unless told otherwise; null = they never said. */
  async addDevices(count: number, given: DeviceInput & { running?: string | null } = {}): Promise<string[]> {
    const { running = '1.0.0', ...input } = given
    const { serial: product } = await this.core.products.get(this.scope.organisation, 'panel')
    const keys = Array.from({ length: count }, (_, index) => `d${index}`)
    for (const key of keys) {
      await this.core.devices.create(this.scope, { key, product, ...input })
      if (running !== null) await this.install(key, running)
    }
    return keys
  }

  device(key: string): Promise<Device> {
    return this.core.devices.get(this.scope.organisation, key)
  }

  async facts(key: string): Promise<DeviceFacts> {
    const { serial } = await this.device(key)
    const found = await this.core.gateway.find({ by: 'serial', serial })
    if (!found) throw new Error('the device is gone')
    return found
  }

  /** The draft `spring` of 1.1.0. */
  create(input: Partial<RolloutInput> = {}) {
    const release = { product: 'panel', version: '1.1.0' }
    return this.core.rollouts.create(this.scope, { key: 'spring', release, ...input })
  }

  async start(input: Partial<RolloutInput> = {}) {
    const { key } = await this.create(input)
    return this.core.rolloutControl.start(this.scope, key)
  }

  rollout(key = 'spring') {
    return this.core.rollouts.get(this.scope.organisation, key)
  }

  async decide(key: string, options = NATIVE): Promise<Decision> {
    return this.core.gateway.decide(await this.facts(key), options)
  }

  /** The decision in words. */
  async why(key: string, options = NATIVE): Promise<string> {
    return explainDecision(await this.decide(key, options))
  }

  async grant(key: string, options = NATIVE): Promise<Update | undefined> {
    return this.core.gateway.grant(await this.facts(key), options)
  }

  /** Those that were granted. */
  async grantAll(keys: readonly string[], options = NATIVE): Promise<string[]> {
    const granted: string[] = []
    for (const key of keys) if (await this.grant(key, options)) granted.push(key)
    return granted
  }

  /** The device says that it runs a version. */
  async install(key: string, version = '1.1.0'): Promise<void> {
    await this.core.gateway.checkIn(await this.facts(key), { running: { '': version } })
  }

  async fail(key: string, via = 'native'): Promise<boolean> {
    return this.core.gateway.report(await this.facts(key), via, { trigger: 'fail', reason: 'flash full' })
  }

  tend(): Promise<void> {
    return tendRollouts(this.core.deps)
  }

  /** Lets time pass, and what rollouts do by themselves be done. */
  async later(time: Parameters<FixedClock['advance']>[0]): Promise<void> {
    this.clock.advance(time)
    await this.tend()
  }

  async room(key = 'spring'): Promise<Room> {
    const { serial } = await this.rollout(key)
    const room = await loadRoom(this.core.deps.storage.read, serial)
    if (!room) throw new Error('the rollout is gone')
    return room
  }

  /** Counted outcomes that are not 0. */
  async outcomes(key = 'spring'): Promise<Record<string, number>> {
    const { whole } = await this.room(key)
    return Object.fromEntries(Object.entries(whole.outcomes).filter(([, count]) => count > 0))
  }

  /** A person of this name. */
  person(name: string): Scope {
    const id = Buffer.from(name).toString('hex').padEnd(24, '0').slice(0, 24)
    return { ...this.scope, actor: { kind: 'account', id, name } }
  }
}
