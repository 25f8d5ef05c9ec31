/** A figure over the rounds of a run. */
export interface Sample {
  readonly median: number
  /** Largest less smallest, as a share of the median. */
  readonly spread: number
  readonly values: readonly number[]
}

export function sampleOf(values: readonly number[]): Sample {
  const sorted = [...values].sort((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN
  const median = (upper + lower) / 2
  const spread = median === 0 ? 0 : ((sorted.at(-1) ?? 0) - (sorted[0] ?? 0)) / Math.abs(median)
  return { median, spread, values }
}

/** Round by round, so that what disturbs one round disturbs both sides of its ratio. */
export function ratioOf(ours: readonly number[], baseline: readonly number[]): Sample {
  return sampleOf(ours.map((value, round) => value / (baseline[round] ?? Number.NaN)))
}
