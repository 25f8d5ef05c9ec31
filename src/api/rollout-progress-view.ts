import { z } from 'zod'
import type { Evidence } from '../core/rollout/health/evidence.ts'
import type { RolloutProgress } from '../core/rollout/progress.ts'
import { time, timeOrNull, timeView } from './fields.ts'

export const outcomesView = z
  .strictObject({
    open: z.int(),
    succeeded: z.int(),
    failed: z.int(),
    'rolled-back': z.int(),
    cancelled: z.int(),
    superseded: z.int(),
    delivered: z.int().describe('Handed over; their protocol does not tell what became of it'),
  })
  .meta({ id: 'RolloutOutcomes', description: 'Devices by what became of their newest update' })

const seen = {
  view: z.enum(['settled', 'granted']).describe('Which devices it speaks of: those whose time is over, or all'),
  observed: z.strictObject({ devices: z.int(), failed: z.int() }),
  silent: z.int(),
  floors: z
    .array(z.strictObject({ version: z.string(), failed: z.int() }))
    .exactOptional()
    .describe('Of the failures behind a stop, those at an intermediate version'),
  confirmSeconds: z.int(),
  cohort: z.strictObject({ family: z.string(), value: z.string() }).exactOptional(),
}

export const evidenceView = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('sequential'),
      ...seen,
      acceptableFailureRate: z.number(),
      logEvidence: z.number().describe('Natural logarithm of the e-value'),
      logLimit: z.number().describe('At which it stops'),
    }),
    z.strictObject({
      kind: z.literal('threshold'),
      ...seen,
      rule: z.strictObject({
        kind: z.literal('threshold'),
        failures: z.int().exactOptional(),
        percent: z.number().exactOptional(),
        minMatured: z.int(),
      }),
    }),
  ])
  .meta({ id: 'HealthEvidence' })

const stageProgressView = z.strictObject({
  stage: z.int().describe('From 1'),
  state: z.enum(['ahead', 'approval', 'current', 'passed']),
  devices: z.int().describe('Granted the release or a floor on the way in it, each once'),
  slots: z.int().describe('Updates that hold one of its slots'),
  outcomes: outcomesView,
  matured: z.int().describe('Devices with a verdict, in this run'),
  failed: z.int().describe('Of these'),
  approvals: z.array(z.strictObject({ account: z.string().describe('Id'), name: z.string(), at: timeView })),
})

export const progressView = z
  .strictObject({
    words: z.string(),
    devices: z.int(),
    slots: z.int(),
    outcomes: outcomesView,
    waits: z
      .array(z.strictObject({ kind: z.string(), words: z.string(), until: timeView.nullable() }))
      .describe('What keeps it from granting more, or from its next stage'),
    stages: z.array(stageProgressView),
    cohorts: z.array(
      z.strictObject({
        family: z.string(),
        value: z.string(),
        isExcluded: z.boolean(),
        granted: z.int(),
        matured: z.int(),
        failed: z.int(),
        words: z.string(),
      }),
    ),
    gate: z.strictObject({
      verdict: z.enum(['off', 'go', 'hold', 'approval', 'stop']),
      words: z.string(),
      evidence: evidenceView.nullable(),
      evidenceWords: z.string().nullable(),
      holding: z.int().describe('Devices that hold the release without a verdict'),
      allowance: z.int().nullable().describe('How many may at once; null = any number'),
      unverifiable: z.int().describe('Devices granted that cannot be verified'),
      unverifiableLimit: z.int().nullable(),
    }),
  })
  .meta({ id: 'RolloutProgress', description: 'Read from kept counters alone' })

/** Evidence as it is shown. */
export function viewEvidence({ floors, ...evidence }: Evidence): z.output<typeof evidenceView> {
  return { ...evidence, ...(floors && { floors: [...floors] }) }
}

export function viewProgress(progress: RolloutProgress): z.output<typeof progressView> {
  return {
    ...progress,
    waits: progress.waits.map(({ kind, words, until }) => ({ kind, words, until: timeOrNull(until) })),
    stages: progress.stages.map((stage) => ({
      ...stage,
      approvals: stage.approvals.map((one) => ({ ...one, at: time(one.at) })),
    })),
    cohorts: [...progress.cohorts],
    gate: { ...progress.gate, evidence: progress.gate.evidence && viewEvidence(progress.gate.evidence) },
  }
}
