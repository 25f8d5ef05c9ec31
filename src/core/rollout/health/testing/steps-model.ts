import { seededRandom } from '../../../seeded-random.ts'
import { allowanceOf, DEFAULT_ALLOWANCE } from '../allowance.ts'
import { type Counts, matured, NO_COUNTS, observe } from '../counts.ts'
import { logEvidence } from '../e-process.ts'

export interface StepsModel {
  readonly seed: number
  readonly devices: number
  /** Of every trial, however many steps. */
  readonly failureRate: number
  /** Share of the devices that have a floor on their way, and so two steps. */
  readonly twoSteps: number
  /**
   * When trials settle. `fixed`: after T for each step. `newest`: T after the newest step, so that one which fails at the
   * floor settles before those of its time that succeed.
   */
  readonly time: 'fixed' | 'newest'
}

/** Moments in T. */
const MOMENTS = 20
/** Hours of T after which even a slow rollout has ended. */
const LIMIT = 60

/** Whether the test stops a rollout that spreads with the default allowance, at a budget of 1 % for one count. */
export function isStopped({ seed, devices, failureRate, twoSteps, time }: StepsModel): boolean {
  const random = seededRandom(seed)
  const changes = new Map<number, Counts>()
  const plan = (at: number, what: Partial<Counts>) => changes.set(at, plus(changes.get(at) ?? NO_COUNTS, what))
  let counts = NO_COUNTS
  for (let now = 0; now < LIMIT * MOMENTS && counts.settled < devices; now++) {
    counts = plus(counts, changes.get(now) ?? NO_COUNTS)
    const views = (['granted', 'settled'] as const).map((view) => logEvidence(observe(counts, view), failureRate))
    if (Math.max(...views) >= Math.log(100)) return true
    const room = matured(counts) + allowanceOf(DEFAULT_ALLOWANCE, counts) - counts.granted
    const granted = Math.max(0, Math.min(room, devices - counts.granted))
    for (let grant = 0; grant < granted; grant++) {
      const steps = random() < twoSteps ? 2 : 1
      const fails = random() < failureRate
      const failsAtFloor = fails && steps === 2 && random() < 0.5
      const length = failsAtFloor && time === 'newest' ? MOMENTS : steps * MOMENTS
      const known = now + 1 + Math.floor(random() * (length - 1))
      if (fails) plan(known, { failed: 1 })
      plan(now + length, { settled: 1, settledFailed: fails ? 1 : 0 })
    }
    counts = plus(counts, { granted })
  }
  return false
}

function plus(counts: Counts, more: Partial<Counts>): Counts {
  const { granted = 0, settled = 0, failed = 0, settledFailed = 0, silent = 0 } = more
  return {
    granted: counts.granted + granted,
    settled: counts.settled + settled,
    failed: counts.failed + failed,
    settledFailed: counts.settledFailed + settledFailed,
    silent: counts.silent + silent,
  }
}
