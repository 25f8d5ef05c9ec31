import type { RolloutName } from '../because.ts'
import type { Rollout, RolloutState } from '../rollout.ts'
import type { Allotment } from './allot-stages.ts'
import type { Forecast } from './forecast.ts'
import type { PlanOutcome } from './outcomes.ts'
import type { OutcomeCount, PlanWarning, WarningKind } from './plan.ts'

export interface WarningFacts {
  readonly rollout: Pick<Rollout, 'stages' | 'stage' | 'kind' | 'health' | 'membership'>
  readonly version: string
  /** Key of the product. */
  readonly product: string
  readonly devices: number
  readonly selected: number
  readonly examined: number
  readonly isComplete: boolean
  readonly limitSeconds: number
  readonly outcomes: Readonly<Record<PlanOutcome, OutcomeCount>>
  readonly allotment: Allotment
  readonly groups: ReadonlyMap<string, number>
  readonly keepers: ReadonlyArray<{ readonly name: RolloutName; readonly devices: number }>
  /** Live rollouts of the product that rank before it. */
  readonly before: ReadonlyArray<{ readonly name: RolloutName; readonly state: RolloutState }>
  readonly unverifiable: number
  readonly withoutCredential: number
  readonly unknownVersion: number
  readonly silentDays: number
  readonly silent: number
  readonly neverSeen: number
  /** Devices that can be verified and hold the release since the current stage. */
  readonly heldInStage: number
  readonly forecast: Forecast
  readonly withdrawn: readonly string[]
  readonly unverified: readonly string[]
  readonly frozen: 'server' | 'organisation' | null
}

/** What an operator should know before the rollout starts, the gravest first. Pure. */
export function warningsOf(facts: WarningFacts): PlanWarning[] {
  return [...wholeWarnings(facts), ...deviceWarnings(facts), ...stageWarnings(facts), ...fleetWarnings(facts)]
}

function wholeWarnings(facts: WarningFacts): PlanWarning[] {
  const { version, product, outcomes } = facts
  const warnings: PlanWarning[] = []
  const warn = (kind: WarningKind, words: string) => warnings.push({ kind, words })
  if (!facts.isComplete)
    warn(
      'incomplete',
      `Only ${whole(facts.examined)} of ${devices(facts.selected)} were looked at within ${facts.limitSeconds} s; the counts are of these alone.`,
    )
  if (facts.selected === 0)
    warn('none-selected', `None of the ${devices(facts.devices)} of product ${product} is selected.`)
  else if (outcomes['will-update'].devices === 0 && facts.isComplete) warn('none-updated', 'It would update no device.')
  for (const one of facts.withdrawn) warn('withdrawn', `Version ${one} is withdrawn: it is refused everywhere.`)
  for (const one of facts.unverified)
    warn('verification-pending', `Version ${one} must be verified on a few devices first; the plan is for afterwards.`)
  if (facts.frozen !== null)
    warn('frozen', `The ${facts.frozen} is frozen: nothing is offered to anybody until it is not any more.`)
  if (outcomes['no-path'].devices > 0)
    warn('no-path', `${sentence(outcomes['no-path'])} no way to ${version}: ${first(outcomes['no-path'])}`)
  return warnings
}

const BARRED = [
  ['unknown-version', 'no way that is known, because what they run is not known'],
  ['floor-unverified', 'a version on their way that must be verified first'],
  ['downgrade', 'a newer version, and do not go back'],
  ['incomparable', 'a version that cannot be compared, and are left alone'],
  ['previous-unknown', 'no former version that is known, and stay as they are'],
  ['previous-missing', 'a former version that is gone or withdrawn, and stay as they are'],
] as const

function deviceWarnings(facts: WarningFacts): PlanWarning[] {
  const warnings: PlanWarning[] = []
  for (const [kind, what] of BARRED) {
    const count = facts.outcomes[kind]
    if (count.devices > 0) warnings.push({ kind, words: `${sentence(count)} ${what}: ${first(count)}` })
  }
  if (facts.unknownVersion > 0)
    warnings.push({
      kind: 'unguarded',
      words: `${devices(facts.unknownVersion)} never said what they run: nothing keeps them from going back to an older version.`,
    })
  for (const { name, devices: kept } of facts.keepers)
    warnings.push({
      kind: 'outranked',
      words: `Rollout ${name.key} ranks before it and keeps ${devices(kept)}, until it is finished or this one has a higher priority.`,
    })
  for (const { name, state } of facts.before)
    if (state === 'paused')
      warnings.push({
        kind: 'ranks-before',
        words: `Rollout ${name.key} is paused; once it is resumed, it ranks before this one.`,
      })
  return warnings
}

function stageWarnings(facts: WarningFacts): PlanWarning[] {
  const { rollout, allotment, forecast } = facts
  const updates = facts.outcomes['will-update'].devices > 0
  const warnings: PlanWarning[] = []
  const left = facts.outcomes['no-stage'].devices
  if (left > 0)
    warnings.push({
      kind: 'left-out',
      words: `Its stages leave ${devices(left)} out, which never ${left === 1 ? 'gets' : 'get'} it.`,
    })
  for (const [group, count] of facts.groups)
    if (count === 0)
      warnings.push({
        kind: 'empty-group',
        words: `No device of group ${group}, which a stage names, would be updated.`,
      })
  for (const [index, { reach }] of rollout.stages.entries())
    if (index >= rollout.stage && reach.kind !== 'groups' && (allotment.stages[index] ?? 0) === 0 && updates)
      warnings.push({ kind: 'empty-stage', words: `Stage ${index + 1} is for no device that would be updated.` })
  for (const [index, { successThreshold, minMatured }] of rollout.stages.entries()) {
    const isLast = index === rollout.stages.length - 1
    if (index < rollout.stage || isLast || successThreshold === 0 || !updates) continue
    const verdicts = verdictsOf(facts, index)
    if (verdicts >= minMatured) continue
    warnings.push({
      kind: 'stuck-stage',
      words: `Stage ${index + 1} can never be left by itself: it waits for ${minMatured === 1 ? 'a verdict' : `${whole(minMatured)} verdicts`}, and ${verdicts === 1 ? '1 device' : whole(verdicts)} of it can give one. Set its successThreshold to 0, or advance it by hand.`,
    })
  }
  if (forecast.stuck?.kind === 'window')
    warnings.push({
      kind: 'window-over',
      words: `The window of stage ${rollout.stage + forecast.stuck.stage + 1} is over and does not open again.`,
    })
  return warnings
}

/** Devices of a stage that can give a verdict, those that hold the release already included. */
function verdictsOf({ allotment, rollout, heldInStage, unverifiable, outcomes }: WarningFacts, index: number): number {
  const held = index === rollout.stage ? heldInStage : 0
  const isMute = unverifiable > 0 && unverifiable >= outcomes['will-update'].devices
  return held + (isMute ? 0 : (allotment.stages[index] ?? 0))
}

function fleetWarnings(facts: WarningFacts): PlanWarning[] {
  const updated = facts.outcomes['will-update'].devices
  const warnings: PlanWarning[] = []
  const warn = (kind: WarningKind, words: string) => warnings.push({ kind, words })
  if (facts.unverifiable > 0) {
    const share = Math.round((100 * facts.unverifiable) / Math.max(1, facts.unverifiable, updated))
    warn(
      'unverifiable',
      `Of ${devices(facts.unverifiable)} (${share} %) no protocol tells what becomes of an update: they are no evidence for the health gate, and too many of them need approval.`,
    )
  }
  const choosing = facts.outcomes['chooses-itself'].devices
  if (choosing > 0)
    warn(
      'catalogue',
      `Product ${facts.product} is a catalogue: ${devices(choosing)} ${choosing === 1 ? 'chooses' : 'choose'} from its list, and no rollout reaches them until the product is managed.`,
    )
  if (facts.withoutCredential > 0)
    warn(
      'no-credential',
      `${devices(facts.withoutCredential)} ${facts.withoutCredential === 1 ? 'has' : 'have'} no credential, and so cannot ask for it.`,
    )
  const quiet = facts.silent + facts.neverSeen
  if (quiet > 0)
    warn(
      'silent',
      `${devices(quiet)} ${quiet === 1 ? 'was' : 'were'} not seen for ${facts.silentDays} days${facts.neverSeen > 0 ? `, ${whole(facts.neverSeen)} of them never` : ''}: nobody knows when they ask.`,
    )
  return warnings
}

function sentence({ devices: count }: OutcomeCount): string {
  return `${devices(count)} ${count === 1 ? 'has' : 'have'}`
}

/** What is said of the first example. */
function first({ examples }: OutcomeCount): string {
  const [example] = examples
  return example ? `${example.device}: ${example.words}` : ''
}

function devices(count: number): string {
  return count === 1 ? '1 device' : `${whole(count)} devices`
}

function whole(value: number): string {
  return value.toLocaleString('en-US')
}
