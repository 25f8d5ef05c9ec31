import { z } from 'zod'
import { notFound } from '../core/errors.ts'
import { formatFilter } from '../core/filter/format-filter.ts'
import { progressOf } from '../core/rollout/progress.ts'
import { ROLLOUT_STATES, type Rollout, type Stage } from '../core/rollout/rollout.ts'
import { loadRoom } from '../core/rollout/room.ts'
import { WEEKDAYS, type Window } from '../core/rollout/schedule/window.ts'
import { NO_OUTCOMES, WHOLE } from '../core/rollout/tally.ts'
import { entity, entityView, referenceView, time, timeOrNull, timeView } from './fields.ts'
import { evidenceView, outcomesView, progressView, viewEvidence, viewProgress } from './rollout-progress-view.ts'
import type { OrganisationCall } from './route.ts'

const windowView = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('daily'),
    from: z.string(),
    to: z.string(),
    days: z.array(z.enum(WEEKDAYS)).exactOptional(),
    zone: z.string(),
  }),
  z.strictObject({ kind: z.literal('absolute'), startAt: timeView, endAt: timeView, repeatDaily: z.boolean() }),
])

const stageView = z
  .strictObject({
    percent: z.number().exactOptional(),
    count: z.int().exactOptional(),
    groups: z.array(z.string()).exactOptional(),
    successThreshold: z.number(),
    minMatured: z.int(),
    soakSeconds: z.int(),
    approvals: z.int(),
    concurrency: z.int().nullable(),
    ratePerMinute: z.int().nullable(),
    window: windowView.nullable(),
    spreadSeconds: z.int(),
  })
  .meta({ id: 'Stage', description: 'With exactly one of percent, count and groups' })

const healthView = z
  .strictObject({
    mode: z.union([
      z.enum(['sequential', 'off']),
      z.strictObject({
        kind: z.literal('threshold'),
        failures: z.int().exactOptional(),
        percent: z.number().exactOptional(),
        minMatured: z.int(),
      }),
    ]),
    acceptableFailureRate: z.number(),
    errorBudget: z.number(),
    confirmSeconds: z.int(),
    allowance: z.union([
      z.literal('unlimited'),
      z.strictObject({ initial: z.int(), growth: z.number(), brake: z.number() }),
    ]),
    cohorts: z.array(z.string()),
    minVerifiableShare: z.number(),
  })
  .meta({ id: 'HealthPolicy' })

const optionsView = z.strictObject({
  timeZone: z.string(),
  allowDowngrade: z.boolean(),
  retry: z.strictObject({ attempts: z.int(), pauseSeconds: z.int(), steady: z.boolean() }),
  timeOuts: z.record(z.string(), z.union([z.number(), z.string()]).nullable()).nullable(),
  pull: z.boolean(),
  ignorePenalty: z.boolean(),
  staysOpen: z.boolean().exactOptional().describe('Absent in rollouts of older versions, which stay open'),
})

const stopView = z.strictObject({
  by: z.enum(['operator', 'gate']),
  words: z.string().describe('The reason, or the evidence'),
  evidence: evidenceView.nullable(),
})

export const rolloutView = z
  .strictObject({
    ...entityView,
    key: z.string(),
    name: z.string(),
    kind: z.enum(['update', 'verification', 'undo']),
    product: referenceView.nullable(),
    release: z.strictObject({ id: z.string(), version: z.string() }).nullable(),
    undoes: referenceView.nullable().describe('The rollout that it takes back'),
    state: z.enum(ROLLOUT_STATES),
    priority: z.int(),
    membership: z.enum(['dynamic', 'snapshot']),
    snapshot: z.strictObject({ state: z.enum(['none', 'taking', 'taken']), devices: z.int() }),
    select: z.strictObject({
      filter: z.string().describe('All of the selection, in the filter language'),
      reportingOnly: z.boolean(),
    }),
    stages: z.array(stageView),
    health: healthView,
    options: optionsView,
    stage: z.int().describe('The current stage, from 1'),
    stageStartedAt: timeView.nullable().describe('null while it waits: not started, or for approval'),
    startedAt: timeView.nullable(),
    endedAt: timeView.nullable().describe('When it was last stopped or finished'),
    run: z.int().describe('How often it was resumed after a stop'),
    unverifiableApproved: z.boolean().describe('Somebody approved of going on with devices that cannot be verified'),
    cancelling: z.boolean().describe('Updates under way are being cancelled'),
    stop: stopView.nullable(),
    createdBy: z.strictObject({ kind: z.string(), id: z.string(), name: z.string() }),
    devices: z.int().describe('Granted the release or a floor on the way, each once'),
    outcomes: outcomesView,
  })
  .meta({ id: 'Rollout' })

export type RolloutView = z.output<typeof rolloutView>

export const rolloutDetail = z.strictObject({ ...rolloutView.shape, progress: progressView }).meta({
  id: 'RolloutDetail',
  description: 'A rollout and how far it has come',
})

/** One rollout with its count of outcomes: one row more. */
export async function viewRollout(call: OrganisationCall, row: Rollout): Promise<RolloutView> {
  const whole = await call.stores.rolloutTallies.find(row.serial, WHOLE)
  return view(call, row, { devices: whole?.devices ?? 0, outcomes: whole?.outcomes ?? NO_OUTCOMES })
}

/** One rollout with its progress: its counters and approvals, whatever the fleet. */
export async function viewDetail(call: OrganisationCall, row: Rollout): Promise<z.output<typeof rolloutDetail>> {
  const room = await loadRoom(call.stores, row.serial)
  if (!room) throw notFound('rollout', row.key)
  const approvals = await call.stores.rollouts.listApprovals(row.serial)
  const progress = progressOf(row, room, approvals, call.core.deps.clock.now())
  return { ...(await view(call, row, room.whole)), progress: viewProgress(progress) }
}

async function view(
  { references }: OrganisationCall,
  row: Rollout,
  { devices, outcomes }: Pick<RolloutView, 'devices' | 'outcomes'>,
): Promise<RolloutView> {
  const release = await references.release(row.release)
  const { key, name, kind, state, priority, membership, snapshot, selection, health, options, stop } = row
  return {
    ...entity(row),
    key,
    name,
    kind,
    product: await references.product(row.product),
    release: release ? { id: release.id, version: release.version } : null,
    undoes: await references.rollout(row.undoes),
    state,
    priority,
    membership,
    snapshot: { state: snapshot.kind, devices: snapshot.kind === 'none' ? 0 : snapshot.devices },
    select: { filter: formatFilter(selection.filter), reportingOnly: selection.reportingOnly },
    stages: row.stages.map(viewStage),
    health: { ...health, cohorts: [...health.cohorts] },
    options: { ...options, timeOuts: options.timeOuts && { ...options.timeOuts } },
    stage: row.stage + 1,
    stageStartedAt: timeOrNull(row.stageStartedAt),
    startedAt: timeOrNull(row.startedAt),
    endedAt: timeOrNull(row.endedAt),
    run: row.run,
    unverifiableApproved: row.unverifiableApproved,
    cancelling: row.cancelling,
    stop: stop && viewStop(stop),
    createdBy: row.createdBy,
    devices,
    outcomes,
  }
}

function viewStop(stop: NonNullable<Rollout['stop']>): RolloutView['stop'] {
  if (stop.kind === 'operator') return { by: 'operator', words: stop.reason, evidence: null }
  return { by: 'gate', words: stop.words, evidence: viewEvidence(stop.evidence) }
}

/** As it may be given back. */
function viewStage({ reach, window, ...stage }: Stage): RolloutView['stages'][number] {
  return { ...viewReach(reach), ...stage, window: window && viewWindow(window) }
}

/** For which devices a stage is, as it is given. */
export function viewReach(reach: Stage['reach']) {
  switch (reach.kind) {
    case 'percent':
      return { percent: reach.percent }
    case 'count':
      return { count: reach.count }
    case 'groups':
      return { groups: [...reach.groups] }
  }
}

function viewWindow(window: Window): NonNullable<RolloutView['stages'][number]['window']> {
  if (window.kind === 'absolute') return { ...window, startAt: time(window.startAt), endAt: time(window.endAt) }
  const { days, ...rest } = window
  return { ...rest, ...(days && { days: [...days] }) }
}
