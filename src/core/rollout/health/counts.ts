/**
 * What became of the devices that were granted a release, for a rollout or one cohort of it. Only devices that can be
 * verified are counted, each once, at its first grant; whether a device can be verified is settled at the grant,
 * never by what it reports later. All five numbers only ever grow.
 *
 * Let T be the time in which a device must confirm the release. A device is *settled* when T has passed since its
 * grant, failed or not; devices settle in the order of their grants.
 */
export interface Counts {
  /** Devices that were granted the release. */
  readonly granted: number
  /** Devices whose T has passed since the grant. */
  readonly settled: number
  /** Known failures, counted the moment they are known: failed, rolled back, timed out, or not confirmed at T. */
  readonly failed: number
  /** Those of `failed` that are settled. */
  readonly settledFailed: number
  /** Those of `settledFailed` that said nothing: not confirmed at T. */
  readonly silent: number
}

export const NO_COUNTS: Counts = { granted: 0, settled: 0, failed: 0, settledFailed: 0, silent: 0 }

/** Devices whose outcome is final: settled, or failed before that. */
export function matured(counts: Counts): number {
  return counts.settled + counts.failed - counts.settledFailed
}

/** Devices that hold the release with an outcome not known yet. */
export function immature(counts: Counts): number {
  return counts.granted - matured(counts)
}

/** The first `devices` grants of a rollout, of which `failed` are known to have failed. */
export interface Observed {
  readonly devices: number
  readonly failed: number
}

/** Of which devices an observation speaks: those whose time is over, or all that hold the release. */
export type View = 'settled' | 'granted'

/**
 * The two observations that a test may use at any moment. Each is a *prefix in the order of grants*, with every device
 * of unknown outcome counted as good. Counting devices as they mature instead (early failures over failures and
 * survivors so far) would see failures sooner than successes and overstate the rate for as long as a rollout grows.
 */
export function observe(counts: Counts, view: View): Observed {
  return view === 'settled'
    ? { devices: counts.settled, failed: counts.settledFailed }
    : { devices: counts.granted, failed: counts.failed }
}
