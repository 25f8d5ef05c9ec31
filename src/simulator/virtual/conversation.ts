import type { NoneBecause } from '../../core/decide/decision.ts'
import type { DeviceFacts } from '../../core/device/device-facts.ts'
import type { DeviceTable } from './device-table.ts'
import { FLOOR_VERSION, type FleetKind, TARGET_VERSION } from './fleet-kinds.ts'
import { MANNERS, type Manner } from './manner.ts'
import { waitOf } from './refusal.ts'
import type { World } from './world.ts'

/** What devices say to the server, and what it answers; each in the manner of its protocol. */
export class Conversation {
  readonly #world: World
  readonly #kinds: readonly FleetKind[]
  readonly #table: DeviceTable

  constructor(world: World, kinds: readonly FleetKind[], table: DeviceTable) {
    this.#world = world
    this.#kinds = kinds
    this.#table = table
  }

  kindOf(device: number): FleetKind {
    return this.#kind(this.#table.kindOf(device))
  }

  /** A device of a kind is heard of for the first time; its number. */
  async register(kind: number): Promise<number> {
    return this.#table.add(kind, await this.#world.register(this.#kind(kind), this.#table.count))
  }

  /** The device asks, and takes the release if it may; why not, if not. */
  async ask(device: number): Promise<NoneBecause | undefined> {
    const { core } = this.#world
    const manner = this.#mannerOf(device)
    for (;;) {
      const facts = await this.#facts(device)
      const decision = core.gateway.decide(facts, manner.ask)
      switch (decision.kind) {
        case 'none':
          return decision.because
        case 'cancel':
          await core.gateway.beginCancel(facts, manner.ask)
          break
        case 'update':
          if (await manner.take(core, facts)) {
            this.#table.setAtFloor(device, decision.offer.version === FLOOR_VERSION)
            return undefined
          }
      }
    }
  }

  /** Whether the device would be refused for the same reason again. */
  async wouldBeRefused(device: number, name: string): Promise<boolean> {
    const decision = this.#world.core.gateway.decide(await this.#facts(device), this.#mannerOf(device).ask)
    const wait = decision.kind === 'none' ? waitOf(decision.because) : undefined
    return wait?.kind === 'room' && wait.name === name
  }

  async install(device: number): Promise<void> {
    await this.#mannerOf(device).install(this.#world.core, await this.#facts(device))
  }

  /** Says how it went, as far as the protocol lets it. Answers whether the server has yet to infer that it went well. */
  async end(device: number): Promise<boolean> {
    const { core } = this.#world
    const manner = this.#mannerOf(device)
    const facts = await this.#facts(device)
    switch (this.#table.fateOf(device)) {
      case 'good':
        await manner.succeed(core, facts, this.#table.isAtFloor(device) ? FLOOR_VERSION : TARGET_VERSION)
        return manner.isInferred ?? false
      case 'fails':
        await manner.fail(core, facts)
        return false
      case 'rolls-back':
        await manner.rollBack(core, facts)
        return false
      case 'falls-silent':
      case undefined:
        return false
    }
  }

  #mannerOf(device: number): Manner {
    return MANNERS[this.kindOf(device).protocol]
  }

  #kind(index: number): FleetKind {
    const kind = this.#kinds[index]
    if (!kind) throw new RangeError(`there is no kind ${index}`)
    return kind
  }

  async #facts(device: number): Promise<DeviceFacts> {
    const facts = await this.#world.core.gateway.find({ by: 'serial', serial: this.#table.serialOf(device) })
    if (!facts) throw new RangeError(`device ${device} is not registered`)
    return facts
  }
}
