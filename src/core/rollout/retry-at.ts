import type { Millis } from '../common.ts'
import type { RolloutMember } from './member.ts'
import type { RetryPolicy } from './rollout.ts'

/** When a member whose last update failed is tried again by itself; undefined = never. Pure. */
export function retryAt(
  retry: RetryPolicy,
  { attempts, changedAt }: Pick<RolloutMember, 'attempts' | 'changedAt'>,
  limits: { readonly retryMaxSeconds: number },
): Millis | undefined {
  if (attempts >= retry.attempts) return undefined
  const { pauseSeconds, steady } = retry
  const doubled = pauseSeconds * 2 ** Math.min(Math.max(attempts - 1, 0), 30)
  return changedAt + (steady ? pauseSeconds : Math.min(limits.retryMaxSeconds, doubled)) * 1000
}
