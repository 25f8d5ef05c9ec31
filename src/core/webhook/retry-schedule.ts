import { createHash } from 'node:crypto'
import type { Millis } from '../common.ts'
import type { CoreLimits } from '../limits.ts'

export type RetryLimits = Pick<
  CoreLimits,
  'webhookFirstRetrySeconds' | 'webhookMaxRetrySeconds' | 'webhookRetrySeconds'
>

export interface Failure {
  readonly now: Millis
  /** Until when the event is tried. */
  readonly deadline: Millis
  /** Failed attempts in a row, this one included. */
  readonly failures: number
  /** 0 <= jitter < 1. */
  readonly jitter: number
  /** What the receiver asked for, seconds. */
  readonly retryAfterSeconds?: number | undefined
}

/**
 * When to try again: after a pause that doubles with each failure, of which the second half is random so that many
 * webhooks of one receiver do not come back at once. The last attempt is at the deadline; undefined when it has passed.
 */
export function nextAttemptAt(limits: RetryLimits, failure: Failure): Millis | undefined {
  const { now, deadline, failures, jitter, retryAfterSeconds = 0 } = failure
  if (now >= deadline) return undefined
  const most = limits.webhookMaxRetrySeconds * 1000
  const doubled = limits.webhookFirstRetrySeconds * 1000 * 2 ** Math.min(failures - 1, 40)
  const pause = Math.min(most, doubled) * (0.5 + jitter / 2)
  const asked = Math.min(most, retryAfterSeconds * 1000)
  return Math.min(deadline, now + Math.ceil(Math.max(pause, asked)))
}

/** 0 <= jitter < 1, the same for the same seed. */
export function jitterOf(seed: string): number {
  return createHash('sha256').update(seed).digest().readUInt32BE() / 2 ** 32
}
