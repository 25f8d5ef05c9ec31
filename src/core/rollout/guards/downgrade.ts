import { compareVersions, type Versioned } from './compare-versions.ts'

/** Who may go back. */
export interface DowngradePolicy {
  /** The plan says that its devices may go back to an older version. */
  readonly allowDowngrade: boolean
  /** The product forbids it for good, whatever a plan says. */
  readonly productForbids: boolean
}

/**
 * What the downgrade guard says of one module. `overridable` is false where the product forbids downgrades, so that no
 * plan can allow this one.
 */
export type DowngradeVerdict =
  | { readonly kind: 'ok' }
  | { readonly kind: 'downgrade'; readonly from: string; readonly to: string; readonly overridable: boolean }
  /** Nothing tells which of the two is older. */
  | { readonly kind: 'incomparable'; readonly from: string; readonly to: string; readonly overridable: boolean }

export type DowngradeRefusal = Exclude<DowngradeVerdict, { kind: 'ok' }>

/**
 * Whether a device that runs `running` may go to `target`. null = the device never said what it runs: there is nothing
 * to compare, and it is let through. Versions without an order are refused like downgrades.
 */
export function checkDowngrade(
  running: Versioned | null,
  target: Versioned,
  policy: DowngradePolicy,
): DowngradeVerdict {
  if (!running) return { kind: 'ok' }
  const order = compareVersions(target, running)
  const isForward = order === 'newer' || order === 'same'
  if (isForward || (policy.allowDowngrade && !policy.productForbids)) return { kind: 'ok' }
  return {
    kind: order === 'older' ? 'downgrade' : 'incomparable',
    from: running.version,
    to: target.version,
    overridable: !policy.productForbids,
  }
}
