import type { Millis, Slice } from '../../../core/common.ts'
import type { Event } from '../../../core/event/event.ts'
import type { EventFilter, EventStore } from '../../../core/event/event-store.ts'
import { oldest } from '../oldest.ts'
import type { Row } from '../schema.ts'
import type { Session } from '../session.ts'
import { sliced } from '../slice.ts'
import { Template, TemplateCache } from '../statement.ts'
import { fromJson, toJson } from '../values.ts'

const templates = new TemplateCache()

export class SqlEventStore implements EventStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async append(event: Omit<Event, 'serial'>): Promise<void> {
    const values = toColumns(event)
    const columns = Object.keys(values)
    const { compiler } = this.#session
    const append = templates.get(compiler, 'append', () => {
      return new Template(columns.length, (standIns) => {
        const row = Object.fromEntries(columns.map((column, index) => [column, standIns[index]]))
        return compiler.insertInto('events').values(row as ReturnType<typeof toColumns>)
      })
    })
    await this.#session.run(append.bind(Object.values(values)))
  }

  async list({ organisation, type, subjectKind, subjectId }: EventFilter, slice: Slice): Promise<Event[]> {
    let query = this.#session.compiler.selectFrom('events').selectAll()
    if (organisation === null) query = query.where('organisation', 'is', null)
    else if (organisation !== undefined) query = query.where('organisation', '=', organisation)
    if (type !== undefined) query = query.where('type', '=', type)
    if (subjectKind !== undefined) query = query.where('subject_kind', '=', subjectKind)
    if (subjectId !== undefined) query = query.where('subject_id', '=', subjectId)
    return (await this.#session.all(sliced(query, 'serial', slice).compile())).map(toEvent)
  }

  deleteBefore(before: Millis, limit: number): Promise<number> {
    const query = this.#session.compiler
      .deleteFrom('events')
      .where('serial', 'in', oldest(this.#session, { table: 'events', column: 'at', before, limit }))
    return this.#session.run(query.compile())
  }
}

function toColumns({ id, at, organisation, type, actor, subject, details }: Omit<Event, 'serial'>) {
  return {
    id,
    at,
    organisation,
    type,
    actor_kind: actor.kind,
    actor_id: actor.id,
    actor_name: actor.name,
    subject_kind: subject.kind,
    subject_id: subject.id,
    details: toJson(details) ?? '{}',
  }
}

function toEvent(row: Row<'events'>): Event {
  return {
    serial: row.serial,
    id: row.id,
    at: row.at,
    organisation: row.organisation,
    type: row.type,
    actor: { kind: row.actor_kind, id: row.actor_id, name: row.actor_name },
    subject: { kind: row.subject_kind, id: row.subject_id },
    details: fromJson(row.details),
  }
}
