import type { Serial } from '../../common.ts'
import type { Rollout, Stage } from '../rollout.ts'
import type { Room } from '../room.ts'
import { freshTally, WHOLE } from '../tally.ts'

/** Takes in every device at once. */
const EVERYBODY: Stage = {
  reach: { kind: 'percent', percent: 100 },
  successThreshold: 0,
  minMatured: 1,
  soakSeconds: 0,
  approvals: 0,
  concurrency: null,
  ratePerMinute: null,
  window: null,
  spreadSeconds: 0,
}

/**
 * The rollout as if it ran without stages: what is left are the reasons that no patience overcomes. A list of devices
 * that is not taken yet counts as whoever is selected now.
 */
export function asIfOpen(rollout: Rollout): Rollout {
  const isTaken = rollout.snapshot.kind === 'taken'
  return {
    ...rollout,
    state: 'running',
    stages: [EVERYBODY],
    stage: 0,
    stageStartedAt: 0,
    membership: isTaken ? rollout.membership : 'dynamic',
  }
}

/** Room without limits; cohorts that the health gate excluded stay so. */
export function asIfEmpty(rollout: Serial, room: Room | undefined): Room {
  const cohorts = [...(room?.cohorts ?? [])].filter(([, tally]) => !tally.isActive)
  return {
    whole: freshTally(rollout, WHOLE),
    stages: [],
    cohorts: new Map(cohorts),
    families: room?.families ?? new Map(),
  }
}
