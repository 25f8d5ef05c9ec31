import type { Stores } from '../ports.ts'
import type { Counted, RolloutMember } from './member.ts'
import type { Rollout } from './rollout.ts'

/** Failures of one run that happened at an intermediate version. */
export interface FloorFailures {
  readonly version: string
  readonly failed: number
}

/** Members read at once, and reads in all: a stop must not take long. */
const PAGE = 500
const PAGES = 20

/** States of members that failed and were not updated since; one that is tried again is open. */
const FAILED = ['failed', 'rolled-back', 'open'] as const

/**
 * Of the failures that a count of the gate knows, those whose newest update was to a floor, by its version, the most
 * frequent first. For the words of a stop, inside its transaction: O(failures), and nothing for products without floors.
 * undefined where there are too many to look at.
 */
export async function floorFailures(
  stores: Stores,
  rollout: Rollout,
  of: Counted & { readonly view: 'settled' | 'granted' },
): Promise<FloorFailures[] | undefined> {
  if (rollout.kind === 'undo' || (await stores.floors.listByProduct(rollout.product)).length === 0) return []
  const counts = new Map<string, number>()
  for (let page = 0, after = 0; ; page++) {
    if (page === PAGES) return undefined
    const members = await stores.rolloutMembers.list(
      { rollout: rollout.serial, states: FAILED },
      { limit: PAGE, after },
    )
    for (const version of await floorsOf(
      stores,
      rollout,
      members.filter((member) => isCounted(member, of)),
    ))
      counts.set(version, (counts.get(version) ?? 0) + 1)
    after = members.at(-1)?.serial ?? after
    if (members.length < PAGE) break
  }
  const found = [...counts].map(([version, failed]) => ({ version, failed }))
  return found.sort((one, other) => other.failed - one.failed || (one.version < other.version ? -1 : 1))
}

function isCounted(member: RolloutMember, { scope, run, view }: Parameters<typeof floorFailures>[2]): boolean {
  if (!member.hasFailed || (view === 'settled' && !member.isSettled)) return false
  return member.counted.some((one) => one.scope === scope && one.run === run)
}

/** The floor of each of these whose newest update was to one. */
async function floorsOf(stores: Stores, { release }: Rollout, members: readonly RolloutMember[]): Promise<string[]> {
  const updates = await stores.updates.listBySerials(members.flatMap(({ update }) => update ?? []))
  return updates
    .filter((update) => update.release !== release)
    .map(({ steps }) => steps.map(({ to }) => to).join(' + '))
}
