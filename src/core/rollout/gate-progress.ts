import { immature, matured } from './health/counts.ts'
import { type Evidence, overallEvidence } from './health/evidence.ts'
import { judge, type Verdict } from './health/judge.ts'
import { evidenceInWords, reasonInWords } from './health/words.ts'
import { devicesInWords } from './in-words.ts'
import { healthState } from './judge-rollout.ts'
import type { Rollout } from './rollout.ts'
import type { Room } from './room.ts'
import { UNLIMITED } from './tally.ts'

/** What the health gate says of a rollout now, in words and numbers. */
export interface GateProgress {
  /**
   * `off`: there is none. `go`: there is room. `hold`: no more until devices mature. `approval`: devices that cannot be
   * verified wait for a person. `stop`: the evidence is enough to stop.
   */
  readonly verdict: 'off' | Verdict['kind']
  readonly words: string
  /** The evidence so far about the rollout as a whole, with its words; null when the gate is off. */
  readonly evidence: Evidence | null
  readonly evidenceWords: string | null
  /** Devices that hold the release without a verdict, and how many may at once; null = any number. */
  readonly holding: number
  readonly allowance: number | null
  /** Devices granted that cannot be verified, and how many may be before somebody approves; null = any number. */
  readonly unverifiable: number
  readonly unverifiableLimit: number | null
}

/** The verdict on the kept counters. Pure. */
export function gateProgress(rollout: Rollout, room: Room): GateProgress {
  const { whole } = room
  const state = healthState(rollout, room)
  const verdict = judge(rollout.health, state)
  const evidence = overallEvidence(rollout.health, state) ?? null
  const allowance = limitOf(whole.grantLimit, matured(whole.counts))
  return {
    verdict: rollout.health.mode === 'off' ? 'off' : verdict.kind,
    words: verdictInWords(rollout, verdict, { holding: immature(whole.counts), allowance }),
    evidence,
    evidenceWords: evidence && evidenceInWords(evidence),
    holding: immature(whole.counts),
    allowance,
    unverifiable: whole.unverifiable,
    unverifiableLimit: limitOf(whole.unverifiableLimit, 0),
  }
}

function limitOf(limit: number, less: number): number | null {
  return limit >= UNLIMITED ? null : limit - less
}

function verdictInWords(
  rollout: Rollout,
  verdict: Verdict,
  { holding, allowance }: { readonly holding: number; readonly allowance: number | null },
): string {
  if (rollout.stop?.kind === 'gate' && rollout.state === 'stopped') return rollout.stop.words
  if (rollout.health.mode === 'off') return 'The health gate is off: nothing stops this rollout by itself.'
  switch (verdict.kind) {
    case 'stop':
      return evidenceInWords(verdict.evidence)
    case 'hold':
    case 'approval':
      return reasonInWords(verdict.because)
    case 'go': {
      const hold = holding === 1 ? '1 device holds' : `${devicesInWords(holding)} hold`
      const may = allowance === null ? 'any number may' : `${allowance.toLocaleString('en-US')} may at once`
      return `${hold} the release without a verdict; ${may}.`
    }
  }
}
