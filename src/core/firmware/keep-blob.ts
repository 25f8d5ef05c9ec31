import type { StagedBlob } from '../blobs.ts'
import type { Clock, Storage } from '../ports.ts'

/**
 * Makes staged bytes durable before any row refers to them. The record comes first, so that a crash in between leaves
 * nothing that the collection does not find.
 */
export async function keepBlob(deps: { storage: Storage; clock: Clock }, staged: StagedBlob): Promise<void> {
  const { sha256, size } = staged.digests
  await deps.storage.transaction((stores) => stores.blobRecords.touch(sha256, size, deps.clock.now()))
  await staged.commit()
}
