import type { PlanHow } from '../core/rollout/plan/plan-rollout.ts'
import { findRollout } from '../core/rollout/rollout-service.ts'
import { optionalBody } from './fields.ts'
import { undoFields, undoInput } from './rollout-actions.ts'
import { planView, viewPlan } from './rollout-plan-view.ts'
import { rolloutBody, rolloutInput } from './rollouts.ts'
import { type OrganisationCall, organisationRoute } from './route.ts'

const SLOW =
  'Every device of the product is asked what the engine would decide for it: seconds for a large fleet, and no longer than `limits.planSeconds`; `limits.plansAtOnce` are made at one time (429). Nothing is changed.'

/** What rollouts would do, before they do it. */
export const rolloutPlanRoutes = [
  organisationRoute('viewer', {
    id: 'rollouts.plan-new',
    method: 'POST',
    path: '/rollouts/plan',
    summary: 'What a new rollout would do to the fleet: which devices, why not others, bytes, stages, time',
    description: `The body is that of \`POST /rollouts\`, and what that refuses is refused here. ${SLOW}`,
    mode: 'free',
    body: rolloutBody,
    reply: planView,
    handle: async (call, { body }) =>
      viewPlan(await call.core.plans.ofInput(call.scope, rolloutInput(body), howOf(call))),
  }),

  organisationRoute('viewer', {
    id: 'rollouts.plan',
    method: 'GET',
    path: '/rollouts/:rollout/plan',
    summary: 'What a rollout would still do to the fleet, were it running',
    description: SLOW,
    mode: 'free',
    reply: planView,
    handle: async (call, { params }) =>
      viewPlan(await call.core.plans.ofRollout(call.scope, params.rollout, howOf(call))),
  }),

  organisationRoute('viewer', {
    id: 'rollouts.plan-undo',
    method: 'POST',
    path: '/rollouts/:rollout/undo-plan',
    summary: 'What taking a rollout back would do: who returns to what, and who cannot',
    description: `The body is that of \`POST /rollouts/{rollout}/undo\`. ${SLOW}`,
    mode: 'free',
    body: optionalBody(undoFields),
    reply: planView,
    async handle(call, { params, body }) {
      const undone = await findRollout(call.stores, call.organisation.serial, params.rollout)
      return viewPlan(await call.core.plans.ofUndo(call.scope, undone.id, undoInput(undone, body), howOf(call)))
    },
  }),
]

/** Nobody waits any more once the connection is gone. */
function howOf({ context, request }: OrganisationCall): PlanHow {
  return { styles: context.options.askStyles ?? {}, isWanted: () => !request.raw.socket.destroyed }
}
