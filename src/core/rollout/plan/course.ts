import { allowanceOf, UNLIMITED, unverifiableLimit } from '../health/allowance.ts'
import { NO_COUNTS } from '../health/counts.ts'
import type { Stage } from '../rollout.ts'
import { type WindowState, windowState } from '../schedule/window.ts'
import { type Brake, type ForecastInput, SLOT_SECONDS } from './forecast-input.ts'

/** Fewer devices than this are nobody. */
const NOBODY = 1e-6

/** Devices of one stage, which begin to ask when it begins. */
interface Wave {
  readonly devices: number
  readonly from: number
  readonly spreadSeconds: number
}

/** Grants that settle at a time. */
interface Immature {
  readonly at: number
  readonly stage: number
  readonly devices: number
}

/** Devices that wait or are granted, as far as they can be verified and as far as not. */
interface Pair {
  verifiable: number
  not: number
}

/** The state of a forecast, which moves on step by step. */
export class Course {
  readonly devices: number
  readonly #input: ForecastInput
  readonly #period: number
  readonly #base: number
  readonly #waves: Wave[] = []
  readonly #queue: Immature[] = []
  readonly #waiting: Pair = { verifiable: 0, not: 0 }
  readonly #granted: Pair = { verifiable: 0, not: 0 }
  readonly #spent: Record<Brake, number> = { 'check-ins': 0, 'health-gate': 0, rate: 0, slots: 0, window: 0, stages: 0 }
  #given = 0
  #settled = 0
  #settledInStage = 0
  #slots = 0
  #stage = 0
  #stageFrom: number
  #isApproved: boolean
  #last: Brake = 'check-ins'
  seconds = 0
  approvals = 0
  stuck: { stage: number; kind: 'threshold' | 'window' } | null = null

  constructor(input: ForecastInput) {
    this.#input = input
    this.devices = input.stages.reduce((sum, { devices }) => sum + devices, 0)
    const median = Math.max(1, input.ages.quantile(0.5) ?? 1)
    this.#period = 2 * median
    this.#base = Math.min(600, Math.max(1, Math.min(median, input.health.confirmSeconds) / 20))
    const { underWay } = input
    this.#isApproved = underWay?.isApproved ?? false
    this.#stageFrom = -(underWay?.elapsedSeconds ?? 0)
    this.#granted.verifiable = underWay?.granted ?? 0
    this.#granted.not = underWay?.unverifiable ?? 0
    this.#settled = underWay?.settled ?? 0
    this.#settledInStage = underWay?.settledInStage ?? 0
    const immature = this.#granted.verifiable - this.#settled
    if (immature > 0) this.#queue.push({ at: input.health.confirmSeconds / 2, stage: 0, devices: immature })
    if (!underWay) this.approvals += input.stages[0]?.stage.approvals ?? 0
    this.#beginWave()
  }

  /** Devices that were offered the release on this course. */
  get granted(): number {
    return this.#given
  }

  get isStuck(): boolean {
    return this.stuck !== null
  }

  /** What most of the time went into. */
  get brake(): Brake {
    const [most] = (Object.entries(this.#spent) as Array<[Brake, number]>).sort(([, a], [, b]) => b - a)
    return most && most[1] > 0 ? most[0] : 'check-ins'
  }

  step(): void {
    const stage = this.#input.stages[this.#stage]?.stage
    if (!stage || this.#pass(stage)) return
    const isIdle = this.#idle()
    const length = isIdle ? this.#untilNext(stage) : this.#stepLength(stage)
    if (length === undefined) {
      this.#stop(stage)
      return
    }
    const { given, brake } = this.#grant(stage, length)
    if (given < NOBODY && !isIdle && this.#queue.length === 0) this.#unblock(stage)
    this.#last = isIdle && given < NOBODY ? 'stages' : brake
    this.#spent[this.#last] += length
    this.seconds += length
    this.#settle()
  }

  /** Nobody is left to be granted anything for now. */
  #idle(): boolean {
    const waiting = this.#waiting.verifiable + this.#waiting.not
    return waiting < NOBODY && this.#waves.every((wave) => this.#asked(wave, this.seconds) >= wave.devices - NOBODY)
  }

  /** Exact in the rollout's time zone, which devices with windows in their own are taken to be in. */
  #window({ window }: Stage): WindowState {
    if (window === null) return { open: true, closesAt: null }
    const zones = { device: undefined, rollout: this.#input.timeZone }
    return windowState(window, this.#input.now + Math.ceil(this.seconds * 1000), zones)
  }

  #stepLength(stage: Stage): number {
    const { confirmSeconds } = this.#input.health
    const steady = Math.max(this.#base, (this.seconds - Math.max(0, this.#stageFrom)) / 200)
    const length = this.#last === 'health-gate' ? Math.min(steady, confirmSeconds / 4) : steady
    const window = this.#window(stage)
    const edge = window.open ? window.closesAt : window.opensAt
    const left = edge === null ? Number.POSITIVE_INFINITY : (edge - this.#input.now) / 1000 - this.seconds
    const soak = this.#stageFrom + stage.soakSeconds - this.seconds
    const longest = window.open || edge === null ? length : left
    return Math.min(longest, left > 0 ? left : longest, soak > NOBODY ? soak : longest)
  }

  /** To the next thing that happens by itself; undefined when nothing does. */
  #untilNext(stage: Stage): number | undefined {
    const times = [this.#stageFrom + stage.soakSeconds, ...this.#queue.slice(0, 1).map(({ at }) => at)]
    const next = times.filter((at) => at > this.seconds)
    return next.length > 0 ? Math.min(...next) - this.seconds : undefined
  }

  #grant(stage: Stage, length: number): { given: number; brake: Brake } {
    const share = this.#input.verifiableShare
    const until = this.seconds + length
    const fresh = this.#waves.reduce((sum, wave) => sum + this.#asked(wave, until) - this.#asked(wave, this.seconds), 0)
    this.#waiting.verifiable += fresh * share
    this.#waiting.not += fresh * (1 - share)
    const again = Math.min(1, length / this.#period)
    const window = this.#window(stage)
    const open = window.open ? 1 : 0
    const ask = (waiting: number, part: number) => (fresh * part + (waiting - fresh * part) * again) * open
    const asking = { verifiable: ask(this.#waiting.verifiable, share), not: ask(this.#waiting.not, 1 - share) }
    const room = this.#room()
    const wanted = asking.verifiable + asking.not
    const gated = Math.min(asking.verifiable, room.verifiable) + Math.min(asking.not, room.not)
    const held = this.#slots * Math.max(0, 1 - length / SLOT_SECONDS)
    const rate = stage.ratePerMinute === null ? UNLIMITED : (stage.ratePerMinute * length) / 60
    const turns = Math.max(1, length / SLOT_SECONDS)
    const slots = stage.concurrency === null ? UNLIMITED : Math.max(0, stage.concurrency * turns - held)
    const given = Math.min(gated, rate, slots)
    this.#take(asking, room, { part: gated > 0 ? given / gated : 0, length })
    this.#slots = held + given / turns
    if (given >= wanted - NOBODY) return { given, brake: window.open ? 'check-ins' : 'window' }
    if (given >= gated - NOBODY) return { given, brake: 'health-gate' }
    return { given, brake: rate <= slots ? 'rate' : 'slots' }
  }

  #take(asking: Pair, room: Pair, { part, length }: { part: number; length: number }): void {
    const verifiable = Math.min(asking.verifiable, room.verifiable) * part
    const not = Math.min(asking.not, room.not) * part
    this.#waiting.verifiable = Math.max(0, this.#waiting.verifiable - verifiable)
    this.#waiting.not = Math.max(0, this.#waiting.not - not)
    this.#granted.verifiable += verifiable
    this.#granted.not += not
    this.#given += verifiable + not
    const at = this.seconds + length + this.#input.health.confirmSeconds
    if (verifiable > 0) this.#queue.push({ at, stage: this.#stage, devices: verifiable })
  }

  /** What the health gate leaves room for. */
  #room(): Pair {
    const { health } = this.#input
    if (health.mode === 'off' || health.allowance === 'unlimited') return { verifiable: UNLIMITED, not: UNLIMITED }
    const counts = { ...NO_COUNTS, granted: this.#granted.verifiable, settled: this.#settled }
    const limit = this.#settled + allowanceOf(health.allowance, counts)
    const others = unverifiableLimit(health.allowance.initial, counts, health.minVerifiableShare)
    return {
      verifiable: Math.max(0, limit - this.#granted.verifiable),
      not: this.#isApproved ? UNLIMITED : Math.max(0, others - this.#granted.not),
    }
  }

  /** How many of a wave have asked at a time. */
  #asked({ devices, from, spreadSeconds }: Wave, at: number): number {
    const since = at - from
    const spread = spreadSeconds > 0 ? Math.min(1, since / spreadSeconds) : 1
    return devices * this.#input.ages.shareWithin(since) * spread
  }

  #settle(): void {
    while ((this.#queue[0]?.at ?? Number.POSITIVE_INFINITY) <= this.seconds + NOBODY) {
      const done = this.#queue.shift()
      this.#settled += done?.devices ?? 0
      if (done?.stage === this.#stage) this.#settledInStage += done.devices
    }
  }

  /** Whether the next stage begins now. */
  #pass(stage: Stage): boolean {
    if (this.#stage + 1 >= this.#input.stages.length) return false
    if (this.seconds < this.#stageFrom + stage.soakSeconds - NOBODY) return false
    if (stage.successThreshold > 0 && this.#settledInStage < stage.minMatured - NOBODY) return false
    this.#stage += 1
    this.#stageFrom = this.seconds
    this.#settledInStage = 0
    this.approvals += this.#input.stages[this.#stage]?.stage.approvals ?? 0
    this.#beginWave()
    return true
  }

  #beginWave(): void {
    const next = this.#input.stages[this.#stage]
    if (next) this.#waves.push({ devices: next.devices, from: this.seconds, spreadSeconds: next.stage.spreadSeconds })
  }

  /** Devices wait and nothing will mature: a person must approve, or the window is closed for good. */
  #unblock(stage: Stage): void {
    const window = this.#window(stage)
    if (!window.open && window.opensAt === null) this.stuck = { stage: this.#stage, kind: 'window' }
    else if (this.#waiting.not > NOBODY && this.#room().not < NOBODY) {
      this.#isApproved = true
      this.approvals += 1
    }
  }

  /** Nobody is left in the stages that have begun, and no later one can begin. */
  #stop(stage: Stage): void {
    this.stuck = { stage: this.#stage, kind: stage.successThreshold > 0 ? 'threshold' : 'window' }
  }
}
