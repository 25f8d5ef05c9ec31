import type { Entity, Millis, Patch, Serial } from '../common.ts'

export const OPEN_STATES = ['pending', 'offered', 'downloading', 'downloaded', 'installing', 'cancelling'] as const
export const CLOSED_STATES = ['succeeded', 'failed', 'rolled-back', 'cancelled', 'superseded', 'delivered'] as const

export type OpenState = (typeof OPEN_STATES)[number]
export type ClosedState = (typeof CLOSED_STATES)[number]
export type UpdateState = OpenState | ClosedState

/** States that a time-out can end. */
export type TimedState = Exclude<OpenState, 'pending'>

/** How long an update may stand still, in seconds; null = for ever. */
export interface TimeOuts extends Readonly<Record<TimedState, number | null>> {
  /**
   * One clock over downloading, downloaded and installing together, in place of theirs. Unlike theirs it is not wound
   * up again by progress.
   */
  readonly work: number | null
  /** Whether that clock runs from the first of these states, or from the offer, whose own time-out it then replaces. */
  readonly workFrom: 'download' | 'offered'
  /** What an offer that nobody took up becomes: a failed update, or one that stays open and waits on. */
  readonly offeredExpiry: 'fail' | 'release-slot'
  /** Reason of an update that failed by a time-out, in place of the server's own words. */
  readonly reason: string | null
}

/** What an update has of its own; everything else follows the server's limits. */
export type OwnTimeOuts = Partial<TimeOuts>

/** One module's part of an update. */
export interface ModuleStep {
  readonly module: Serial | null
  readonly firmware: Serial
  /** Version that ran when the update was granted; null = unknown. */
  readonly from: string | null
  readonly to: string
}

/** One device moving to a release. At most one is open per device, whatever the protocol. */
export interface Update extends Entity {
  readonly organisation: Serial
  readonly device: Serial
  readonly release: Serial
  /** The assignment that asked for it; null when the device chose from a catalogue. */
  readonly assignment: Serial | null
  /** The rollout that it came from; null when none did, or when that is deleted. */
  readonly rollout: Serial | null
  /** The protocol through which it runs. */
  readonly via: string
  readonly state: UpdateState
  /** 1 for the first try of this release under this assignment. */
  readonly attempt: number
  /** Percent 0..100 as reported; negative = the device's own failure code. */
  readonly progress: number
  /** The device's or the engine's words for the state; `` when none. */
  readonly reason: string
  readonly steps: readonly ModuleStep[]
  readonly changedAt: Millis
  readonly closedAt: Millis | null
  /** With protocols that report nothing: becomes `succeeded` at this time unless the bytes are fetched again. */
  readonly confirmAfter: Millis | null
  /** When the server gives it up unless there is news; null = never, and always once it is closed. */
  readonly deadline: Millis | null
  /** Time-outs of its own; null = the server's. */
  readonly timeOuts: OwnTimeOuts | null
}

/**
 * Whether a change of an update may change what its device is told. How far it is within a step may not, but for the
 * end of the step: devices report that often, and their facts stay in memory meanwhile.
 */
export function concernsAnswers({ progress, reason: _, deadline: __, ...others }: Patch<Update>): boolean {
  return progress === undefined || progress < 0 || progress >= 100 || Object.keys(others).length > 0
}

/** The same of a change from one row to another. */
export function advanceConcernsAnswers(before: Update, after: Partial<Update>): boolean {
  const changed = Object.entries(after).filter(([name, value]) => before[name as keyof Update] !== value)
  return changed.length > 0 && concernsAnswers(Object.fromEntries(changed))
}

export function isOpen(state: UpdateState): state is OpenState {
  return (OPEN_STATES as readonly string[]).includes(state)
}
