import type { Observed } from './counts.ts'

/** Number of alternative rates in the mixture. */
const ALTERNATIVES = 12
/** The highest alternative rate. */
const HIGHEST = 0.98

const logit = (rate: number): number => Math.log(rate / (1 - rate))

/**
 * The alternative failure rates that the test bets on, rising from just above `acceptable` to 98 %: equal steps of the
 * square root of the distance in log-odds, so that they are dense where a bad rate is hard to tell from a good one.
 */
export function alternatives(acceptable: number): number[] {
  const from = logit(acceptable)
  const width = Math.max(logit(HIGHEST) - from, 1)
  return Array.from({ length: ALTERNATIVES }, (_, index) => {
    const share = (index + 1) / ALTERNATIVES
    return 1 / (1 + Math.exp(-(from + share * share * width)))
  })
}

/**
 * The evidence against "every device fails with a probability of at most `acceptable`", as the natural logarithm of an
 * e-value. 0 before anything is known; it rises with failures and sinks with good devices. For all p0 in (0, 1).
 *
 * With n devices of which f failed it is the log of
 *
 *     E(n, f) = sum over alternatives p of 1/12 * (p / p0)^f * ((1 - p) / (1 - p0))^(n - f),    p > p0,
 *
 * the mean, over the alternatives, of the likelihood ratio of p to p0. It may be looked at after every device without a
 * price, and depends on the two counts alone, so a row with counters carries it over pauses and restarts:
 *
 * - *It is a test supermartingale under the whole hypothesis "at most p0", in the order of grants.* If the next device
 *   fails with probability q <= p0 given all before it, one term is multiplied on average by
 *   q * p/p0 + (1 - q) * (1 - p)/(1 - p0). That is linear in q, rises (p/p0 > 1 > (1 - p)/(1 - p0)) and is 1 at q = p0;
 *   so it is at most 1. q may differ from device to device and depend on the past. A mean of supermartingales that
 *   start at 1 is one too. E being a function of (n, f) is no accident: likelihood ratios of coin tosses are.
 * - Hence, by Ville's inequality, the probability that E ever reaches 1/a is at most a, over the whole sequence.
 * - E rises in f for given n. So a prefix of the grants with unknown outcomes taken as good never gives more than the
 *   same prefix will give once all is known; whichever prefixes are looked at, and whenever, the bound holds.
 *
 * It is not valid for counts taken in the order in which outcomes become known; see {@link Observed}.
 */
export function logEvidence(observed: Observed, acceptable: number): number {
  const good = observed.devices - observed.failed
  const terms = betsAgainst(acceptable).map((bet) => observed.failed * bet.onFailure + good * bet.onGood)
  const most = Math.max(...terms)
  const sum = terms.reduce((total, term) => total + Math.exp(term - most), 0)
  return most + Math.log(sum / ALTERNATIVES)
}

/** What the logarithm of an alternative's likelihood ratio gains with each device. */
interface Bet {
  readonly onFailure: number
  readonly onGood: number
}

/** The bets of the last rate asked for: rollouts differ in it rarely, failures are judged by the thousand. */
let latest: { readonly acceptable: number; readonly bets: readonly Bet[] } | undefined

function betsAgainst(acceptable: number): readonly Bet[] {
  if (latest?.acceptable === acceptable) return latest.bets
  const bets = alternatives(acceptable).map((rate) => ({
    onFailure: Math.log(rate / acceptable),
    onGood: Math.log((1 - rate) / (1 - acceptable)),
  }))
  latest = { acceptable, bets }
  return bets
}
