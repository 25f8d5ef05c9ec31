import { z } from 'zod'
import type { Event } from '../core/event/event.ts'
import type { EventFilter } from '../core/event/event-store.ts'
import { TYPE_PATTERN } from '../core/event/matches-type.ts'
import { given, time, timeView } from './fields.ts'
import { page, pageOf, pageQuery } from './paging.ts'
import { organisationRoute } from './route.ts'

const moment = z.iso.datetime({ offset: true })

export const eventFilters = {
  type: z
    .string()
    .regex(TYPE_PATTERN, 'must be like device.created or device.*')
    .optional()
    .describe('For example device.created; device.* = all of devices'),
  subjectKind: z.string().max(64).optional().describe('For example device'),
  subjectId: z.string().max(64).optional(),
  actorKind: z.enum(['account', 'access-key', 'device', 'system']).optional(),
  actorId: z.string().max(64).optional(),
  from: moment.optional().describe('Not before'),
  until: moment.optional().describe('Before'),
}

type EventQuery = z.output<z.ZodObject<typeof eventFilters>>

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
      const filter = { organisation: organisation.serial, ...eventFilter(query) }
      return page({
        query,
        order: query.order,
        list: (slice) => stores.events.list(filter, slice),
        view: viewEvent,
      })
    },
  }),
]

export function eventFilter(query: EventQuery): EventFilter {
  const { type, subjectKind, subjectId, actorKind, actorId, from, until } = query
  return {
    ...given({ type, subjectKind, subjectId, actorKind, actorId }),
    ...(from !== undefined && { from: Date.parse(from) }),
    ...(until !== undefined && { until: Date.parse(until) }),
  }
}

export function viewEvent(event: Event) {
  const { id, type, actor, subject, details } = event
  return { id, at: time(event.at), type, actor, subject, details }
}
