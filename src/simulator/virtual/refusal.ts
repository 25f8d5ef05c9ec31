import type { NoneBecause } from '../../core/decide/decision.ts'

/** For how long the same device would get the same answer again, so that it need not ask in between. */
export type Wait =
  /** Until the rollout has room for devices of this kind: so named, and at the latest at a known moment. */
  | { readonly kind: 'room'; readonly name: string; readonly until?: number }
  /** Until a moment (milliseconds). */
  | { readonly kind: 'moment'; readonly until: number }
  /** Until the rollout goes to another stage. */
  | { readonly kind: 'stage' }
  /** For as long as the simulation lasts. */
  | { readonly kind: 'end' }

/** What a refusal means for the next time that a device asks. */
export function waitOf(because: NoneBecause): Wait {
  switch (because.kind) {
    case 'health-hold':
    case 'unverifiable-hold':
    case 'slots-taken':
    case 'stage-full':
    case 'awaiting-approval':
    case 'rollout-paused':
    case 'rollout-stopped':
    case 'snapshot-being-taken':
    case 'verification-pending':
    case 'floor-verification-pending':
    case 'frozen':
      return { kind: 'room', name: because.kind }
    case 'cohort-hold':
    case 'cohort-stopped':
      return { kind: 'room', name: `${because.kind} ${because.cohort}` }
    case 'rate-reached':
      return { kind: 'room', name: because.kind, until: because.until }
    case 'retry-later':
    case 'penalty-box':
    case 'spread-out':
      return { kind: 'moment', until: because.until }
    case 'window-closed':
      return because.opensAt === null ? { kind: 'end' } : { kind: 'moment', until: because.opensAt }
    case 'stage-not-reached':
      return { kind: 'stage' }
    case 'disabled':
    case 'nothing-assigned':
    case 'withdrawn':
    case 'other-product':
    case 'busy':
    case 'called-off':
    case 'held-back':
    case 'up-to-date':
    case 'no-path':
    case 'not-selected':
    case 'excluded':
    case 'cancelled-here':
    case 'push-only':
    case 'chooses-itself':
    case 'downgrade':
    case 'incomparable':
    case 'gave-up':
    case 'done-before':
    case 'previous-unknown':
    case 'previous-missing':
      return { kind: 'end' }
  }
}
