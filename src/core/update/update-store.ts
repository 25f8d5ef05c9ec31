import type { Id, Millis, New, Patch, Serial, Slice } from '../common.ts'
import type { Update, UpdateState } from './update.ts'

export interface UpdateFilter {
  readonly organisation: Serial
  readonly device?: Serial
  readonly release?: Serial
  readonly rollout?: Serial
  readonly states?: readonly UpdateState[]
}

/** What changes in an update while it stays open. */
export type Progress = Pick<Update, 'state' | 'progress' | 'reason' | 'changedAt' | 'confirmAfter' | 'deadline'>

/** An open update as it was read, and what it becomes. */
export interface Advance {
  readonly before: Update
  readonly after: Progress
}

export interface UpdateStore {
  /** Throws `conflict` (details.field `device`) when the device has an open update already. Serials stay below 2^31. */
  insert(row: New<Update>): Promise<Update>
  find(serial: Serial): Promise<Update | undefined>
  findById(organisation: Serial, id: Id): Promise<Update | undefined>
  findOpen(device: Serial): Promise<Update | undefined>
  /** The newest update of a device, open or closed. */
  findLatest(device: Serial): Promise<Update | undefined>
  /** The newest update of a device that succeeded. */
  findLatestSucceeded(device: Serial): Promise<Update | undefined>
  /** As `findLatest` for many; those that have none are left out. In no particular order. */
  listLatest(devices: readonly Serial[]): Promise<Update[]>
  /** Those that are there, in no particular order. */
  listBySerials(serials: readonly Serial[]): Promise<Update[]>
  /**
   * Changes the row only while its state is still `from`, or, given a state with a revision, while nothing of it has
   * changed; undefined when somebody was faster. A `Change` of its device unless the patch is mere progress (see
   * `concernsAnswers`).
   */
  move(
    serial: Serial,
    from: UpdateState | Pick<Update, 'state' | 'revision'>,
    patch: Patch<Update>,
  ): Promise<Update | undefined>
  /**
   * Those that are there and that no other transaction is changing at this moment, by serial. Until the end of this one
   * nobody else changes them. Waits for nobody.
   */
  lockByIds(ids: readonly Id[]): Promise<Update[]>
  /**
   * Changes updates that this transaction has locked, each once, within the same state or to another open one; a
   * `Change` of its device as with `move`.
   */
  advanceAll(advances: readonly Advance[]): Promise<void>
  list(filter: UpdateFilter, slice: Slice): Promise<Update[]>
  /** Open updates whose `confirmAfter` has passed. */
  listDue(now: Millis, limit: number): Promise<Update[]>
  /** Open updates whose deadline has come, the longest overdue first. */
  listOverdue(now: Millis, limit: number): Promise<Update[]>
  /** Deletes closed updates older than `before`, in batches of `limit`. */
  deleteClosed(before: Millis, limit: number): Promise<number>
}
