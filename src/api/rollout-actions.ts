import { z } from 'zod'
import type { Rollout } from '../core/rollout/rollout.ts'
import type { RolloutControl } from '../core/rollout/rollout-control.ts'
import { findRollout } from '../core/rollout/rollout-service.ts'
import type { UndoInput } from '../core/rollout/undo-service.ts'
import { keyField, optionalBody } from './fields.ts'
import { healthField, stagesField, stagesFrom } from './rollout-fields.ts'
import { rolloutDetail, viewDetail } from './rollout-view.ts'
import { organisationRoute } from './route.ts'

type Plain = 'start' | 'pause' | 'finish' | 'advance'

/** Steps that need no more words than their name. */
const PLAIN: Readonly<Record<Plain, { summary: string; description?: string }>> = {
  start: {
    summary: 'Start a draft: devices are granted from now on',
    description: 'A first stage that needs approval waits for it.',
  },
  pause: { summary: 'Grant nothing more for now; what is under way goes on' },
  finish: { summary: 'Close it: nothing is granted to devices that come later' },
  advance: {
    summary: 'Go to the next stage by hand, whatever the present one waits for',
    description: 'A stage that needs approval still waits for it.',
  },
}

const step = (control: RolloutControl, name: Plain): RolloutControl[Plain] => control[name].bind(control)

/** Of an undo. */
export const undoFields = {
  key: keyField.exactOptional().describe('Of the undo; the key with -undo unless given'),
  allowDowngrade: z.boolean().exactOptional().describe('Without it only devices that ran a newer version go back'),
  stages: stagesField.exactOptional(),
  health: healthField.exactOptional().describe("The rollout's own unless given"),
  draft: z.boolean().exactOptional().describe('Stop nothing and start nothing yet'),
}

const undoSchema = z.strictObject(undoFields)

/** The body of an undo in core's words. */
export function undoInput({ options }: Rollout, { stages, ...plain }: z.output<typeof undoSchema>): UndoInput {
  return { ...plain, ...(stages && { stages: stagesFrom(stages, options.timeZone) }) }
}

export const rolloutActionRoutes = [
  ...(Object.keys(PLAIN) as Plain[]).map((name) =>
    organisationRoute('operator', {
      id: `rollouts.${name}`,
      method: 'POST',
      path: `/rollouts/:rollout/${name}`,
      ...PLAIN[name],
      reply: rolloutDetail,
      async handle(call, { params }) {
        const { rollout } = params as { rollout: string }
        return viewDetail(call, await step(call.services.rolloutControl, name)(call.scope, rollout))
      },
    }),
  ),

  organisationRoute('operator', {
    id: 'rollouts.resume',
    method: 'POST',
    path: '/rollouts/:rollout/resume',
    summary: 'Go on after a pause or a stop, or take an excluded cohort in again',
    description:
      'After a pause everything goes on as it was. After a stop the health gate begins to count again, with a smaller part of its error budget.',
    body: optionalBody({
      cohorts: z
        .array(z.string().max(200))
        .max(100)
        .exactOptional()
        .describe('Excluded ones to take in again: hardwareRevision=C'),
    }),
    reply: rolloutDetail,
    handle: async (call, { params, body }) =>
      viewDetail(call, await call.services.rolloutControl.resume(call.scope, params.rollout, body)),
  }),

  organisationRoute('operator', {
    id: 'rollouts.stop',
    method: 'POST',
    path: '/rollouts/:rollout/stop',
    summary: 'Stop it: what has not begun is taken back',
    body: optionalBody({
      reason: z.string().max(500).exactOptional(),
      cancel: z.boolean().exactOptional().describe('Cancel updates under way too, in the background'),
    }),
    reply: rolloutDetail,
    handle: async (call, { params, body }) =>
      viewDetail(call, await call.services.rolloutControl.stop(call.scope, params.rollout, body)),
  }),

  organisationRoute('operator', {
    id: 'rollouts.approve',
    method: 'POST',
    path: '/rollouts/:rollout/approve',
    summary: 'Approve of the stage that waits, or of going on with devices that cannot be verified',
    description: 'Each account counts once for a stage.',
    body: optionalBody({
      unverifiable: z.boolean().exactOptional().describe('Of devices that cannot be verified, in place of the stage'),
    }),
    reply: rolloutDetail,
    async handle(call, { params, body }) {
      const what = body.unverifiable ? 'unverifiable' : 'stage'
      return viewDetail(call, await call.services.rolloutControl.approve(call.scope, params.rollout, what))
    },
  }),

  organisationRoute('operator', {
    id: 'rollouts.undo',
    method: 'POST',
    path: '/rollouts/:rollout/undo',
    summary: 'Stop it and return the devices that it updated to what each of them ran before',
    description:
      'Makes a rollout of kind `undo`, which this answers. Devices whose former version is not known or gone stay as they are.',
    creates: true,
    body: optionalBody(undoFields),
    reply: rolloutDetail,
    async handle(call, { params, body }) {
      const undone = await findRollout(call.stores, call.organisation.serial, params.rollout)
      return viewDetail(call, await call.services.undos.undo(call.scope, undone.id, undoInput(undone, body)))
    },
  }),
]
