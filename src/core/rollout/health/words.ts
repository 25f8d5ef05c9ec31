import type { Evidence, SequentialEvidence, ThresholdEvidence } from './evidence.ts'
import { FROM_VERSION } from './health-policy.ts'
import type { FewVerifiable, Immature } from './judge.ts'

/** The evidence in sentences for an operator, with the numbers that it stands on. */
export function evidenceInWords(evidence: Evidence): string {
  const sentences = [seenInWords(evidence)]
  if (evidence.kind === 'sequential') sentences.push(oddsInWords(evidence))
  else sentences.push(ruleInWords(evidence))
  return sentences.join(' ')
}

/** Why nothing more is granted for now, or what an operator is asked. */
export function reasonInWords(because: Immature | FewVerifiable): string {
  if (because.kind === 'immature') {
    const hold = because.holding === 1 ? '1 device holds' : `${whole(because.holding)} devices hold`
    return `${hold} the release without a verdict; ${whole(because.allowance)} may at once until more have matured.`
  }
  const all = because.verifiable + because.unverifiable
  const share = percent(because.minVerifiableShare)
  return (
    `Only ${whole(because.verifiable)} of ${devices(all)} that hold the release can be verified; ` +
    `below ${share} its health is not known, so going on needs approval.`
  )
}

function seenInWords({ view, observed, silent, confirmSeconds, cohort, floors = [] }: Evidence): string {
  const about = cohort ? `${cohortInWords(cohort)}: ` : ''
  const rate = observed.devices === 0 ? '' : ` (${((100 * observed.failed) / observed.devices).toFixed(1)} %)`
  const counts = `${whole(observed.failed)} of ${whole(observed.devices)}`
  const quiet =
    silent === 0 ? '' : `, ${whole(silent)} of them in silence (not confirmed within ${time(confirmSeconds)})`
  const where = floors.map(({ version, failed }) => `, ${whole(failed)} of them at floor ${version}`).join('')
  if (view === 'settled') return `${about}${counts} matured devices failed${rate}${quiet}${where}.`
  return `${about}${counts} devices that hold the release failed already${rate}${quiet}${where}; the others are taken as good.`
}

function oddsInWords({ logEvidence, logLimit, acceptableFailureRate }: SequentialEvidence): string {
  const hypothesis = `If the true rate were ${percent(acceptableFailureRate)} or less`
  const limit = `the limit is 1 of ${rollouts(logLimit)}`
  if (logEvidence < Math.log(2))
    return `That is no evidence against a rate of ${percent(acceptableFailureRate)} or less; ${limit}.`
  return `${hypothesis}, evidence this strong would appear in at most 1 of ${rollouts(logEvidence)} rollouts; ${limit}.`
}

function ruleInWords({ rule }: ThresholdEvidence): string {
  const limits = [
    ...(rule.failures === undefined ? [] : [`${whole(rule.failures)} ${rule.failures === 1 ? 'failure' : 'failures'}`]),
    ...(rule.percent === undefined ? [] : [`more than ${rule.percent} % of at least ${devices(rule.minMatured)}`]),
  ]
  return `The limit is ${limits.join(' or ')}.`
}

function cohortInWords({ family, value }: { family: string; value: string }): string {
  return family === FROM_VERSION ? `Devices that came from ${value}` : `Devices with ${family} ${value}`
}

/** e to the power of `log`, rounded down: as many rollouts. */
function rollouts(log: number): string {
  const most = Math.log(1e9)
  // A limit of 250 must not read 249 for the sake of the last bit.
  return log >= most ? 'more than 1,000,000,000' : whole(Math.floor(Math.exp(log) * (1 + 1e-12)))
}

const devices = (count: number): string => (count === 1 ? '1 device' : `${whole(count)} devices`)
const whole = (value: number): string => value.toLocaleString('en-US')
const percent = (rate: number): string => `${Number((rate * 100).toPrecision(3))} %`

function time(seconds: number): string {
  if (seconds % 3600 === 0) return `${seconds / 3600} h`
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`
}
