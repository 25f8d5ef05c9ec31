import { z } from 'zod'
import type { Event } from '../core/event/event.ts'
import { time, timeView } from './fields.ts'

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

export function viewEvent(event: Event) {
  const { id, type, actor, subject, details } = event
  return { id, at: time(event.at), type, actor, subject, details }
}
