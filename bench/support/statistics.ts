/** Median of an odd number of values, and their spread as a share of it. */
export function medianAndSpread(values: readonly number[]): { median: number; spread: number } {
  const sorted = [...values].sort((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  return { median, spread: ((sorted.at(-1) ?? 0) - (sorted[0] ?? 0)) / median }
}
