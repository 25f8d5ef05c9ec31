import { cohortName } from '../../core/rollout/cohorts.ts'
import type { Rollout } from '../../core/rollout/rollout.ts'
import { loadRoom, type Room } from '../../core/rollout/room.ts'
import { NO_OUTCOMES } from '../../core/rollout/tally.ts'
import type { Moment, StoppedCohort, VirtualResult } from './virtual-result.ts'
import type { World } from './world.ts'

/** Least hours between two moments of the timeline. */
const STEP_HOURS = 0.1

/** Keeps what is to be told of a run, from the counters that the core keeps. */
export class Observer {
  readonly #world: World
  readonly #devices: number
  readonly #reachedByKind: number[]
  readonly #cohorts = new Map<string, StoppedCohort>()
  readonly #timeline: Moment[] = []
  readonly #trials: number[] = []
  #answers = 0
  #hoursTo95: number | null = null

  constructor(world: World, counts: readonly number[]) {
    this.#world = world
    this.#devices = counts.reduce((sum, count) => sum + count, 0)
    this.#reachedByKind = counts.map(() => 0)
  }

  get devices(): number {
    return this.#devices
  }

  /** Whether the timeline wants another moment. */
  isDue(hours: number): boolean {
    return hours >= (this.#timeline.at(-1)?.hours ?? 0) + STEP_HOURS
  }

  answered(kind: number, isFirst: boolean): void {
    this.#answers += 1
    if (isFirst) this.#reachedByKind[kind] = (this.#reachedByKind[kind] ?? 0) + 1
  }

  /** After anything that may have given the gate evidence. */
  async look(hours: number, settled: number): Promise<void> {
    if (this.#hoursTo95 === null && settled >= Math.ceil(0.95 * this.#devices)) this.#hoursTo95 = hours
    const room = await this.#room()
    if (!room) return
    for (const tally of room.cohorts.values())
      if (tally.stopWords !== null && !this.#cohorts.has(tally.scope))
        this.#cohorts.set(tally.scope, { cohort: cohortName(tally), why: tally.stopWords, hours })
    if (this.isDue(hours)) this.#timeline.push(momentOf(room, hours))
  }

  /** The rollout was stopped, and is about to be resumed. */
  async runEnded(): Promise<void> {
    const room = await this.#room()
    if (room) this.#trials.push(trialsOf(room))
  }

  async result(rollout: Rollout, { seed, hours }: { seed: number; hours: number }): Promise<VirtualResult> {
    const room = await this.#room()
    if (room) this.#timeline.push(momentOf(room, hours))
    return {
      seed,
      devices: this.#devices,
      reached: room?.whole.devices ?? 0,
      reachedByKind: this.#reachedByKind,
      trials: room ? [...this.#trials, trialsOf(room)] : this.#trials,
      answers: this.#answers,
      stopped: rollout.state === 'stopped',
      why: rollout.stop?.kind === 'gate' ? rollout.stop.words : null,
      stoppedCohorts: [...this.#cohorts.values()],
      outcomes: room?.whole.outcomes ?? NO_OUTCOMES,
      hours,
      hoursTo95: this.#hoursTo95,
      timeline: this.#timeline,
    }
  }

  #room(): Promise<Room | undefined> {
    return loadRoom(this.#world.core.deps.storage.read, this.#world.rollout.serial)
  }
}

function trialsOf({ whole }: Room): number {
  return whole.counts.granted + whole.unverifiable
}

function momentOf({ whole }: Room, hours: number): Moment {
  const { settled, failed } = whole.counts
  return { hours, reached: whole.devices, settled, failed }
}
