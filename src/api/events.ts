import { z } from 'zod'
import { isId, type Serial } from '../core/common.ts'
import { invalid, isOtaError, notFound } from '../core/errors.ts'
import type { EventFilter } from '../core/event/event-store.ts'
import { TYPE_PATTERN } from '../core/event/matches-type.ts'
import { admit } from './admission.ts'
import { eventView, viewEvent } from './event-view.ts'
import { flagQuery, given } from './fields.ts'
import { page, pageOf, pageQuery, readCursor } from './paging.ts'
import { type OrganisationCall, organisationRoute, SENT } from './route.ts'

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

export const eventRoutes = [
  organisationRoute('viewer', {
    id: 'events.list',
    method: 'GET',
    path: '/events',
    summary: 'What happened in the organisation, newest first',
    query: { ...pageQuery, ...eventFilters, order: z.enum(['desc', 'asc']).default('desc') },
    reply: pageOf(eventView),
    async handle({ stores, organisation }, { query }) {
      // Who reads forward comes back for more, and must not have passed over what was still being written.
      const through = query.order === 'asc' ? await stores.events.settledThrough() : undefined
      const filter = { organisation: organisation.serial, ...eventFilter(query), ...given({ through }) }
      return page({
        query,
        order: query.order,
        list: (slice) => stores.events.list(filter, slice),
        view: viewEvent,
      })
    },
  }),

  organisationRoute('viewer', {
    id: 'events.stream',
    method: 'GET',
    path: '/events/stream',
    summary: 'Events as they happen, as a stream of server-sent events',
    description:
      'Each event is a message whose data is an Event. Its id, sent back as Last-Event-ID (browsers do) or as `after`, resumes right behind it. A comment every 15 seconds shows that the stream lives; an event named `end` says why it ends. docs/events.md has the details.',
    mode: 'free',
    produces: 'text/event-stream',
    query: {
      type: z
        .string()
        .max(2000)
        .refine((text) => text.split(',').every((pattern) => TYPE_PATTERN.test(pattern)), {
          error: 'must be like device.created or device.*, several separated by commas',
        })
        .optional()
        .describe('Types, separated by commas; device.* = all of devices'),
      after: z
        .string()
        .max(100)
        .optional()
        .describe('Begin behind this: id of a message, id of an event, or 0 for the oldest; default: now'),
      follow: flagQuery.default(true).describe('false: end when everything there was has been sent'),
    },
    async handle(call, { query }) {
      const { request, reply, context, organisation, core } = call
      const resumed = request.headers['last-event-id']
      const from = typeof resumed === 'string' && resumed !== '' ? resumed : query.after
      const after = from === undefined ? undefined : await positionOf(call, from)
      if (request.method === 'HEAD') {
        reply.type('text/event-stream; charset=utf-8').header('cache-control', 'no-store').send()
        return SENT
      }
      await context.streams.open(reply, {
        following: { organisation: organisation.serial, types: query.type?.split(',') ?? [], after },
        follow: query.follow,
        admit: () => admit(core, STREAM_ACCESS, request),
      })
      return SENT
    },
  }),

  organisationRoute('viewer', {
    id: 'events.show',
    method: 'GET',
    path: '/events/:event',
    summary: 'One event',
    reply: eventView,
    async handle({ stores, organisation }, { params }) {
      const event = isId(params.event) ? await stores.events.findById(organisation.serial, params.event) : undefined
      if (!event) throw notFound('event', params.event)
      return viewEvent(event)
    },
  }),
]

const STREAM_ACCESS = { kind: 'organisation', role: 'viewer' } as const

/** What a stream begins behind. Throws `not-found` for an event that is none of the organisation's, or gone. */
async function positionOf({ stores, organisation }: OrganisationCall, from: string): Promise<Serial> {
  if (from === '0') return 0
  if (isId(from)) {
    const event = await stores.events.findById(organisation.serial, from)
    if (!event) throw notFound('event', from)
    return event.serial
  }
  try {
    return readCursor(from, 'asc')
  } catch (error) {
    throw isOtaError(error, 'invalid') ? invalid('after', 'is no id of a message or event') : error
  }
}

export function eventFilter(query: EventQuery): EventFilter {
  const { type, subjectKind, subjectId, actorKind, actorId, from, until } = query
  return {
    ...given({ type, subjectKind, subjectId, actorKind, actorId }),
    ...(from !== undefined && { from: Date.parse(from) }),
    ...(until !== undefined && { until: Date.parse(until) }),
  }
}
