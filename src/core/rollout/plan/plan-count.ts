import type { Millis } from '../../common.ts'
import type { CoreLimits } from '../../limits.ts'
import type { RolloutName } from '../because.ts'
import { subjectOf } from '../check-room.ts'
import { cohortsOf } from '../cohorts.ts'
import type { Rollout } from '../rollout.ts'
import { COHORTS_PER_FAMILY } from '../room.ts'
import { ownStageOf } from '../stage-of.ts'
import { Ages } from './ages.ts'
import type { ByStage } from './allot-stages.ts'
import { askingOf, type Foreseeing, type Foreseen, type KnownDevice } from './foresee.ts'
import { eachOutcome, type PlanOutcome } from './outcomes.ts'
import { EXAMPLES, type OutcomeCount, type PlanExample } from './plan.ts'
import { ValueCounts } from './value-counts.ts'

/** From-versions and floors that are told apart. */
const VALUES = 1_000

/** No cohort is known and every family has room: each value is counted by itself, up to the counts' own bound. */
const ANY_COHORT = { cohorts: new Map(), families: new Map() }

/** Adds up what is foreseen for one device after another, in bounded memory. */
export class PlanCount {
  readonly ages: Ages
  readonly fromVersions = new ValueCounts(VALUES)
  readonly floors = new ValueCounts(VALUES)
  readonly cohorts: ReadonlyArray<{ readonly family: string; readonly values: ValueCounts }>
  /** By key of the group, of those that stages name. */
  readonly groups = new Map<string, number>()
  readonly keepers = new Map<string, { readonly name: RolloutName; devices: number }>()
  readonly #rollout: Rollout
  readonly #how: Foreseeing
  readonly #outcomes = new Map<PlanOutcome, { devices: number; examples: PlanExample[] }>()
  readonly #own: number[]
  #none = 0
  examined = 0
  bytes = 0
  unverifiable = 0
  /** Never said what they run, and are updated all the same. */
  unknownVersion = 0
  withoutCredential = 0

  constructor(rollout: Rollout, how: Foreseeing & { readonly limits: Pick<CoreLimits, 'silentDays'> }) {
    this.ages = new Ages(how.limits.silentDays)
    this.#rollout = rollout
    this.#how = how
    this.#own = rollout.stages.map(() => 0)
    this.cohorts = rollout.health.cohorts.map((family) => ({ family, values: new ValueCounts(COHORTS_PER_FAMILY) }))
    for (const { reach } of rollout.stages)
      if (reach.kind === 'groups') for (const group of reach.groups) this.groups.set(group, 0)
  }

  /** Devices that would be updated, by stage; `no-stage` is not known before all are counted. */
  get byStage(): ByStage {
    return { own: this.#own, none: this.#none }
  }

  add(known: KnownDevice, foreseen: Foreseen): void {
    this.examined += 1
    const { device } = known.candidates
    const example = { device: device.key, words: foreseen.words }
    const stage = ownStageOf(this.#rollout, { id: device.id, group: known.candidates.groupKey })
    if (foreseen.outcome !== 'will-update') this.#count(foreseen.outcome, example)
    else if (stage === undefined && !this.#hasCount)
      this.#count('no-stage', { ...example, words: 'No stage is for it.' })
    else {
      this.#count('will-update', example)
      this.#update(known, foreseen, stage)
    }
    if (!foreseen.keeper) return
    const keeper = this.keepers.get(foreseen.keeper.id) ?? { name: foreseen.keeper, devices: 0 }
    keeper.devices += 1
    this.keepers.set(foreseen.keeper.id, keeper)
  }

  /** Devices that are not looked at one by one. */
  addMany(outcome: PlanOutcome, devices: number, examples: readonly PlanExample[]): void {
    const count = this.#of(outcome)
    count.devices += devices
    count.examples.push(...examples.slice(0, EXAMPLES - count.examples.length))
  }

  /** The counts, with so many of those to be updated left out by the stages. */
  outcomes(leftOut: number): Record<PlanOutcome, OutcomeCount> {
    const outcomes = eachOutcome((outcome): OutcomeCount => ({ ...this.#of(outcome) }))
    const { 'will-update': updated, 'no-stage': without } = outcomes
    return {
      ...outcomes,
      'will-update': { ...updated, devices: updated.devices - leftOut },
      'no-stage': { devices: without.devices + leftOut, examples: without.examples },
    }
  }

  /** A stage of a count, which anybody may come into, is still to come. */
  get #hasCount(): boolean {
    return this.#rollout.stages.some(({ reach }, at) => at >= this.#rollout.stage && reach.kind === 'count')
  }

  #update(known: KnownDevice, { way }: Foreseen, stage: number | undefined): void {
    const { candidates, schemes } = known
    const { device } = candidates
    if (stage === undefined) this.#none += 1
    else this.#own[stage] = (this.#own[stage] ?? 0) + 1
    this.ages.add(device.lastSeenAt, this.#now)
    const { attributes, running } = subjectOf(candidates)
    this.fromVersions.add(running)
    for (const cohort of cohortsOf(this.#rollout.health.cohorts, { attributes, running }, ANY_COHORT))
      this.cohorts.find(({ family }) => family === cohort.family)?.values.add(cohort.value)
    for (const { file } of way?.floors ?? []) this.floors.add(file.firmware.version)
    for (const { artifact } of way?.files ?? []) this.bytes += artifact.size
    if (candidates.groupKey !== null && this.groups.has(candidates.groupKey))
      this.groups.set(candidates.groupKey, (this.groups.get(candidates.groupKey) ?? 0) + 1)
    if (running === null) this.unknownVersion += 1
    if (schemes.length === 0) this.withoutCredential += 1
    const { style } = askingOf(known, this.#how.styles)
    if (style.isVerifiable === false) this.unverifiable += 1
  }

  get #now(): Millis {
    return this.#how.now
  }

  #count(outcome: PlanOutcome, example: PlanExample): void {
    const count = this.#of(outcome)
    count.devices += 1
    if (count.examples.length < EXAMPLES) count.examples.push(example)
  }

  #of(outcome: PlanOutcome): { devices: number; examples: PlanExample[] } {
    const known = this.#outcomes.get(outcome)
    if (known) return known
    const made = { devices: 0, examples: [] }
    this.#outcomes.set(outcome, made)
    return made
  }
}
