import { z } from 'zod'
import { findDevice } from '../core/device/device-service.ts'
import { invalid, notFound } from '../core/errors.ts'
import { CLOSED_STATES, isOpen, OPEN_STATES, type Update, type UpdateState } from '../core/update/update.ts'
import type { UpdateFilter } from '../core/update/update-store.ts'
import { entity, entityView, flagQuery, referenceField, referenceView, time, timeOrNull, timeView } from './fields.ts'
import { page, pageOf, pageQuery } from './paging.ts'
import { type OrganisationCall, organisationRoute } from './route.ts'

const stateField = z.enum([...OPEN_STATES, ...CLOSED_STATES])

export const updateView = z
  .strictObject({
    ...entityView,
    device: referenceView.nullable(),
    release: z.strictObject({ id: z.string(), version: z.string() }).nullable(),
    via: z.string().describe('The protocol through which it runs'),
    state: stateField,
    isOpen: z.boolean(),
    attempt: z.int(),
    progress: z.number().describe("Percent; negative = the device's own failure code"),
    reason: z.string(),
    steps: z.array(
      z.strictObject({
        module: z.string().nullable(),
        firmware: z.string().nullable().describe('Id'),
        from: z.string().nullable(),
        to: z.string(),
      }),
    ),
    changedAt: timeView,
    closedAt: timeView.nullable(),
    deadline: timeView.nullable().describe('When it is given up unless there is news; null = never, or it is closed'),
  })
  .meta({ id: 'Update' })

export const updateRoutes = [
  organisationRoute('viewer', {
    id: 'updates.list',
    method: 'GET',
    path: '/updates',
    summary: 'Devices moving to a release, newest first',
    query: {
      ...pageQuery,
      device: referenceField.optional(),
      release: z.string().max(64).optional().describe('Id'),
      state: stateField.optional(),
      open: flagQuery.optional().describe('Only open (true) or closed (false) ones'),
    },
    reply: pageOf(updateView),
    async handle(call, { query }) {
      const filter = await updateFilter(call, query)
      return page({
        query,
        order: 'desc',
        list: (slice) => call.stores.updates.list(filter, slice),
        view: (row) => viewUpdate(call, row),
      })
    },
  }),

  organisationRoute('viewer', {
    id: 'updates.show',
    method: 'GET',
    path: '/updates/:update',
    summary: 'One update',
    reply: updateView,
    async handle(call, { params }) {
      const row = await call.stores.updates.findById(call.organisation.serial, params.update)
      if (!row) throw notFound('update', params.update)
      return viewUpdate(call, row)
    },
  }),

  organisationRoute('operator', {
    id: 'updates.cancel',
    method: 'POST',
    path: '/updates/:update/cancel',
    summary: 'End an open update; a device that is at work is asked to end it',
    reply: updateView,
    handle: async (call, { params }) => viewUpdate(call, await call.services.updates.cancel(call.scope, params.update)),
  }),
]

interface FilterQuery {
  readonly device?: string | undefined
  readonly release?: string | undefined
  readonly state?: UpdateState | undefined
  readonly open?: boolean | undefined
}

async function updateFilter(call: OrganisationCall, query: FilterQuery): Promise<UpdateFilter> {
  const { stores, organisation } = call
  const { device, release, state, open } = query
  if (state !== undefined && open !== undefined) throw invalid('open', 'cannot be given together with state')
  const found = release === undefined ? undefined : await stores.releases.findById(organisation.serial, release)
  if (release !== undefined && !found) throw notFound('release', release)
  return {
    organisation: organisation.serial,
    ...(device !== undefined && { device: (await findDevice(stores, organisation.serial, device)).serial }),
    ...(found && { release: found.serial }),
    ...(state !== undefined && { states: [state] }),
    ...(open !== undefined && { states: open ? OPEN_STATES : CLOSED_STATES }),
  }
}

export async function viewUpdate({ references }: OrganisationCall, row: Update): Promise<z.output<typeof updateView>> {
  const release = await references.release(row.release)
  const steps = []
  for (const { module, firmware, from, to } of row.steps)
    steps.push({
      module: (await references.module(module))?.key ?? null,
      firmware: (await references.firmware(firmware))?.id ?? null,
      from,
      to,
    })
  const { via, state, attempt, progress, reason } = row
  return {
    ...entity(row),
    device: await references.device(row.device),
    release: release ? { id: release.id, version: release.version } : null,
    via,
    state,
    isOpen: isOpen(state),
    attempt,
    progress,
    reason,
    steps,
    changedAt: time(row.changedAt),
    closedAt: timeOrNull(row.closedAt),
    deadline: timeOrNull(row.deadline),
  }
}
