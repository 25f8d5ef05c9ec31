import type { Stage } from '../rollout.ts'

/** Devices that would be updated, by the first stage that takes them in by what they are. */
export interface ByStage {
  /** By stage, from 0. */
  readonly own: readonly number[]
  /** No stage takes them in but those of a count. */
  readonly none: number
}

export interface Allotment {
  /** Devices of each stage, from 0; what came before the current one has none. */
  readonly stages: readonly number[]
  /** Devices that no stage is left for. */
  readonly leftOut: number
}

/**
 * How many devices each stage from the current one on is for. A stage of a percent or of groups takes those that it is
 * meant for and the ones of earlier stages that are left; a stage of a count takes whoever comes first, which is
 * anybody: of each later stage as large a part as its share of the fleet. Pure.
 */
export function allotStages(
  stages: readonly Pick<Stage, 'reach'>[],
  devices: ByStage,
  from: { readonly stage: number; readonly taken: number } = { stage: 0, taken: 0 },
): Allotment {
  const pools = [...stages.map((_, index) => devices.own[index] ?? 0), devices.none]
  const allotted = stages.map(() => 0)
  for (const [index, { reach }] of stages.entries()) {
    if (index < from.stage) continue
    if (reach.kind === 'count') {
      const room = Math.max(0, reach.count - (index === from.stage ? from.taken : 0))
      allotted[index] = drain(pools, pools.length, room)
    } else allotted[index] = drain(pools, index + 1, Number.POSITIVE_INFINITY)
  }
  return { stages: allotted, leftOut: pools.reduce((sum, pool) => sum + pool, 0) }
}

/** Takes at most `most` out of the first pools, of each its share; answers how many. */
function drain(pools: number[], first: number, most: number): number {
  const there = pools.slice(0, first).reduce((sum, pool) => sum + pool, 0)
  const taken = Math.min(there, most)
  let before = 0
  let done = 0
  for (let index = 0; index < first; index++) {
    const pool = pools[index] ?? 0
    before += pool
    // Rounded along the way, so that the parts sum up to the whole.
    const until = there === 0 ? 0 : Math.round((taken * before) / there)
    pools[index] = pool - (until - done)
    done = until
  }
  return taken
}
