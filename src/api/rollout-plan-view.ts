import { z } from 'zod'
import { OUTCOME_WORDS, PLAN_OUTCOMES } from '../core/rollout/plan/outcomes.ts'
import type { RolloutPlan } from '../core/rollout/plan/plan.ts'
import { time, timeView } from './fields.ts'
import { viewReach } from './rollout-view.ts'

const seconds = z.number().nullable()

const valueView = z.strictObject({
  value: z.string().nullable().describe('null: not known; (others): beyond the values that are told apart'),
  devices: z.int(),
})

const outcomeView = z.strictObject({
  kind: z.enum(PLAN_OUTCOMES),
  words: z.string(),
  devices: z.int(),
  examples: z.array(z.strictObject({ device: z.string().describe('Key'), words: z.string() })),
})

const estimateView = z
  .strictObject({
    untilHalfSeconds: seconds.describe('Until half of the devices were offered it; null = never, or beyond a year'),
    until95Seconds: seconds,
    brake: z
      .enum(['check-ins', 'health-gate', 'rate', 'slots', 'window', 'stages'])
      .describe('What most of the time goes into'),
    words: z.array(z.string()).describe('The same in sentences, with what was assumed'),
    lastSeen: z
      .strictObject({ halfSeconds: seconds, mostSeconds: seconds })
      .describe('Within which half, and 95 %, of those seen lately were last seen'),
    seen: z.int(),
    silent: z.int().describe('Not seen for `limits.silentDays`'),
    neverSeen: z.int(),
    approvals: z.int().describe('People who must approve on the way; their time does not count'),
  })
  .meta({ id: 'RolloutEstimate' })

export const planView = z
  .strictObject({
    rollout: z.strictObject({
      id: z.string().describe('A rollout that is made with this very id has the same devices in its stages'),
      key: z.string(),
      kind: z.enum(['update', 'verification', 'undo']),
      version: z.string(),
    }),
    plannedAt: timeView,
    isComplete: z.boolean().describe('False: it took too long, and the counts are of the first `examined` devices'),
    devices: z.int().describe('Of the product'),
    selected: z.int(),
    examined: z.int(),
    willUpdate: z.int(),
    outcomes: z
      .array(outcomeView)
      .describe('Every device of the product is in one; those that no device is in are left out'),
    stages: z.array(
      z.strictObject({
        stage: z.int().describe('From 1'),
        percent: z.number().exactOptional(),
        count: z.int().exactOptional(),
        groups: z.array(z.string()).exactOptional(),
        devices: z.int(),
      }),
    ),
    fromVersions: z.array(valueView).describe('What those run that will be updated'),
    cohorts: z.array(z.strictObject({ family: z.string(), values: z.array(valueView) })),
    floors: z.array(valueView).describe('Intermediate versions, with the devices that install them on the way'),
    bytes: z.int().describe('To be transferred in all, intermediate versions included'),
    unverifiable: z.int().describe('Of those to be updated, devices whose protocol does not tell what becomes of it'),
    estimate: estimateView,
    warnings: z.array(z.strictObject({ kind: z.string(), words: z.string() })).describe('The gravest first'),
  })
  .meta({ id: 'RolloutPlan', description: 'What a rollout would do to the fleet as it is now' })

export function viewPlan(plan: RolloutPlan): z.output<typeof planView> {
  const { rollout, release, estimate, outcomes } = plan
  return {
    rollout: { id: rollout.id, key: rollout.key, kind: rollout.kind, version: release.version },
    plannedAt: time(plan.plannedAt),
    isComplete: plan.isComplete,
    devices: plan.devices,
    selected: plan.selected,
    examined: plan.examined,
    willUpdate: outcomes['will-update'].devices,
    outcomes: PLAN_OUTCOMES.filter((kind) => outcomes[kind].devices > 0).map((kind) => ({
      kind,
      words: OUTCOME_WORDS[kind],
      devices: outcomes[kind].devices,
      examples: [...outcomes[kind].examples],
    })),
    stages: plan.stages.map(({ stage, reach, devices }) => ({ stage, ...viewReach(reach), devices })),
    fromVersions: [...plan.fromVersions],
    cohorts: plan.cohorts.map(({ family, values }) => ({ family, values: [...values] })),
    floors: [...plan.floors],
    bytes: plan.bytes,
    unverifiable: plan.unverifiable,
    estimate: viewEstimate(estimate),
    warnings: [...plan.warnings],
  }
}

function viewEstimate(estimate: RolloutPlan['estimate']): z.output<typeof estimateView> {
  const { untilHalf, until95, lastSeen, words, ...rest } = estimate
  return {
    ...rest,
    words: [...words],
    untilHalfSeconds: rounded(untilHalf),
    until95Seconds: rounded(until95),
    lastSeen: { halfSeconds: rounded(lastSeen.half), mostSeconds: rounded(lastSeen.most) },
  }
}

function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value)
}
