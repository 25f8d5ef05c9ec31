import type { Id, Millis, Serial, Slice } from '../common.ts'
import type { Actor, Event } from './event.ts'

export interface EventFilter {
  /** null = events of the server itself; absent = all. */
  readonly organisation?: Serial | null
  /** Any of these patterns (see `matchesType`); none = all types. */
  readonly type?: string | readonly string[]
  readonly subjectKind?: string
  readonly subjectId?: string
  readonly actorKind?: Actor['kind']
  readonly actorId?: string
  /** Half-open: `from <= at < until`. */
  readonly from?: Millis
  readonly until?: Millis
  /** Only up to this serial, itself included. */
  readonly through?: Serial
}

export interface EventStore {
  append(event: Omit<Event, 'serial'>): Promise<void>
  /** As `append` for many, in their order. */
  appendAll(events: readonly Omit<Event, 'serial'>[]): Promise<void>
  /** Oldest first unless the slice says otherwise. Who follows events must stay within `settledThrough`. */
  list(filter: EventFilter, slice: Slice): Promise<Event[]>
  /** Found by the time that the id begins with, which is that of the event. */
  findById(organisation: Serial, id: Id): Promise<Event | undefined>
  /**
   * A serial up to which nothing is added any more: reads that begin after this one see every event up to it that there
   * will ever be, and later ones come beyond it. So who reads on from the last serial that it saw, and never beyond
   * this, misses none and sees none twice, however transactions overtake each other. Events of transactions under way
   * hold it back; it may seem to go back a little while one begins. Waits for nobody; 0 when there is no event.
   */
  settledThrough(): Promise<Serial>
  deleteBefore(before: Millis, limit: number): Promise<number>
}
