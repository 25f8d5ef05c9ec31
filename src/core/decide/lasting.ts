import type { Decision, NoneBecause, UpdateBecause } from './decision.ts'

/** What ends by itself at some moment, whatever anybody does. */
const TIMED: ReadonlySet<(NoneBecause | UpdateBecause)['kind']> = new Set([
  'retry-later',
  'spread-out',
  'penalty-box',
  'window-closed',
  'rate-reached',
])

/**
 * Whether the answer stays for as long as nothing is committed that touches it: neither its reason nor that of any
 * rollout that was asked ends with time.
 */
export function isLasting(decision: Decision & { readonly kind: 'none' }): boolean {
  if (TIMED.has(decision.because.kind)) return false
  return decision.considered?.every(({ because }) => !TIMED.has(because.kind)) ?? true
}
