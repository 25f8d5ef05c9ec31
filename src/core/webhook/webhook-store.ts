import type { Id, Millis, New, Patch, Serial, Slice } from '../common.ts'
import type { DeadLetter, Webhook, WebhookProgress } from './webhook.ts'

export type ProgressPatch = Partial<Omit<WebhookProgress, 'webhook'>>

/** A webhook and where its deliveries stand. */
export interface DueWebhook {
  readonly webhook: Webhook
  readonly progress: WebhookProgress
}

export interface WebhookStore {
  /** With its progress, which begins behind `position`. */
  insert(row: New<Webhook>, begin: { readonly position: Serial; readonly at: Millis }): Promise<Webhook>
  find(serial: Serial): Promise<Webhook | undefined>
  findById(organisation: Serial, id: Id): Promise<Webhook | undefined>
  /** undefined when the revision is not `ifRevision`. */
  update(serial: Serial, patch: Patch<Webhook>, ifRevision?: number): Promise<Webhook | undefined>
  /** With its progress and dead letters. */
  delete(serial: Serial): Promise<void>
  list(organisation: Serial, slice: Slice): Promise<Webhook[]>
  /** Those that are active, not paused and due, and that nobody but `owner` holds a lease of; by serial. */
  listDue(
    by: { readonly owner: string; readonly now: Millis },
    slice: { readonly limit: number; readonly after?: Serial },
  ): Promise<DueWebhook[]>
  progress(webhook: Serial): Promise<WebhookProgress | undefined>
  /**
   * Takes the lease of a webhook, or renews the caller's own, in one statement. undefined while somebody else's lasts.
   */
  lease(
    webhook: Serial,
    lease: { readonly owner: string; readonly now: Millis; readonly until: Millis },
  ): Promise<WebhookProgress | undefined>
  /** Changes the progress; with `owner` only while that process holds the lease. Answers whether it was changed. */
  setProgress(webhook: Serial, patch: ProgressPatch, owner?: string): Promise<boolean>
}

export interface DeadLetterStore {
  insert(row: New<DeadLetter>): Promise<DeadLetter>
  findById(webhook: Serial, id: Id): Promise<DeadLetter | undefined>
  update(serial: Serial, patch: Patch<DeadLetter>): Promise<DeadLetter | undefined>
  delete(serial: Serial): Promise<void>
  list(filter: { readonly webhook: Serial; readonly isQueued?: true }, slice: Slice): Promise<DeadLetter[]>
  count(webhook: Serial): Promise<number>
  /** Webhooks that have queued ones. */
  webhooksWithQueued(): Promise<Serial[]>
  /** Queues every one that is not; answers how many. */
  queueAll(webhook: Serial, at: Millis): Promise<number>
  /** At most `limit` that were made before; answers how many. */
  deleteBefore(before: Millis, limit: number): Promise<number>
}
