import type { Millis } from '../common.ts'
import { devicesInWords, percentInWords, timeInWords } from './in-words.ts'
import type { Rollout, Stage } from './rollout.ts'
import type { Room } from './room.ts'
import { windowState } from './schedule/window.ts'
import { type StageVerdict, stageVerdict } from './stage-verdict.ts'
import { minuteOf, type Tally } from './tally.ts'

/**
 * What keeps a running rollout from granting more or from going to its next stage. `snapshot`: the list of its devices.
 * `approval`, `soak`, `evidence`, `threshold`: before the next stage, or before the current one begins. `window`, `slots`,
 * `rate`, `full`: limits of the current stage. The health gate speaks for itself.
 */
export interface RolloutWait {
  readonly kind: 'snapshot' | 'approval' | 'soak' | 'evidence' | 'threshold' | 'window' | 'slots' | 'rate' | 'full'
  readonly words: string
  /** When it ends by itself; null = not by time, or never. */
  readonly until: Millis | null
}

/** What a rollout waits for at this moment, from its counters; nothing unless it runs. Pure. */
export function waitsOf(
  rollout: Rollout,
  room: Room,
  { approvals, now }: { readonly approvals: number; readonly now: Millis },
): RolloutWait[] {
  const stage = rollout.stages[rollout.stage]
  if (rollout.state !== 'running' || !stage) return []
  const waits: RolloutWait[] = []
  if (rollout.snapshot.kind === 'taking')
    waits.push({
      kind: 'snapshot',
      words: `The list of its devices is still being made: ${devicesInWords(rollout.snapshot.devices)} so far.`,
      until: null,
    })
  if (rollout.stageStartedAt === null) return [...waits, approvalWait(rollout, stage, approvals)]
  const tally = room.stages[rollout.stage]
  if (tally) waits.push(...limitWaits(rollout, { stage, tally, now }))
  const next = nextStageWait(rollout, stageVerdict(rollout, room, now))
  return next ? [...waits, next] : waits
}

/** `the approval of one person`, with how many have given theirs. */
function approvalWait({ stage, stages }: Rollout, { approvals }: Stage, given: number): RolloutWait {
  const people = approvals === 1 ? 'one person' : 'two people'
  const soFar = given > 0 ? `; ${given} has approved` : ''
  return {
    kind: 'approval',
    words: `Stage ${stage + 1} of ${stages.length} waits for the approval of ${people}${soFar}.`,
    until: null,
  }
}

function limitWaits(
  rollout: Rollout,
  { stage, tally, now }: { readonly stage: Stage; readonly tally: Tally; readonly now: Millis },
): RolloutWait[] {
  const waits: RolloutWait[] = []
  const name = `Stage ${rollout.stage + 1}`
  if (stage.window) {
    const window = windowState(stage.window, now, { device: undefined, rollout: rollout.options.timeZone })
    const ofDevices = stage.window.kind === 'daily' && stage.window.zone === 'device'
    const whose = ofDevices ? ` for devices that do not tell their time zone (${rollout.options.timeZone})` : ''
    if (!window.open && window.opensAt === null)
      waits.push({ kind: 'window', words: `The window of stage ${rollout.stage + 1} is over.`, until: null })
    else if (!window.open && window.opensAt !== null)
      waits.push({
        kind: 'window',
        words: `The window of stage ${rollout.stage + 1} opens at ${timeInWords(window.opensAt)}${whose}.`,
        until: window.opensAt,
      })
  }
  if (stage.reach.kind === 'count' && tally.devices >= stage.reach.count)
    waits.push({ kind: 'full', words: `${name} has its ${devicesInWords(stage.reach.count)}.`, until: null })
  if (stage.concurrency !== null && tally.slots >= stage.concurrency)
    waits.push({
      kind: 'slots',
      words: `${name}: ${tally.slots} of ${stage.concurrency} slots are taken.`,
      until: null,
    })
  const minute = minuteOf(now)
  if (stage.ratePerMinute !== null && tally.minute === minute && tally.minuteGrants >= stage.ratePerMinute)
    waits.push({
      kind: 'rate',
      words: `${name} has granted its ${stage.ratePerMinute} of this minute.`,
      until: (minute + 1) * 60_000,
    })
  return waits
}

/** What keeps the next stage; undefined at the last one, and when it may begin. */
function nextStageWait({ stage, stages }: Rollout, verdict: StageVerdict): RolloutWait | undefined {
  if (stage + 1 >= stages.length) return undefined
  const next = `Stage ${stage + 2} of ${stages.length}`
  switch (verdict.kind) {
    case 'passed':
    case 'approval':
      return undefined
    case 'soak': {
      const words = `${next} begins at ${timeInWords(verdict.until)} at the earliest.`
      return { kind: 'soak', words, until: verdict.until }
    }
    case 'evidence': {
      const { matured, needed } = verdict
      const words = `${next} begins when ${devicesInWords(needed)} of stage ${stage + 1} ${needed === 1 ? 'has' : 'have'} matured; ${matured} ${matured === 1 ? 'has' : 'have'}.`
      return { kind: 'evidence', words, until: null }
    }
    case 'below': {
      const words = `${next} waits: ${percentInWords(verdict.percent)} of the matured devices of stage ${stage + 1} succeeded, and ${verdict.threshold} % must.`
      return { kind: 'threshold', words, until: null }
    }
  }
}
