import type { NoneBecause } from '../../core/decide/decision.ts'
import type { DeviceFacts } from '../../core/device/device-facts.ts'
import type { Change } from '../../core/ports.ts'
import { isLive, type Rollout } from '../../core/rollout/rollout.ts'
import { exponential, seededRandom } from '../../core/seeded-random.ts'
import { Agenda, type Appointment } from './agenda.ts'
import { Caretaker } from './caretaker.ts'
import { DeviceTable } from './device-table.ts'
import { type FailureModel, Fates } from './fate.ts'
import type { FleetKind } from './fleet-kinds.ts'
import { MANNERS, type Manner } from './manner.ts'
import { Observer } from './observer.ts'
import { waitOf } from './refusal.ts'
import { VirtualClock } from './virtual-ports.ts'
import type { VirtualResult } from './virtual-result.ts'
import { type Hold, WaitingRoom } from './waiting-room.ts'
import { openWorld, type RolloutChoice, type World } from './world.ts'

export interface VirtualRun {
  readonly seed: number
  readonly kinds: readonly FleetKind[]
  readonly failures: FailureModel
  /** Of the rollout, where it is not to have the defaults. */
  readonly choice?: RolloutChoice
  /** Mean time between two questions of a device, seconds; they come at random moments. Default 600. */
  readonly pollSeconds?: number
  /** Virtual time at which to give up. Default 72. */
  readonly hours?: number
  /** What a server does by itself happens at multiples of so many seconds. Default 1, as a server does it. */
  readonly tickSeconds?: number
  readonly onProgress?: (progress: { readonly reached: number; readonly settled: number }) => void
}

/** 2026-01-01T00:00:00Z, a Thursday. */
const START = Date.UTC(2026, 0, 1)

/** Runs one rollout through one fleet in virtual time. The same run gives the same result on every machine. */
export async function runVirtually(run: VirtualRun): Promise<VirtualResult> {
  const clock = new VirtualClock(START)
  const world = await openWorld(clock, { seed: run.seed, kinds: run.kinds, choice: run.choice ?? {} })
  try {
    return await new VirtualRollout(run, world, clock).run()
  } finally {
    await world.core.deps.storage.close()
  }
}

/** What a device does at a moment of its own. */
type Act =
  /** It knows what became of the release. */
  | 'end'
  | 'install'
  /** It asks again, after it took the release once. */
  | 'ask'
  /** It was refused until now, and waits among the others again. */
  | 'wait'

/** One rollout among virtual devices that ask the gateway of the real core, event by event. */
class VirtualRollout {
  readonly #run: VirtualRun
  readonly #world: World
  readonly #clock: VirtualClock
  readonly #pollSeconds: number
  readonly #polls: () => number
  readonly #furtherPolls: () => number
  readonly #fates: Fates
  readonly #agenda = new Agenda<Act>()
  readonly #waiting: WaitingRoom
  readonly #table: DeviceTable
  readonly #caretaker: Caretaker
  readonly #observer: Observer
  #rollout: Rollout
  /** Seconds since the start. */
  #now = 0
  #hasNewCounts = false
  #hasNewPlan = false

  constructor(run: VirtualRun, world: World, clock: VirtualClock) {
    const counts = run.kinds.map((kind) => kind.devices)
    const { core, rollout } = world
    this.#run = run
    this.#world = world
    this.#clock = clock
    this.#rollout = rollout
    this.#pollSeconds = run.pollSeconds ?? 600
    this.#polls = seededRandom(run.seed)
    this.#furtherPolls = seededRandom(run.seed ^ 0x165667b1)
    this.#fates = new Fates(run.seed, run.failures)
    this.#waiting = new WaitingRoom(counts)
    this.#observer = new Observer(world, counts)
    const { devices } = this.#observer
    this.#table = new DeviceTable(devices)
    this.#caretaker = new Caretaker(core, { rollout, devices, tickMs: (run.tickSeconds ?? 1) * 1000 })
    core.deps.storage.onChange((changes) => this.#noteChanges(changes))
  }

  async run(): Promise<VirtualResult> {
    const horizon = (this.#run.hours ?? 72) * 3600
    while (isLive(this.#rollout.state)) {
      const count = this.#waiting.ready()
      // Of many devices that ask at random moments, the next one is exponentially distributed.
      const poll =
        count === 0 ? Number.POSITIVE_INFINITY : this.#now + exponential(this.#polls, this.#pollSeconds / count)
      const tend = (this.#caretaker.nextAt() - this.#clock.start) / 1000
      const at = Math.min(poll, tend, this.#agenda.nextAt(), this.#waiting.liftsAt())
      if (at > horizon) break
      this.#now = at
      this.#clock.moveTo(at)
      if (at === poll) await this.#poll(count)
      else if (at === tend) await this.#tend()
      else if (at === this.#agenda.nextAt()) await this.#act(this.#agenda.take())
      else this.#liftEnded()
    }
    return this.#observer.result(this.#rollout, { seed: this.#run.seed, hours: this.#now / 3600 })
  }

  #noteChanges(changes: readonly Change[]): void {
    for (const { kind } of changes) {
      if (kind === 'rollout') this.#hasNewCounts = true
      if (kind === 'fleet') this.#hasNewPlan = true
    }
  }

  /** One of `count` devices that wait asks for the release. */
  async #poll(count: number): Promise<void> {
    const { kind, device: known } = this.#waiting.take(Math.floor(this.#polls() * count))
    const device = known ?? (await this.#register(kind))
    const because = await this.#ask(device)
    if (because) this.#refused(device, because)
    // A grant takes room and never makes any: nobody who was refused need ask again for that.
    else this.#hasNewCounts = false
  }

  async #register(kind: number): Promise<number> {
    const of = this.#run.kinds[kind]
    if (!of) throw new RangeError(`there is no kind ${kind}`)
    return this.#table.add(kind, await this.#world.register(of, this.#table.count))
  }

  /** Asks, and takes what there is; why not, if there is nothing. */
  async #ask(device: number): Promise<NoneBecause | undefined> {
    const { gateway } = this.#world.core
    const manner = this.#mannerOf(device)
    for (;;) {
      const facts = await this.#facts(device)
      const decision = gateway.decide(facts, manner.ask)
      switch (decision.kind) {
        case 'none':
          return decision.because
        case 'cancel':
          await gateway.beginCancel(facts, manner.ask)
          continue
        case 'update':
          if (await manner.take(this.#world.core, facts)) return this.#taken(device)
      }
    }
  }

  #taken(device: number): undefined {
    const kind = this.#table.kindOf(device)
    const before = this.#table.fateOf(device)
    this.#observer.answered(kind, before === undefined)
    if (before === undefined) this.#caretaker.granted()
    const { fate, seconds } = before
      ? this.#fates.again(before)
      : this.#fates.draw(this.#run.kinds[kind]?.failureRate ?? 0)
    this.#table.setFate(device, fate)
    if (fate === 'falls-silent') return
    if (fate === 'rolls-back') this.#agenda.add({ at: this.#now + seconds / 2, device, what: 'install' })
    this.#agenda.add({ at: this.#now + seconds, device, what: 'end' })
  }

  #refused(device: number, because: NoneBecause): void {
    const wait = waitOf(because)
    const kind = this.#table.kindOf(device)
    switch (wait.kind) {
      case 'room':
        this.#waiting.put(kind, device)
        this.#waiting.hold(kind, { name: wait.name, probe: device, until: this.#seconds(wait.until) })
        break
      case 'moment':
        this.#agenda.add({ at: this.#seconds(wait.until), device, what: 'wait' })
        break
      case 'stage':
        this.#waiting.park(kind, device)
        break
      case 'end':
    }
  }

  #seconds(millis: number | undefined): number {
    return millis === undefined ? Number.POSITIVE_INFINITY : Math.max(this.#now, (millis - this.#clock.start) / 1000)
  }

  async #act(appointment: Appointment<Act> | undefined): Promise<void> {
    if (!appointment) return
    const { device, what } = appointment
    const manner = this.#mannerOf(device)
    const { core } = this.#world
    switch (what) {
      case 'wait':
        return this.#waiting.put(this.#table.kindOf(device), device)
      case 'install':
        return manner.install(core, await this.#facts(device))
      case 'ask':
        return this.#askAgain(device)
      case 'end':
        await this.#end(device, manner)
        return this.#review()
    }
  }

  async #end(device: number, manner: Manner): Promise<void> {
    const { core } = this.#world
    const facts = await this.#facts(device)
    const fate = this.#table.fateOf(device)
    if (fate === 'good') {
      await manner.succeed(core, facts)
      if (manner.isInferred) this.#caretaker.askedQuietly()
      return
    }
    if (fate === 'rolls-back') await manner.rollBack(core, facts)
    else await manner.fail(core, facts)
    this.#askLater(device, this.#now)
    await this.#observer.look(this.#now / 3600, this.#caretaker.settled)
  }

  async #askAgain(device: number): Promise<void> {
    const because = await this.#ask(device)
    const wait = because && waitOf(because)
    if (!wait || wait.kind === 'end') return
    this.#askLater(device, wait.kind === 'moment' ? this.#seconds(wait.until) : this.#now)
  }

  #askLater(device: number, from: number): void {
    this.#agenda.add({ at: from + exponential(this.#furtherPolls, this.#pollSeconds), device, what: 'ask' })
  }

  async #tend(): Promise<void> {
    await this.#caretaker.work()
    const { settled } = this.#caretaker
    await this.#observer.look(this.#now / 3600, settled)
    this.#run.onProgress?.({ reached: this.#table.count, settled })
    await this.#review()
  }

  /** Whether those that were refused would still be refused, now that something has changed. */
  async #review(): Promise<void> {
    if (this.#hasNewPlan) await this.#replan()
    else if (this.#hasNewCounts)
      for (const hold of this.#waiting.holds()) if (!(await this.#isStillRefused(hold))) this.#waiting.lift(hold)
    if (this.#hasNewCounts) this.#caretaker.counted()
    this.#hasNewPlan = false
    this.#hasNewCounts = false
  }

  async #replan(): Promise<void> {
    const { core, rollout } = this.#world
    const current = await core.deps.storage.read.rollouts.find(rollout.serial)
    if (current) this.#rollout = current
    this.#caretaker.planned(this.#rollout)
    this.#waiting.unpark()
    for (const hold of this.#waiting.holds()) this.#waiting.lift(hold)
  }

  async #isStillRefused({ name, probe }: Hold): Promise<boolean> {
    const facts = await this.#facts(probe)
    const decision = this.#world.core.gateway.decide(facts, this.#mannerOf(probe).ask)
    const wait = decision.kind === 'none' ? waitOf(decision.because) : undefined
    return wait?.kind === 'room' && wait.name === name
  }

  #liftEnded(): void {
    for (const hold of this.#waiting.holds()) if (hold.until <= this.#now) this.#waiting.lift(hold)
  }

  #mannerOf(device: number): Manner {
    return MANNERS[this.#run.kinds[this.#table.kindOf(device)]?.protocol ?? 'native']
  }

  async #facts(device: number): Promise<DeviceFacts> {
    const facts = await this.#world.core.gateway.find({ by: 'serial', serial: this.#table.serialOf(device) })
    if (!facts) throw new Error(`device ${device} is gone`)
    return facts
  }
}
