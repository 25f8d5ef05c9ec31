import { invalid } from '../errors.ts'
import { requireWhole as whole, requireWithin as within } from '../validate.ts'
import type { Stage, StageReach } from './rollout.ts'
import { parseWindow } from './schedule/parse-window.ts'

/** One of percent, count and groups; the rest has defaults. */
export interface StageInput {
  readonly percent?: number
  readonly count?: number
  readonly groups?: readonly string[]
  readonly successThreshold?: number
  readonly minMatured?: number
  readonly soakSeconds?: number
  readonly approvals?: number
  readonly concurrency?: number | null
  readonly ratePerMinute?: number | null
  readonly window?: unknown
  readonly spreadSeconds?: number
}

/** Stages of a rollout. */
export const MOST_STAGES = 50

/** The stages as they are stored. Throws `invalid` naming the field. */
export function stagesFrom(given: readonly StageInput[] | undefined): Stage[] {
  const inputs = given ?? [{ percent: 100 }]
  if (inputs.length === 0 || inputs.length > MOST_STAGES) throw invalid('stages', `must be 1 to ${MOST_STAGES}`)
  const stages = inputs.map((input, index) => stageFrom(input, `stages[${index}]`))
  let before = 0
  for (const [index, { reach }] of stages.entries()) {
    if (reach.kind !== 'percent') continue
    if (reach.percent <= before)
      throw invalid(`stages[${index}].percent`, `must be more than ${before}: percents count from the beginning`)
    before = reach.percent
  }
  return stages
}

function stageFrom(input: StageInput, at: string): Stage {
  return {
    reach: reachFrom(input, at),
    successThreshold: within(`${at}.successThreshold`, input.successThreshold ?? 95, [0, 100]),
    minMatured: whole(`${at}.minMatured`, input.minMatured ?? 1, [1, 1_000_000_000]),
    soakSeconds: whole(`${at}.soakSeconds`, input.soakSeconds ?? 0, [0, 365 * 86_400]),
    approvals: whole(`${at}.approvals`, input.approvals ?? 0, [0, 2]) as 0 | 1 | 2,
    concurrency: limit(`${at}.concurrency`, input.concurrency),
    ratePerMinute: limit(`${at}.ratePerMinute`, input.ratePerMinute),
    window: input.window == null ? null : parseWindow(input.window, `${at}.window`),
    spreadSeconds: whole(`${at}.spreadSeconds`, input.spreadSeconds ?? 0, [0, 30 * 86_400]),
  }
}

function reachFrom({ percent, count, groups }: StageInput, at: string): StageReach {
  if ([percent, count, groups].filter((one) => one !== undefined).length !== 1)
    throw invalid(at, 'needs one of percent, count and groups')
  if (percent !== undefined) {
    if (!(percent > 0)) throw invalid(`${at}.percent`, 'must be more than 0')
    return { kind: 'percent', percent: within(`${at}.percent`, percent, [0, 100]) }
  }
  if (count !== undefined) return { kind: 'count', count: whole(`${at}.count`, count, [1, 1_000_000_000]) }
  if (!groups || groups.length === 0 || groups.length > 1_000) throw invalid(`${at}.groups`, 'must be 1 to 1000')
  return { kind: 'groups', groups: [...new Set(groups)] }
}

function limit(field: string, value: number | null | undefined): number | null {
  return value === null || value === undefined ? null : whole(field, value, [1, 1_000_000_000])
}
