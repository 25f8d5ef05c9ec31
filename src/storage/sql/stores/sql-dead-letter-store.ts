import { sql } from 'kysely'
import type { Id, Millis, New, Patch, Serial, Slice } from '../../../core/common.ts'
import type { DeadLetter } from '../../../core/webhook/webhook.ts'
import type { DeadLetterStore } from '../../../core/webhook/webhook-store.ts'
import { EntityTable } from '../entity-table.ts'
import { oldest } from '../oldest.ts'
import type { Row } from '../schema.ts'
import type { Session } from '../session.ts'
import { sliced } from '../slice.ts'
import { statement } from '../statement.ts'

const TABLE = new EntityTable<'dead_letters', DeadLetter>({
  table: 'dead_letters',
  uniques: [],
  toColumns: ({ organisation, webhook, event, type, body, attempts, lastStatus, lastError, queuedAt }) => ({
    organisation,
    webhook,
    event,
    type,
    body,
    attempts,
    last_status: lastStatus,
    last_error: lastError,
    queued_at: queuedAt,
  }),
  toEntity: toDeadLetter,
})

const FIND_BY_ID = statement((db, webhook: Serial, id: Id) =>
  db.selectFrom('dead_letters').selectAll().where('id', '=', id).where('webhook', '=', webhook),
)
const DELETE = statement((db, serial: Serial) => db.deleteFrom('dead_letters').where('serial', '=', serial))
const COUNT = statement((db, webhook: Serial) =>
  db.selectFrom('dead_letters').select(sql<number>`count(*)`.as('letters')).where('webhook', '=', webhook),
)
const WITH_QUEUED = statement((db) =>
  db.selectFrom('dead_letters').select('webhook').where('queued_at', 'is not', null).distinct().orderBy('webhook'),
)
const QUEUE_ALL = statement((db, at: Millis, webhook: Serial) =>
  db.updateTable('dead_letters').set({ queued_at: at }).where('webhook', '=', webhook).where('queued_at', 'is', null),
)

export class SqlDeadLetterStore implements DeadLetterStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  insert(row: New<DeadLetter>): Promise<DeadLetter> {
    return TABLE.insert(this.#session, row)
  }

  findById(webhook: Serial, id: Id): Promise<DeadLetter | undefined> {
    return TABLE.one(this.#session, FIND_BY_ID(this.#session, webhook, id))
  }

  update(serial: Serial, patch: Patch<DeadLetter>): Promise<DeadLetter | undefined> {
    return TABLE.change(this.#session, serial, { patch })
  }

  async delete(serial: Serial): Promise<void> {
    await this.#session.run(DELETE(this.#session, serial))
  }

  list({ webhook, isQueued }: { webhook: Serial; isQueued?: true }, slice: Slice): Promise<DeadLetter[]> {
    let query = this.#session.compiler.selectFrom('dead_letters').selectAll().where('webhook', '=', webhook)
    if (isQueued) query = query.where('queued_at', 'is not', null)
    return TABLE.many(this.#session, sliced(query, 'serial', slice).compile())
  }

  async count(webhook: Serial): Promise<number> {
    return (await this.#session.first(COUNT(this.#session, webhook)))?.letters ?? 0
  }

  async webhooksWithQueued(): Promise<Serial[]> {
    return (await this.#session.all(WITH_QUEUED(this.#session))).map(({ webhook }) => webhook)
  }

  queueAll(webhook: Serial, at: Millis): Promise<number> {
    return this.#session.run(QUEUE_ALL(this.#session, at, webhook))
  }

  deleteBefore(before: Millis, limit: number): Promise<number> {
    const query = this.#session.compiler
      .deleteFrom('dead_letters')
      .where('serial', 'in', oldest(this.#session, { table: 'dead_letters', column: 'created_at', before, limit }))
    return this.#session.run(query.compile())
  }
}

function toDeadLetter(row: Row<'dead_letters'>): DeadLetter {
  return {
    serial: row.serial,
    id: row.id,
    createdAt: row.created_at,
    revision: row.revision,
    organisation: row.organisation,
    webhook: row.webhook,
    event: row.event,
    type: row.type,
    body: row.body,
    attempts: row.attempts,
    lastStatus: row.last_status,
    lastError: row.last_error,
    queuedAt: row.queued_at,
  }
}
