import { z } from 'zod'
import { notFound } from '../core/errors.ts'
import { findProduct } from '../core/product/product-service.ts'
import { ROLLOUT_STATES } from '../core/rollout/rollout.ts'
import type { RolloutInput } from '../core/rollout/rollout-input.ts'
import { findRollout, SNAPSHOT_BATCHES } from '../core/rollout/rollout-service.ts'
import type { RolloutFilter } from '../core/rollout/rollout-store.ts'
import { takeSnapshot } from '../core/rollout/snapshot.ts'
import { idField, nameField, referenceField } from './fields.ts'
import { page, pageOf, pageQuery } from './paging.ts'
import { releaseOf, whatFields } from './release-reference.ts'
import { rolloutFields, rolloutFrom, stagesField, stagesFrom } from './rollout-fields.ts'
import { rolloutDetail, rolloutView, viewDetail, viewRollout } from './rollout-view.ts'
import { type OrganisationCall, organisationRoute, SENT } from './route.ts'
import { createOnce } from './run-route.ts'

const filters = {
  product: referenceField.optional(),
  release: z.string().max(64).optional().describe('Id'),
  state: z.enum(ROLLOUT_STATES).optional(),
  kind: z.enum(['update', 'verification', 'undo']).optional(),
  search: z.string().max(200).optional().describe('Part of key or name'),
}

/** A new rollout. */
export const rolloutBody = z.strictObject({
  ...rolloutFields,
  ...whatFields,
  id: idField.exactOptional(),
  start: z.boolean().exactOptional().describe('Start it at once'),
})

export const rolloutRoutes = [
  organisationRoute('viewer', {
    id: 'rollouts.list',
    method: 'GET',
    path: '/rollouts',
    summary: 'Rollouts, newest first',
    query: { ...pageQuery, ...filters },
    reply: pageOf(rolloutView),
    async handle(call, { query }) {
      const filter = await rolloutFilter(call, query)
      return page({
        query,
        order: 'desc',
        list: (slice) => call.stores.rollouts.list(filter, slice),
        view: (row) => viewRollout(call, row),
      })
    },
  }),

  organisationRoute('operator', {
    id: 'rollouts.create',
    method: 'POST',
    path: '/rollouts',
    summary: 'Make a rollout: a draft, or started at once',
    description:
      'What it ships is named as for an assignment. The work is the same for any fleet: devices are granted when they ask. The list of a snapshot is made at once as far as that is quick, and goes on in the background.',
    mode: 'free',
    creates: true,
    body: rolloutBody,
    reply: rolloutDetail,
    async handle(call, { body }) {
      const { start = false } = body
      const input = rolloutInput(body)
      const made = await createOnce(call, {
        content: JSON.stringify(body),
        status: 201,
        work: async (within) => {
          const rollout = await within.services.rollouts.insert(within.stores, call.scope, input)
          const begun = start ? await within.services.rolloutControl.start(call.scope, rollout.id) : rollout
          return viewDetail(within, begun)
        },
      })
      if (made === SENT || made.snapshot.state !== 'taking') return made
      const { serial } = await findRollout(call.core.deps.storage.read, call.organisation.serial, made.id)
      const taken = await takeSnapshot(call.core.deps, serial, SNAPSHOT_BATCHES)
      return taken ? viewDetail(call, taken) : made
    },
  }),

  organisationRoute('viewer', {
    id: 'rollouts.show',
    method: 'GET',
    path: '/rollouts/:rollout',
    summary: 'One rollout: how far it is, what it waits for, and what its health gate says',
    reply: rolloutDetail,
    handle: async (call, { params }) =>
      viewDetail(call, await findRollout(call.stores, call.organisation.serial, params.rollout)),
  }),

  organisationRoute('operator', {
    id: 'rollouts.change',
    method: 'PATCH',
    path: '/rollouts/:rollout',
    summary: 'Change name, priority or stages that have not begun',
    description: '`stages` is the whole list: those that have begun must be in it as they are.',
    conditional: true,
    body: z.strictObject({
      name: nameField.exactOptional(),
      priority: z.int().exactOptional(),
      stages: stagesField.exactOptional(),
    }),
    reply: rolloutDetail,
    async handle(call, { params, body }) {
      const { stages, ...plain } = body
      const before = await findRollout(call.stores, call.organisation.serial, params.rollout)
      const patch = { ...plain, ...(stages && { stages: stagesFrom(stages, before.options.timeZone) }) }
      return viewDetail(call, await call.services.rollouts.update(call.scope, before.id, patch, call.ifRevision))
    },
  }),

  organisationRoute('operator', {
    id: 'rollouts.delete',
    method: 'DELETE',
    path: '/rollouts/:rollout',
    summary: 'Delete a rollout that does not run; its updates stay',
    handle: (call, { params }) => call.services.rollouts.delete(call.scope, params.rollout),
  }),
]

/** The body of a new rollout in core's words. */
export function rolloutInput(body: z.output<typeof rolloutBody>): RolloutInput {
  const { start: _, id, release, firmware, product, module, version, ...fields } = body
  const what = { release, firmware, product, module, version }
  return {
    ...rolloutFrom(fields),
    release: releaseOf(Object.fromEntries(Object.entries(what).filter(([, value]) => value !== undefined))),
    ...(id !== undefined && { id }),
    ...(product !== undefined && { product }),
  }
}

type FilterQuery = { readonly [Name in keyof typeof filters]?: z.output<(typeof filters)[Name]> }

async function rolloutFilter(call: OrganisationCall, query: FilterQuery): Promise<RolloutFilter> {
  const { stores, organisation } = call
  const { product, release, state, kind, search } = query
  const found = release === undefined ? undefined : await stores.releases.findById(organisation.serial, release)
  if (release !== undefined && !found) throw notFound('release', release)
  return {
    organisation: organisation.serial,
    ...(product !== undefined && { product: (await findProduct(stores, organisation.serial, product)).serial }),
    ...(found && { release: found.serial }),
    ...(state !== undefined && { states: [state] }),
    ...(kind !== undefined && { kind }),
    ...(search !== undefined && { search }),
  }
}
