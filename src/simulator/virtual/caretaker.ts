import type { Core } from '../../core/create-core.ts'
import type { Rollout } from '../../core/rollout/rollout.ts'
import { tendRollouts } from '../../core/rollout/tend.ts'

/** Time-outs of updates are hours and days: it is enough to look so often. */
const EXPIRE_MS = 600_000
/** Updates ended in one transaction after the other; see `UpdateService`. */
const BATCH = 500

/**
 * What a server does by itself, in virtual time: settling devices whose time to confirm is over, going to the next stage,
 * inferring success from silence, time-outs. A server looks every second or few, mostly for nothing; here it looks at
 * the first multiple of `tickMs` at which anything is due.
 */
export class Caretaker {
  readonly #core: Core
  readonly #tickMs: number
  readonly #start: number
  /** When each device that is on trial is to have confirmed the release, the next first. */
  readonly #settling: number[] = []
  #settled = 0
  readonly #quiet: number[] = []
  #rollout: Rollout
  #soakEnds = Number.POSITIVE_INFINITY
  /** When the stage is to be looked at. */
  #stageAt = Number.POSITIVE_INFINITY
  #expiredAt: number

  constructor(core: Core, { rollout, tickMs }: { rollout: Rollout; tickMs: number }) {
    this.#core = core
    this.#rollout = rollout
    this.#tickMs = tickMs
    this.#start = core.deps.clock.now()
    this.#expiredAt = this.#start
    this.planned(rollout)
  }

  /** Devices whose time to confirm is over. */
  get settled(): number {
    return this.#settled
  }

  /** The trial of a device has begun; unless given, it settles as that of one that takes the release itself. */
  granted(settleAt = this.#now() + this.#rollout.health.confirmSeconds * 1000): void {
    let place = this.#settling.length
    while (place > this.#settled && (this.#settling[place - 1] ?? 0) > settleAt) place -= 1
    if (place === this.#settling.length) this.#settling.push(settleAt)
    else this.#settling.splice(place, 0, settleAt)
  }

  /** A device asked and took nothing: unless it fetches again, it counts as updated soon. */
  askedQuietly(): void {
    this.#quiet.push(this.#now() + this.#core.deps.limits.inferSeconds * 1000)
  }

  /** The rollout is at another stage, or in another state. */
  planned(rollout: Rollout): void {
    this.#rollout = rollout
    const { stage, stages, stageStartedAt } = rollout
    const hasNext = stage + 1 < stages.length && stageStartedAt !== null
    this.#soakEnds = hasNext ? stageStartedAt + (stages[stage]?.soakSeconds ?? 0) * 1000 : Number.POSITIVE_INFINITY
    this.#stageAt = this.#soakEnds
  }

  /** Counters have changed: there may be evidence enough for the next stage. */
  counted(): void {
    this.#stageAt = Math.min(this.#stageAt, Math.max(this.#soakEnds, this.#now()))
  }

  /** When there is something to do next, in milliseconds. */
  nextAt(): number {
    const settles =
      this.#settled < this.#settling.length ? (this.#settling[this.#settled] ?? 0) : Number.POSITIVE_INFINITY
    const at = Math.min(settles, this.#quiet[0] ?? Number.POSITIVE_INFINITY, this.#stageAt)
    return this.#start + Math.ceil((at - this.#start) / this.#tickMs) * this.#tickMs
  }

  /** Does what is due. */
  async work(): Promise<void> {
    const { deps, updates } = this.#core
    const now = this.#now()
    this.#stageAt = Number.POSITIVE_INFINITY
    await tendRollouts(deps)
    while (this.#settled < this.#settling.length && (this.#settling[this.#settled] ?? 0) <= now) this.#settled += 1
    if ((this.#quiet[0] ?? Number.POSITIVE_INFINITY) <= now) await this.#settleQuiet(now)
    if (now - this.#expiredAt < EXPIRE_MS) return
    this.#expiredAt = now
    while ((await updates.expire(BATCH)) === BATCH);
  }

  async #settleQuiet(now: number): Promise<void> {
    while ((this.#quiet[0] ?? Number.POSITIVE_INFINITY) <= now) this.#quiet.shift()
    while ((await this.#core.updates.settleQuiet(BATCH)) === BATCH);
  }

  #now(): number {
    return this.#core.deps.clock.now()
  }
}
