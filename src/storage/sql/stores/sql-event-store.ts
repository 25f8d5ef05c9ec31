import { type RawBuilder, type SelectQueryBuilder, sql } from 'kysely'
import type { Id, Millis, Serial, Slice } from '../../../core/common.ts'
import type { Event } from '../../../core/event/event.ts'
import type { EventFilter, EventStore } from '../../../core/event/event-store.ts'
import { typeStem } from '../../../core/event/matches-type.ts'
import { oldest } from '../oldest.ts'
import type { Row, Schema } from '../schema.ts'
import type { Session } from '../session.ts'
import { sliced } from '../slice.ts'
import { bulkStatement, Template, TemplateCache } from '../statement.ts'
import { unindexed } from '../unindexed.ts'
import { fromJson, toJson } from '../values.ts'

const templates = new TemplateCache()

export class SqlEventStore implements EventStore {
  readonly #session: Session
  #isAnnounced = false

  constructor(session: Session) {
    this.#session = session
  }

  async append(event: Omit<Event, 'serial'>): Promise<void> {
    const values = Object.values(toColumns(event))
    const isFirst = !this.#isAnnounced
    this.#isAnnounced = true
    await this.#session.run((isFirst ? this.#announcingInsert() : this.#insert()).bind(values))
  }

  /** The rows of one statement are numbered in their order; see `#announcingInsert`. */
  async appendAll(events: readonly Omit<Event, 'serial'>[]): Promise<void> {
    const inserts = events.length > 1 && APPEND_ALL(this.#session, JSON.stringify(events.map(toColumns)))
    if (inserts) {
      this.#isAnnounced = true
      await this.#session.run(inserts)
    } else for (const event of events) await this.append(event)
  }

  #insert(): Template<unknown> {
    const { compiler } = this.#session
    return templates.get(compiler, 'append', () => {
      return new Template(COLUMNS.length, (standIns) => {
        const row = Object.fromEntries(COLUMNS.map((column, index) => [column, standIns[index]]))
        return compiler.insertInto('events').values(row as ReturnType<typeof toColumns>)
      })
    })
  }

  /** The first event of a transaction is numbered only once the transaction is known to number events. */
  #announcingInsert(): Template<unknown> {
    const { compiler, dialect } = this.#session
    const { log } = dialect
    if (log === undefined) return this.#insert()
    return templates.get(compiler, 'announce and append', () => {
      return new Template(COLUMNS.length, (standIns) => {
        const values = sql.join(standIns)
        return compiler
          .insertInto('events')
          .columns(['serial', ...COLUMNS])
          .expression(
            sql`with announcement as materialized (${log.announce('events')})
              select ${log.next('events')}, ${values} from announcement where announced is not null`,
          )
      })
    })
  }

  async list(filter: EventFilter, slice: Slice): Promise<Event[]> {
    const query = filtered(this.#session, this.#session.compiler.selectFrom('events').selectAll(), filter)
    return (await this.#session.all(sliced(query, 'serial', slice).compile())).map(toEvent)
  }

  async findById(organisation: Serial, id: Id): Promise<Event | undefined> {
    const begin = Number.parseInt(id.slice(0, 8), 16) * 1000
    const query = this.#session.compiler
      .selectFrom('events')
      .selectAll()
      .where('at', '>=', begin)
      .where('at', '<', begin + 1000)
      .where(sql<boolean>`${unindexed(this.#session, 'organisation')} = ${organisation}`)
      .where('id', '=', id)
    const row = await this.#session.first(query.compile())
    return row && toEvent(row)
  }

  /**
   * One statement: its snapshot is older than its look at the announcements. So whoever numbered an event below the
   * newest one that is visible is among the announced, or had ended and is visible to every later read.
   */
  async settledThrough(): Promise<Serial> {
    const { compiler, dialect } = this.#session
    const lowest = dialect.log?.lowest ?? sql<number | null>`null`
    const query = compiler
      .selectFrom('events')
      .select([sql<number | null>`max(serial)`.as('newest'), lowest.as('lowest')])
    const { newest, lowest: announced } = (await this.#session.first(query.compile())) ?? { newest: null, lowest: null }
    return Math.min(newest ?? 0, announced ?? Number.POSITIVE_INFINITY)
  }

  deleteBefore(before: Millis, limit: number): Promise<number> {
    const query = this.#session.compiler
      .deleteFrom('events')
      .where('serial', 'in', oldest(this.#session, { table: 'events', column: 'at', before, limit }))
    return this.#session.run(query.compile())
  }
}

const APPEND_ALL = bulkStatement(({ compiler, dialect: { log }, given }, rows: string) => {
  const table = given(rows, {
    id: 'text',
    at: 'bigint',
    organisation: 'bigint',
    type: 'text',
    actor_kind: 'text',
    actor_id: 'text',
    actor_name: 'text',
    subject_kind: 'text',
    subject_id: 'text',
    details: 'text',
  })
  const its = sql.join(COLUMNS.map((column) => sql.ref(`given.${column}`)))
  const insert = compiler.insertInto('events')
  if (log === undefined) return insert.columns(COLUMNS).expression(sql`select ${its} from ${table}`)
  return insert.columns(['serial', ...COLUMNS]).expression(
    sql`with announcement as materialized (${log.announce('events')})
      select ${log.next('events')}, ${its} from announcement, ${table} where announced is not null`,
  )
})

type Query<O> = SelectQueryBuilder<Schema, 'events', O>

function filtered<O>(session: Session, query: Query<O>, filter: EventFilter): Query<O> {
  const { organisation, type, subjectKind, subjectId, actorKind, actorId, from, until, through } = filter
  let some = query
  if (organisation === null) some = some.where('organisation', 'is', null)
  else if (organisation !== undefined) some = some.where('organisation', '=', organisation)
  const patterns = type === undefined ? [] : [type].flat()
  if (patterns.length > 0) some = some.where(({ or }) => or(patterns.map(ofType)))
  if (subjectKind !== undefined) some = some.where('subject_kind', '=', subjectKind)
  if (subjectId !== undefined) some = some.where('subject_id', '=', subjectId)
  if (actorKind !== undefined) some = some.where('actor_kind', '=', actorKind)
  // The words of the index: planners do not conclude.
  if (actorKind !== undefined && actorKind !== 'device') some = some.where(sql<boolean>`actor_kind <> 'device'`)
  if (actorId !== undefined) some = some.where('actor_id', '=', actorId)
  const at = unindexed(session, 'at')
  if (from !== undefined) some = some.where(sql<boolean>`${at} >= ${from}`)
  if (until !== undefined) some = some.where(sql<boolean>`${at} < ${until}`)
  if (through !== undefined) some = some.where('serial', '<=', through)
  return some
}

/** `.` and `/` are neighbours, so this is every type that begins with the stem and a dot. */
function ofType(pattern: string): RawBuilder<boolean> {
  const stem = typeStem(pattern)
  return sql<boolean>`(type = ${stem} or (type >= ${`${stem}.`} and type < ${`${stem}/`}))`
}

const COLUMNS = [
  'id',
  'at',
  'organisation',
  'type',
  'actor_kind',
  'actor_id',
  'actor_name',
  'subject_kind',
  'subject_id',
  'details',
] as const satisfies readonly (keyof ReturnType<typeof toColumns>)[]

/** In the order of `COLUMNS`. */
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
