/**
 * Divides `budget` among those who want parts of it: everybody gets the same, or all that they want where that is less,
 * and what they leave goes to the others (max-min fairness). Whole numbers in the order of `wants`, never more in sum
 * than `budget`.
 */
export function shareFairly(budget: number, wants: readonly number[]): number[] {
  const grants = new Array<number>(wants.length).fill(0)
  const byWant = wants.map((_, index) => index).sort((a, b) => (wants[a] ?? 0) - (wants[b] ?? 0))
  let left = Math.floor(budget)
  for (const [served, index] of byWant.entries()) {
    const share = Math.floor(left / (byWant.length - served))
    const grant = Math.min(share, Math.floor(wants[index] ?? 0))
    grants[index] = grant
    left -= grant
  }
  return grants
}
