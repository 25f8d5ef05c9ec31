import type { ServiceDeps } from '../service.ts'

/** Rollouts at one time. */
const ROLLOUTS = 10
/** Members, and updates, in one transaction. */
const BATCH = 500

/** Removes what is left of deleted rollouts, at most so many batches; the rest waits for the next call, of any process. */
export async function purgeDeleted({ storage }: ServiceDeps, batches: number): Promise<void> {
  let left = batches
  for (const rollout of await storage.read.rollouts.listDeleted(ROLLOUTS))
    for (let isMore = true; isMore && left > 0; left--)
      isMore = await storage.transaction((stores) => stores.rollouts.purge(rollout, BATCH))
}
