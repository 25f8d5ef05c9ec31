import type { Entity, Id, Millis, Serial } from '../common.ts'

/** Where an organisation wants its events sent. */
export interface Webhook extends Entity {
  readonly organisation: Serial
  readonly name: string
  /** http or https, without user and fragment. */
  readonly url: string
  readonly sealedSecret: string
  /** The secret before the last rotation: deliveries are signed with both until `formerUntil`. */
  readonly sealedFormer: string | null
  readonly formerUntil: Millis | null
  /** Patterns of event types (see `matchesType`); none = all. */
  readonly types: readonly string[]
  /** False: nothing is sent, and everything is kept for later. */
  readonly active: boolean
}

/** How far the deliveries of a webhook have come; never part of its revision. */
export interface WebhookProgress {
  readonly webhook: Serial
  /** Every event of the organisation up to this serial was delivered, given up, or is none that the webhook wants. */
  readonly position: Serial
  /** Events older than this may be tried for the whole retry time from here on. */
  readonly activeSince: Millis
  /** Attempts of the event at hand. */
  readonly attempts: number
  /** Failed attempts in a row, whatever the event; they stretch the pauses. */
  readonly failures: number
  /** Events given up in a row. */
  readonly givenUp: number
  /** No attempt before. */
  readonly dueAt: Millis
  /** The server stopped by itself; null = it did not. */
  readonly pausedAt: Millis | null
  readonly pauseReason: string | null
  /** Which process delivers, and until when it may. */
  readonly leaseOwner: string | null
  readonly leaseUntil: Millis
  readonly attemptedAt: Millis | null
  /** HTTP status of the last attempt; null when there was no answer. */
  readonly lastStatus: number | null
  /** Why the last attempt failed; null when it did not. */
  readonly lastError: string | null
  readonly deliveredAt: Millis | null
}

/** An event that was given up, as it would be sent. `createdAt` is when. */
export interface DeadLetter extends Entity {
  readonly organisation: Serial
  readonly webhook: Serial
  readonly event: Id
  readonly type: string
  /** The body of the deliveries: JSON. */
  readonly body: string
  readonly attempts: number
  readonly lastStatus: number | null
  readonly lastError: string | null
  /** Asked to be sent once more; null = not. */
  readonly queuedAt: Millis | null
}
