import type { NoneBecause } from '../../core/decide/decision.ts'
import type { Change } from '../../core/ports.ts'
import { isLive, type Rollout } from '../../core/rollout/rollout.ts'
import { exponential, seededRandom } from '../../core/seeded-random.ts'
import { Agenda, type Appointment } from './agenda.ts'
import { Caretaker } from './caretaker.ts'
import { Conversation } from './conversation.ts'
import { DeviceTable } from './device-table.ts'
import { type FailureModel, Fates } from './fate.ts'
import type { FleetKind } from './fleet-kinds.ts'
import { Observer } from './observer.ts'
import { waitOf } from './refusal.ts'
import { VirtualClock } from './virtual-ports.ts'
import type { VirtualResult } from './virtual-result.ts'
import { WaitingRoom } from './waiting-room.ts'
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
  /** All devices have to install a version between first, which fails on this share of them. */
  readonly floor?: { readonly failureRate: number }
  /** How often somebody resumes it at once after the gate stopped it. Default 0. */
  readonly resumes?: number
  readonly onProgress?: (progress: { readonly reached: number; readonly settled: number }) => void
}

/** 2026-01-01T00:00:00Z, a Thursday. */
const START = Date.UTC(2026, 0, 1)

/** Runs one rollout through one fleet in virtual time. The same run gives the same result on every machine. */
export async function runVirtually(run: VirtualRun): Promise<VirtualResult> {
  const clock = new VirtualClock(START)
  const { seed, kinds, choice = {}, floor } = run
  const world = await openWorld(clock, { seed, kinds, choice, hasFloor: floor !== undefined })
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
  readonly #devices: Conversation
  readonly #caretaker: Caretaker
  readonly #observer: Observer
  #rollout: Rollout
  /** Seconds since the start. */
  #now = 0
  #hasNewCounts = false
  #hasNewPlan = false
  #resumes = 0

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
    this.#table = new DeviceTable(this.#observer.devices)
    this.#devices = new Conversation(world, run.kinds, this.#table)
    this.#caretaker = new Caretaker(core, { rollout, tickMs: (run.tickSeconds ?? 1) * 1000 })
    core.deps.storage.onChange((changes) => this.#noteChanges(changes))
  }

  async run(): Promise<VirtualResult> {
    const horizon = (this.#run.hours ?? 72) * 3600
    while (isLive(this.#rollout.state) || (await this.#isResumed())) {
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
      if (this.#observer.isDue(this.#hours)) await this.#look()
    }
    return this.#observer.result(this.#rollout, { seed: this.#run.seed, hours: this.#hours })
  }

  /** Whether the rollout, which was stopped, goes on. */
  async #isResumed(): Promise<boolean> {
    if (this.#rollout.state !== 'stopped' || this.#resumes >= (this.#run.resumes ?? 0)) return false
    this.#resumes += 1
    await this.#observer.runEnded()
    await this.#world.core.rolloutControl.resume(this.#world.scope, this.#rollout.key)
    await this.#replan()
    return true
  }

  get #hours(): number {
    return this.#now / 3600
  }

  #look(): Promise<void> {
    return this.#observer.look(this.#hours, this.#caretaker.settled)
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
    const device = known ?? (await this.#devices.register(kind))
    const hadNewCounts = this.#hasNewCounts
    const because = await this.#devices.ask(device)
    if (because) return this.#refused(device, because)
    await this.#taken(device)
    // A grant takes room and never makes any: nobody who was refused need ask again for that.
    this.#hasNewCounts = hadNewCounts
  }

  async #taken(device: number): Promise<void> {
    const before = this.#table.fateOf(device)
    const isFirst = before === undefined && !this.#hasPassedFloor(device)
    this.#observer.answered(this.#table.kindOf(device), isFirst)
    await this.#watch(device, isFirst)
    const { fate, seconds } = before ? this.#fates.again(before) : this.#fates.draw(this.#failureRate(device))
    this.#table.setFate(device, fate)
    if (fate === 'falls-silent') return
    if (fate === 'rolls-back') this.#agenda.add({ at: this.#now + seconds / 2, device, what: 'install' })
    this.#agenda.add({ at: this.#now + seconds, device, what: 'end' })
  }

  /** Whether it goes from the version between to the release. */
  #hasPassedFloor(device: number): boolean {
    return this.#run.floor !== undefined && !this.#table.isAtFloor(device)
  }

  /** Of what it took last. */
  #failureRate(device: number): number {
    const { floor } = this.#run
    return floor && this.#table.isAtFloor(device) ? floor.failureRate : this.#devices.kindOf(device).failureRate
  }

  /** A trial that has begun settles. Its time is known without a look, but where devices have further ones. */
  async #watch(device: number, isFirst: boolean): Promise<void> {
    if (this.#run.floor === undefined && this.#run.resumes === undefined) {
      if (isFirst) this.#caretaker.granted()
      return
    }
    const { rolloutMembers } = this.#world.core.deps.storage.read
    const member = await rolloutMembers.find(this.#rollout.serial, this.#table.serialOf(device))
    if (member?.grantedAt === this.#clock.now() && member.settleAt !== null) this.#caretaker.granted(member.settleAt)
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
    switch (what) {
      case 'wait':
        return this.#waiting.put(this.#table.kindOf(device), device)
      case 'install':
        return this.#devices.install(device)
      case 'ask':
        return this.#askAgain(device)
      case 'end':
        return this.#end(device)
    }
  }

  async #end(device: number): Promise<void> {
    if (await this.#devices.end(device)) this.#caretaker.askedQuietly()
    const isGood = this.#table.fateOf(device) === 'good'
    const hasNext = isGood && this.#table.isAtFloor(device)
    if (hasNext) this.#table.setFate(device, undefined)
    if (hasNext || !isGood) this.#askLater(device, this.#now)
    if (!isGood) await this.#look()
    await this.#review()
  }

  async #askAgain(device: number): Promise<void> {
    const because = await this.#devices.ask(device)
    if (!because) return await this.#taken(device)
    const wait = waitOf(because)
    if (wait.kind === 'end') return
    this.#askLater(device, wait.kind === 'moment' ? this.#seconds(wait.until) : this.#now)
  }

  #askLater(device: number, from: number): void {
    this.#agenda.add({ at: from + exponential(this.#furtherPolls, this.#pollSeconds), device, what: 'ask' })
  }

  async #tend(): Promise<void> {
    await this.#caretaker.work()
    await this.#look()
    this.#run.onProgress?.({ reached: this.#table.count, settled: this.#caretaker.settled })
    await this.#review()
  }

  /** Whether those that were refused would still be refused, now that something has changed. */
  async #review(): Promise<void> {
    if (this.#hasNewPlan) await this.#replan()
    else if (this.#hasNewCounts)
      for (const hold of this.#waiting.holds())
        if (!(await this.#devices.wouldBeRefused(hold.probe, hold.name))) this.#waiting.lift(hold)
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

  #liftEnded(): void {
    for (const hold of this.#waiting.holds()) if (hold.until <= this.#now) this.#waiting.lift(hold)
  }
}
