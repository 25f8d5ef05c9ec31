import type { ServiceDeps } from './service.ts'

const DAY_MS = 86_400_000
/** Rows deleted per transaction, so that no job holds the writer for long. */
const BATCH = 500

export interface Swept {
  readonly blobs: number
  readonly events: number
  readonly updates: number
  readonly dataFiles: number
  readonly deadLetters: number
  readonly expired: number
}

/** Deletes what its named retention has ended. Safe to run at any time, from any process. */
export async function sweep(deps: ServiceDeps): Promise<Swept> {
  const { storage, clock, limits } = deps
  const now = clock.now()
  const expired = await storage.transaction(
    async (stores) =>
      (await stores.once.deleteExpired(now)) +
      (await stores.idempotency.deleteExpired(now)) +
      (await stores.accessTokens.deleteExpired(now)) +
      (await stores.credentials.deleteExpired(now)) +
      (await stores.apiTokens.deleteExpired(now - 30 * DAY_MS)) +
      (await stores.nodes.deleteUnseen(DAY_MS)),
  )
  return {
    expired,
    events: await inBatches((limit) =>
      storage.transaction((stores) => stores.events.deleteBefore(now - limits.eventDays * DAY_MS, limit)),
    ),
    updates: await inBatches((limit) =>
      storage.transaction((stores) => stores.updates.deleteClosed(now - limits.updateDays * DAY_MS, limit)),
    ),
    dataFiles: await inBatches((limit) =>
      storage.transaction((stores) => stores.dataFiles.deleteBefore(now - limits.dataFileDays * DAY_MS, limit)),
    ),
    deadLetters: await inBatches((limit) =>
      storage.transaction((stores) => stores.deadLetters.deleteBefore(now - limits.deadLetterDays * DAY_MS, limit)),
    ),
    blobs: await collectBlobs(deps, now - limits.blobGraceSeconds * 1000),
  }
}

/** Deletes blobs to which nothing refers and that nobody is about to use. The row is locked until the bytes are gone. */
export async function collectBlobs(deps: Pick<ServiceDeps, 'storage' | 'blobs'>, before: number): Promise<number> {
  let collected = 0
  for (const sha256 of await deps.storage.management.blobRecords.listUnreferenced(before, BATCH)) {
    const isGone = await deps.storage.transaction(async (stores) => {
      if (!(await stores.blobRecords.deleteIfUnreferenced(sha256, before))) return false
      await deps.blobs.delete(sha256)
      return true
    })
    if (isGone) collected++
  }
  return collected
}

async function inBatches(remove: (limit: number) => Promise<number>): Promise<number> {
  let total = 0
  for (;;) {
    const removed = await remove(BATCH)
    total += removed
    if (removed < BATCH) return total
  }
}
