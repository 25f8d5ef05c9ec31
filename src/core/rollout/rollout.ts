import type { Entity, Id, Millis, Serial } from '../common.ts'
import type { Actor } from '../event/event.ts'
import type { Filter } from '../filter/filter.ts'
import type { OwnTimeOuts } from '../update/update.ts'
import type { Evidence } from './health/evidence.ts'
import type { HealthPolicy } from './health/health-policy.ts'
import type { Window } from './schedule/window.ts'

/**
 * `draft`: not started. `running`: grants. `paused`: grants nothing, what is under way goes on. `stopped`: by its health
 * gate or an operator; what has not begun is taken back. `finished`: by an operator, or by itself.
 */
export const ROLLOUT_STATES = ['draft', 'running', 'paused', 'stopped', 'finished'] as const
export type RolloutState = (typeof ROLLOUT_STATES)[number]

/**
 * `update`: brings a release to devices. `verification`: tries firmware on a few devices, before any other rollout may
 * use it. `undo`: returns the devices that another rollout updated to what each of them ran before.
 */
export type RolloutKind = 'update' | 'verification' | 'undo'

/** Which devices a stage is for, besides being selected by the rollout. Stages are taken in order. */
export type StageReach =
  /** Devices whose bucket lies below this share; counted over the whole rollout, so stages rise. More than 0, at most 100. */
  | { readonly kind: 'percent'; readonly percent: number }
  /** The first so many devices to ask. */
  | { readonly kind: 'count'; readonly count: number }
  /** Members of these groups, by key. */
  | { readonly kind: 'groups'; readonly groups: readonly string[] }

/** One step of a rollout. Limits hold for devices granted in this stage. */
export interface Stage {
  readonly reach: StageReach
  /** Percent of the stage's matured devices that must have succeeded before the next stage begins; 0 asks nothing. */
  readonly successThreshold: number
  /** Matured devices that the threshold needs to be judged at all; at least 1. */
  readonly minMatured: number
  /** Least time from the stage's beginning to the next stage's, seconds. */
  readonly soakSeconds: number
  /** People who must approve before this stage begins: nobody, one, or two different ones. */
  readonly approvals: 0 | 1 | 2
  /** Updates of this stage under way at once; null = no limit. */
  readonly concurrency: number | null
  /** Grants of this stage in each minute of the clock; null = no limit. */
  readonly ratePerMinute: number | null
  /** When devices may be granted; null = always. */
  readonly window: Window | null
  /** Devices are granted at random moments of so many seconds from the stage's beginning; 0 = at once. */
  readonly spreadSeconds: number
}

/** What happens after a failed update of a device in a rollout. */
export interface RetryPolicy {
  /** Tries in all, at least 1. */
  readonly attempts: number
  /** Pause before the second try, seconds; doubles with each further one unless `steady`. */
  readonly pauseSeconds: number
  readonly steady: boolean
}

/** Which devices; the product of the rollout counts as well. */
export interface Selection {
  readonly filter: Filter
  /** Devices that never reported a version are left out. */
  readonly reportingOnly: boolean
}

export interface RolloutOptions {
  /** IANA name; of windows, and of devices that do not tell theirs. */
  readonly timeZone: string
  /** Lets devices be sent to an older version, or to one that cannot be compared. */
  readonly allowDowngrade: boolean
  readonly retry: RetryPolicy
  /** Of its updates, where they differ from the server's. */
  readonly timeOuts: OwnTimeOuts | null
  /** Devices may ask for the update by themselves, where a protocol knows push and pull. */
  readonly pull: boolean
  /** Devices ignore the penalty box. */
  readonly ignorePenalty: boolean
  /** It does not finish by itself. Absent in rollouts of older versions, which do not either. */
  readonly staysOpen?: boolean
}

/** Why a rollout is stopped. */
export type StopCause =
  | { readonly kind: 'operator'; readonly reason: string }
  | { readonly kind: 'gate'; readonly evidence: Evidence; readonly words: string }

/** How far a snapshot of the members is taken. `after`: the last device looked at; `devices`: members so far. */
export type SnapshotState =
  | { readonly kind: 'none' }
  | { readonly kind: 'taking'; readonly after: Serial; readonly devices: number }
  | { readonly kind: 'taken'; readonly devices: number }

/** One release for many devices. */
export interface Rollout extends Entity {
  readonly organisation: Serial
  /** Unique in the organisation. */
  readonly key: string
  readonly name: string
  readonly kind: RolloutKind
  readonly product: Serial
  /** Of an undo: the release that is taken back. */
  readonly release: Serial
  /** The rollout that an undo takes back. */
  readonly undoes: Serial | null
  readonly state: RolloutState
  /** Higher ones first, then older ones. */
  readonly priority: number
  /** `dynamic`: whoever is selected when it asks. `snapshot`: who was selected when the rollout was made. */
  readonly membership: 'dynamic' | 'snapshot'
  readonly snapshot: SnapshotState
  readonly selection: Selection
  readonly stages: readonly Stage[]
  readonly health: HealthPolicy
  readonly options: RolloutOptions
  /** The current stage, from 0. */
  readonly stage: number
  /** When the current stage began to grant; null while it waits (not started, or for approval). */
  readonly stageStartedAt: Millis | null
  /** How often it was resumed after a stop; each resume begins the counts of the gate again. */
  readonly run: number
  /** Somebody approved of going on with devices that cannot be verified. */
  readonly unverifiableApproved: boolean
  /** Updates under way are being cancelled. */
  readonly cancelling: boolean
  /** ... of members up to this one they are. */
  readonly cancelAfter: Serial
  /** It finished by itself, since nothing was left to do; being told to retry a device, it goes on. */
  readonly isComplete: boolean
  /** Only devices that it names can be selected: no other device ever meets it. Settled when it is made. */
  readonly namesDevices: boolean
  readonly startedAt: Millis | null
  /** When it was last stopped or finished. */
  readonly endedAt: Millis | null
  readonly stop: StopCause | null
  readonly createdBy: Actor
  /** What the protocol that made it must give back; core only keeps it. */
  readonly extra: Readonly<Record<string, unknown>>
}

/** Somebody's approval of a stage, once for each account. */
export interface Approval {
  readonly rollout: Serial
  readonly stage: number
  readonly run: number
  readonly account: Id
  readonly name: string
  readonly at: Millis
}

/** The order in which a device meets rollouts: live ones by priority and age, behind them stopped ones, newest first. */
export function byRank(a: Rollout, b: Rollout): number {
  const [isLiveA, isLiveB] = [isLive(a.state), isLive(b.state)]
  if (isLiveA !== isLiveB) return isLiveA ? -1 : 1
  if (!isLiveA) return b.serial - a.serial
  return b.priority - a.priority || a.createdAt - b.createdAt || a.serial - b.serial
}

/** Whether a rollout may be granted from at all, now or once it goes on. */
export function isLive(state: RolloutState): boolean {
  return state === 'running' || state === 'paused'
}
