import type { HealthPolicy } from '../health/health-policy.ts'
import type { Stage } from '../rollout.ts'
import type { Ages } from './ages.ts'
import { type Forecast, forecast } from './forecast.ts'
import { type Brake, type ForecastInput, SLOT_SECONDS } from './forecast-input.ts'
import type { PlanEstimate } from './plan.ts'

export interface EstimateInput extends Omit<ForecastInput, 'ages'> {
  readonly ages: Ages
}

/** How long a rollout will take, from the last signs of life of the very devices that it would update. Pure. */
export function estimate(input: EstimateInput): { estimate: PlanEstimate; forecast: Forecast } {
  const { ages } = input
  const known = ages.seen + ages.silent + ages.never
  const share = known === 0 ? 0 : ages.seen / known
  const course = forecast({
    ...input,
    stages: input.stages.map(({ stage, devices }) => ({ stage, devices: devices * share })),
  })
  const half = ages.quantile(0.5) ?? null
  const most = ages.quantile(0.95) ?? null
  return {
    forecast: course,
    estimate: {
      untilHalf: course.untilHalf,
      until95: course.until95,
      brake: course.brake,
      words: known === 0 ? [] : wordsOf(input, course, { half, most }),
      lastSeen: { half, most },
      seen: ages.seen,
      silent: ages.silent,
      neverSeen: ages.never,
      approvals: course.approvals,
    },
  }
}

function wordsOf(
  input: EstimateInput,
  course: Forecast,
  lastSeen: { readonly half: number | null; readonly most: number | null },
): string[] {
  const { ages } = input
  const { half, most } = lastSeen
  if (half === null || most === null)
    return [`None of them was seen in the last ${ages.silentDays} days, so nobody knows when they ask.`]
  const words = [resultInWords(course)]
  if (course.until95 !== null) words.push(BRAKES[course.brake](input, { half, most }))
  words.push(
    `${whole(ages.seen)} of them ${ages.seen === 1 ? 'was' : 'were'} seen in the last ${ages.silentDays} days: half within ${time(half)}, 95 % within ${time(most)}. How long ago a device was last seen is, over a fleet, how long it takes until it asks again.`,
  )
  words.push('It is assumed that every update succeeds.')
  if (course.approvals > 0)
    words.push(
      `${course.approvals === 1 ? 'An approval' : `${course.approvals} approvals`} on the way cost no time here.`,
    )
  if (input.stages.some(({ stage }) => stage.concurrency !== null))
    words.push(`An update is taken to hold its slot for ${time(SLOT_SECONDS)}.`)
  if (input.stages.some(({ stage }) => stage.window?.kind === 'daily' && stage.window.zone === 'device'))
    words.push(`Windows in the devices' own time zones are taken to be in ${input.timeZone}.`)
  const quiet = ages.silent + ages.never
  if (quiet > 0)
    words.push(`${whole(quiet)} that ${quiet === 1 ? 'is' : 'are'} silent or were never seen are left out.`)
  return words
}

function resultInWords({ untilHalf, until95, stuck }: Forecast): string {
  if (untilHalf !== null && until95 !== null)
    return `Half of the devices are offered it within ${time(untilHalf)}, 95 % within ${time(until95)}.`
  const half = untilHalf === null ? '' : `Half of the devices are offered it within ${time(untilHalf)}; `
  const rest = stuck ? 'it never reaches 95 % of them by itself.' : 'it takes more than a year to reach 95 % of them.'
  return half === '' ? `${rest[0]?.toUpperCase()}${rest.slice(1)}` : half + rest
}

type Seen = { readonly half: number; readonly most: number }

/** What most of the time goes into. */
const BRAKES: Readonly<Record<Brake, (input: EstimateInput, seen: Seen) => string>> = {
  'check-ins': () => 'Most of the time it waits for devices to ask.',
  'health-gate': ({ health }) => `Most of the time its health gate holds it: ${gateInWords(health)}.`,
  rate: ({ stages }) => `Most of the time its rate holds it: ${limitsOf(stages, 'ratePerMinute')} devices a minute.`,
  slots: ({ stages }) => `Most of the time its slots are taken: ${limitsOf(stages, 'concurrency')} updates at once.`,
  window: () => 'Most of the time its window is closed.',
  stages: () => 'Most of the time a stage soaks, or waits for the verdict on its devices.',
}

function gateInWords({ allowance, confirmSeconds }: HealthPolicy): string {
  if (allowance === 'unlimited') return 'devices that cannot be verified wait'
  return `at first ${whole(allowance.initial)} devices may hold the release without a verdict, and ${Number((1 + allowance.growth).toFixed(2))} times as many after each ${time(confirmSeconds)}`
}

function limitsOf(stages: EstimateInput['stages'], limit: 'ratePerMinute' | 'concurrency'): string {
  const limits = stages.flatMap(({ stage }: { stage: Stage }) => stage[limit] ?? [])
  return [...new Set(limits)].map(whole).join(', then ')
}

const whole = (value: number): string => value.toLocaleString('en-US')

/** `45 s`, `20 min`, `3.5 h`, `12 days`. */
function time(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`
  if (seconds < 48 * 3600) return `${Number((seconds / 3600).toFixed(1))} h`
  return `${Number((seconds / 86_400).toFixed(1))} days`
}
