/** How the budget of wrong stops is shared out; every part is fixed before the first outcome it is spent on. */
const FIRST_RUN = 0.8

/**
 * The share of a budget that is left for a count that was begun again `resumes` times after a stop: 80 %, 16 %, 3.2 %...
 * The shares of all runs sum to 1, so resuming as often as one likes never spends more than the budget.
 */
export function runShare(resumes: number): number {
  return FIRST_RUN * (1 - FIRST_RUN) ** resumes
}

/** The share of the rollout as a whole: half, or all of it where no cohorts are watched. */
export function overallShare(families: number): number {
  return families === 0 ? 1 : 0.5
}

/**
 * The share of the `order`-th value (from 1) that appeared in one of `families` kinds of cohorts: the other half of the
 * budget, split evenly between the kinds, and within a kind by 1/(order * (order + 1)), which sums to 1 over however
 * many values appear. A value's order is known at its first grant, before any of its outcomes.
 */
export function cohortShare(families: number, order: number): number {
  return (1 - overallShare(families)) / families / (order * (order + 1))
}
