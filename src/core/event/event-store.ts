import type { Millis, Serial, Slice } from '../common.ts'
import type { Event } from './event.ts'

export interface EventFilter {
  /** null = events of the server itself; absent = all. */
  readonly organisation?: Serial | null
  readonly type?: string
  readonly subjectKind?: string
  readonly subjectId?: string
}

export interface EventStore {
  append(event: Omit<Event, 'serial'>): Promise<void>
  list(filter: EventFilter, slice: Slice): Promise<Event[]>
  deleteBefore(before: Millis, limit: number): Promise<number>
}
