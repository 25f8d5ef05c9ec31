import type { Millis } from '../common.ts'
import { matured } from './health/counts.ts'
import type { Rollout } from './rollout.ts'
import type { Room } from './room.ts'

/** Whether the current stage has done its part, and what it waits for else. */
export type StageVerdict =
  | { readonly kind: 'passed' }
  /** People must approve before it begins. */
  | { readonly kind: 'approval' }
  /** Its soak time is not over. */
  | { readonly kind: 'soak'; readonly until: Millis }
  /** So many of its devices have matured; the threshold asks for more. */
  | { readonly kind: 'evidence'; readonly matured: number; readonly needed: number }
  /** Too few of those that matured succeeded. */
  | { readonly kind: 'below'; readonly percent: number; readonly threshold: number }

/** Judges the stage that a rollout is at. Pure. */
export function stageVerdict(
  rollout: Pick<Rollout, 'stages' | 'stage' | 'stageStartedAt'>,
  room: Pick<Room, 'stages'>,
  now: Millis,
): StageVerdict {
  const stage = rollout.stages[rollout.stage]
  if (!stage || rollout.stageStartedAt === null) return { kind: 'approval' }
  const until = rollout.stageStartedAt + stage.soakSeconds * 1000
  if (now < until) return { kind: 'soak', until }
  if (stage.successThreshold === 0) return { kind: 'passed' }
  const counts = room.stages[rollout.stage]?.counts
  const done = counts ? matured(counts) : 0
  if (!counts || done < stage.minMatured) return { kind: 'evidence', matured: done, needed: stage.minMatured }
  const percent = (100 * (done - counts.failed)) / done
  return percent < stage.successThreshold
    ? { kind: 'below', percent, threshold: stage.successThreshold }
    : { kind: 'passed' }
}
