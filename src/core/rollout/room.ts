import type { Serial } from '../common.ts'
import type { Stores } from '../ports.ts'
import type { Tally } from './tally.ts'
import { stageScope, WHOLE } from './tally.ts'

/** Values of one family that have a cohort of their own; further ones share {@link OTHERS}. */
export const COHORTS_PER_FAMILY = 200

/** Most counters of one rollout: the whole, its stages, and eight families of cohorts. */
const TALLIES = 2_000

/** The counters of one rollout, as a decision sees them. */
export interface Room {
  readonly whole: Tally
  readonly stages: readonly Tally[]
  /** By scope. */
  readonly cohorts: ReadonlyMap<string, Tally>
  /** How many cohorts each family has. */
  readonly families: ReadonlyMap<string, number>
}

/** undefined when the rollout is gone. */
export async function loadRoom(stores: Pick<Stores, 'rolloutTallies'>, rollout: Serial): Promise<Room | undefined> {
  return roomOf(await stores.rolloutTallies.list(rollout, TALLIES))
}

/** Sorts the counters of one rollout. */
export function roomOf(tallies: readonly Tally[]): Room | undefined {
  const whole = tallies.find((tally) => tally.scope === WHOLE)
  if (!whole) return undefined
  const cohorts = new Map<string, Tally>()
  const families = new Map<string, number>()
  const stages: Tally[] = []
  for (const tally of tallies)
    if (tally.position > 0) {
      cohorts.set(tally.scope, tally)
      families.set(tally.family, (families.get(tally.family) ?? 0) + 1)
    } else if (tally !== whole) stages[Number(tally.scope.slice(stageScope(0).length - 1))] = tally
  return { whole, stages, cohorts, families }
}
