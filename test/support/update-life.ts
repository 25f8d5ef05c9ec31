import { expect } from 'vitest'
import type { Core } from '../../src/core/create-core.ts'
import type { Device } from '../../src/core/device/device.ts'
import type { DeviceFacts } from '../../src/core/device/device-facts.ts'
import type { AskOptions, StepReport } from '../../src/core/device-gateway.ts'
import { isOtaError } from '../../src/core/errors.ts'
import type { Storage } from '../../src/core/ports.ts'
import type { Scope } from '../../src/core/service.ts'
import { nextState, TRANSITIONS } from '../../src/core/update/transitions.ts'
import { isOpen, type Update } from '../../src/core/update/update.ts'
import { type SeededRandom, seededRandom } from '../../src/simulator/seeded-random.ts'
import { type FixedClock, fixedClock } from './fixed-clock.ts'
import { createTestCore, newScope, pushFirmware } from './test-core.ts'

const TALKING: AskOptions = { via: 'native', reporting: 'progress' }
const SILENT: AskOptions = { via: 'iotaap', reporting: 'silent' }
const VERSIONS = ['1', '2', '3'] as const
const TRIGGERS = ['download', 'downloaded', 'install', 'fail', 'roll-back', 'acknowledge-cancel'] as const
const PROGRESS = [0, 1, 33.3, 50, 50, 99.9, 100, 101, -2, -1e12, Number.NaN, undefined]

/** One device whose life is whatever a seed says: calls in any order, early, late and repeated. */
export class UpdateLife {
  readonly core: Core
  readonly clock: FixedClock
  readonly #scope: Scope
  readonly #device: Device
  readonly #random: SeededRandom
  readonly #known = new Map<string, Update>()

  private constructor(parts: { core: Core; clock: FixedClock; scope: Scope; device: Device; seed: number | string }) {
    this.core = parts.core
    this.clock = parts.clock
    this.#scope = parts.scope
    this.#device = parts.device
    this.#random = seededRandom(parts.seed)
  }

  static async start(storage: Storage, seed: number | string): Promise<UpdateLife> {
    const clock = fixedClock()
    const core = createTestCore({ clock, storage })
    const scope = await newScope(core)
    const { product } = await core.products.create(scope, { key: 'panel' })
    const device = await core.devices.create(scope, { key: 'truck-17', product: product.serial })
    for (const version of VERSIONS) await pushFirmware(core, scope, 'panel', version)
    const life = new UpdateLife({ core, clock, scope, device, seed })
    await core.gateway.checkIn(await life.#facts(), { running: { main: '1' } })
    await life.#assign('2')
    return life
  }

  /** One call, drawn now and made when the function is called. */
  draw(): () => Promise<unknown> {
    const actions = this.#actions()
    const action = actions[this.#random.integer(actions.length)]
    if (!action) throw new Error('nothing to do')
    return async () => {
      try {
        return await action()
      } catch (error) {
        // A refusal is an answer: nothing to cancel, somebody was faster.
        if (isOtaError(error, 'in-use') || isOtaError(error, 'conflict') || isOtaError(error, 'not-found')) return error
        throw error
      }
    }
  }

  #actions(): ReadonlyArray<() => Promise<unknown>> {
    const { gateway, updates } = this.core
    const step = this.#step()
    const name = `r-${this.#random.integer(200)}`
    const running = { main: this.#pick(VERSIONS) }
    const restart = this.#random.integer(2) === 0 ? { afterReboot: true as const } : {}
    const version = this.#pick(['2', '3'])
    const [advance, which] = [this.#pick([1, 61, 3_600, 7_200, 90_000, 700_000]), this.#random.fraction()]
    const talking = async () => gateway.report(await this.#facts(), 'native', step)
    const named = async () => {
      const update = (await this.updates()).at(-1 - Math.floor(which * 3))?.id ?? ''
      return gateway.reportAll((await this.#facts()).device, 'native', [
        { name, update, steps: [step], ...this.#maybe(running) },
      ])
    }
    const grant = async () => gateway.grant(await this.#facts(), TALKING)
    return [
      grant,
      grant,
      talking,
      talking,
      named,
      named,
      async () => gateway.checkIn(await this.#facts(), { running, ...restart }),
      async () => gateway.checkIn(await this.#facts(), { running, ...restart }),
      async () => updates.cancel(this.#scope, (await this.updates()).at(-1)?.id ?? ''),
      async () => this.#assign(version),
      async () => gateway.beginCancel(await this.#facts(), TALKING),
      async () => this.#fetch(),
      async () => gateway.noteQuiet(await this.#facts(), 'iotaap'),
      async () => updates.settleQuiet(),
      async () => {
        this.clock.advance({ seconds: advance })
        return updates.expire()
      },
    ]
  }

  async updates(): Promise<readonly Update[]> {
    const filter = { organisation: this.#scope.organisation, device: this.#device.serial }
    return this.core.deps.storage.read.updates.list(filter, { limit: 1000 })
  }

  /** Throws when anything of what always holds does not. */
  async check(): Promise<readonly Update[]> {
    const updates = await this.updates()
    expect(updates.filter(({ state }) => isOpen(state)).length).toBeLessThanOrEqual(1)
    for (const update of updates) {
      this.#checkRow(update)
      await this.#checkEvents(update)
    }
    return updates
  }

  #checkRow(update: Update): void {
    const { id, state, progress, deadline, closedAt, via } = update
    expect(Number.isSafeInteger(progress) && progress <= 100, `progress ${progress}`).toBe(true)
    expect(closedAt === null).toBe(isOpen(state))
    const known = this.#known.get(id)
    this.#known.set(id, update)
    if (known && !isOpen(known.state)) expect(update).toEqual(known)
    if (known?.state === state) expect(progress).toBeGreaterThanOrEqual(known.progress)
    if (!isOpen(state)) {
      expect(deadline).toBeNull()
    } else {
      const isTimed = state !== 'pending' && !(state === 'downloaded' && via === 'iotaap')
      expect(deadline !== null, `${state} over ${via}`).toBe(isTimed)
    }
  }

  /** One event for each move, each from where the one before it led, all of them in the table. */
  async #checkEvents(update: Update): Promise<void> {
    const filter = { organisation: this.#scope.organisation, subjectId: update.id }
    const events = await this.core.deps.storage.read.events.list(filter, { limit: 1000 })
    const moves = events.filter(({ type }) => type !== 'update.opened' && type !== 'update.fell-back')
    expect(events.filter(({ type }) => type === 'update.opened')).toHaveLength(1)
    expect(events.filter(({ type }) => type === 'update.fell-back').length).toBeLessThanOrEqual(1)
    let state = 'pending'
    for (const { type, details } of moves) {
      expect([details['before'], type]).toEqual([state, `update.${details['after']}`])
      expect(Object.values(TRANSITIONS[state as keyof typeof TRANSITIONS])).toContain(details['after'])
      state = String(details['after'])
    }
    expect(state).toBe(update.state)
    if (!isOpen(update.state)) expect(nextState(update.state, 'succeed')).toBeUndefined()
  }

  async #facts(): Promise<DeviceFacts> {
    const found = await this.core.gateway.find({ by: 'serial', serial: this.#device.serial })
    if (!found) throw new Error('the device is gone')
    return found
  }

  async #assign(version: string): Promise<unknown> {
    return this.core.assignments.assign(this.#scope, { device: 'truck-17' }, { product: 'panel', version })
  }

  async #fetch(): Promise<void> {
    const ticket = await this.core.gateway.startDownload(await this.#facts(), SILENT)
    if (ticket && this.#random.integer(2) === 0) await this.core.gateway.finishDownload(await this.#facts(), ticket)
  }

  #step(): StepReport {
    const progress = this.#pick(PROGRESS)
    return {
      trigger: this.#pick(TRIGGERS),
      ...(progress !== undefined && { progress }),
      ...this.#maybe({ reason: 'x' }),
    }
  }

  #maybe<T extends object>(value: T): T | Record<never, never> {
    return this.#random.integer(2) === 0 ? value : {}
  }

  #pick<T>(values: readonly T[]): T {
    return values[this.#random.integer(values.length)] as T
  }
}
