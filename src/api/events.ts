import { z } from 'zod'
import type { Event } from '../core/event/event.ts'
import { given, time, timeView } from './fields.ts'
import { page, pageOf, pageQuery } from './paging.ts'
import { organisationRoute } from './route.ts'

export const eventFilters = {
  type: z.string().max(64).optional().describe('For example device.created'),
  subjectKind: z.string().max(64).optional().describe('For example device'),
  subjectId: z.string().max(64).optional(),
}

export const eventView = z
  .strictObject({
    id: z.string(),
    at: timeView,
    type: z.string().describe('<subject>.<past participle>'),
    actor: z.strictObject({
      kind: z.enum(['account', 'access-key', 'device', 'system']),
      id: z.string(),
      name: z.string(),
    }),
    subject: z.strictObject({ kind: z.string(), id: z.string() }),
    details: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'Event' })

export const eventRoutes = [
  organisationRoute('viewer', {
    id: 'events.list',
    method: 'GET',
    path: '/events',
    summary: 'What happened in the organisation, newest first',
    query: { ...pageQuery, ...eventFilters, order: z.enum(['desc', 'asc']).default('desc') },
    reply: pageOf(eventView),
    handle: ({ stores, organisation }, { query }) => {
      const { limit, cursor, order, ...filters } = query
      return page({
        query: { limit, cursor },
        order,
        list: (slice) => stores.events.list({ organisation: organisation.serial, ...given(filters) }, slice),
        view: viewEvent,
      })
    },
  }),
]

export function viewEvent(event: Event) {
  const { id, type, actor, subject, details } = event
  return { id, at: time(event.at), type, actor, subject, details }
}
