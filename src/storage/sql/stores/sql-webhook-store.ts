import { sql } from 'kysely'
import type { Id, Millis, New, Patch, Serial, Slice } from '../../../core/common.ts'
import type { Webhook, WebhookProgress } from '../../../core/webhook/webhook.ts'
import type { DueWebhook, ProgressPatch, WebhookStore } from '../../../core/webhook/webhook-store.ts'
import { EntityTable } from '../entity-table.ts'
import type { Row } from '../schema.ts'
import { SecondRow } from '../second-row.ts'
import type { Session } from '../session.ts'
import { sliced } from '../slice.ts'
import { statement } from '../statement.ts'
import { defined, fromJson, toJson } from '../values.ts'

const TABLE = new EntityTable<'webhooks', Webhook>({
  table: 'webhooks',
  uniques: [],
  toColumns: ({ organisation, name, url, sealedSecret, sealedFormer, formerUntil, types, active }) => ({
    organisation,
    name,
    url,
    sealed_secret: sealedSecret,
    sealed_former: sealedFormer,
    former_until: formerUntil,
    types: toJson(types),
    active,
  }),
  toEntity: toWebhook,
})

const PROGRESS_ROW = new SecondRow('webhook_progress', {
  webhook: true,
  position: true,
  active_since: true,
  attempts: true,
  failures: true,
  given_up: true,
  due_at: true,
  paused_at: true,
  pause_reason: true,
  lease_owner: true,
  lease_until: true,
  attempted_at: true,
  last_status: true,
  last_error: true,
  delivered_at: true,
})

const FIND_BY_ID = statement((db, organisation: Serial, id: Id) =>
  db.selectFrom('webhooks').selectAll().where('id', '=', id).where('organisation', '=', organisation),
)
const DELETE = statement((db, serial: Serial) => db.deleteFrom('webhooks').where('serial', '=', serial))
const PROGRESS = statement((db, webhook: Serial) =>
  db.selectFrom('webhook_progress').selectAll().where('webhook', '=', webhook),
)
const LEASE = statement((db, webhook: Serial, owner: string, now: Millis, until: Millis) =>
  db
    .updateTable('webhook_progress')
    .set({ lease_owner: owner, lease_until: until })
    .where('webhook', '=', webhook)
    .where(({ or, eb }) => or([eb('lease_owner', '=', owner), eb('lease_until', '<=', now)]))
    .returningAll(),
)
const LIST_DUE = statement((db, owner: string, now: Millis, after: Serial, limit: number) =>
  db
    .selectFrom('webhooks')
    .innerJoin('webhook_progress', 'webhook_progress.webhook', 'webhooks.serial')
    .selectAll('webhooks')
    .select(PROGRESS_ROW.columns)
    .where('webhooks.serial', '>', after)
    .where(sql<boolean>`webhooks.active = true`)
    .where('webhook_progress.paused_at', 'is', null)
    .where('webhook_progress.due_at', '<=', now)
    .where(({ or, eb }) =>
      or([eb('webhook_progress.lease_owner', '=', owner), eb('webhook_progress.lease_until', '<=', now)]),
    )
    .orderBy('webhooks.serial')
    .limit(limit),
)

export class SqlWebhookStore implements WebhookStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async insert(row: New<Webhook>, { position, at }: { position: Serial; at: Millis }): Promise<Webhook> {
    const webhook = await TABLE.insert(this.#session, row)
    const progress = {
      webhook: webhook.serial,
      position,
      active_since: at,
      attempts: 0,
      failures: 0,
      given_up: 0,
      due_at: 0,
      lease_until: 0,
    }
    await this.#session.run(this.#session.compiler.insertInto('webhook_progress').values(progress).compile())
    return webhook
  }

  find(serial: Serial): Promise<Webhook | undefined> {
    return TABLE.find(this.#session, serial)
  }

  findById(organisation: Serial, id: Id): Promise<Webhook | undefined> {
    return TABLE.one(this.#session, FIND_BY_ID(this.#session, organisation, id))
  }

  update(serial: Serial, patch: Patch<Webhook>, ifRevision?: number): Promise<Webhook | undefined> {
    return TABLE.change(this.#session, serial, { patch, ifRevision })
  }

  async delete(serial: Serial): Promise<void> {
    await this.#session.run(DELETE(this.#session, serial))
  }

  list(organisation: Serial, slice: Slice): Promise<Webhook[]> {
    const query = this.#session.compiler.selectFrom('webhooks').selectAll().where('organisation', '=', organisation)
    return TABLE.many(this.#session, sliced(query, 'serial', slice).compile())
  }

  async listDue(
    { owner, now }: { owner: string; now: Millis },
    { limit, after = 0 }: { limit: number; after?: Serial },
  ): Promise<DueWebhook[]> {
    const rows = await this.#session.all(LIST_DUE(this.#session, owner, now, after, limit))
    return rows.map((row) => ({ webhook: toWebhook(row), progress: toProgress(PROGRESS_ROW.of(row)) }))
  }

  async progress(webhook: Serial): Promise<WebhookProgress | undefined> {
    const row = await this.#session.first(PROGRESS(this.#session, webhook))
    return row && toProgress(row)
  }

  async lease(
    webhook: Serial,
    { owner, now, until }: { owner: string; now: Millis; until: Millis },
  ): Promise<WebhookProgress | undefined> {
    const row = await this.#session.first(LEASE(this.#session, webhook, owner, now, until))
    return row && toProgress(row)
  }

  async setProgress(webhook: Serial, patch: ProgressPatch, owner?: string): Promise<boolean> {
    let query = this.#session.compiler
      .updateTable('webhook_progress')
      .set(defined(toColumns(patch)))
      .where('webhook', '=', webhook)
    if (owner !== undefined) query = query.where('lease_owner', '=', owner)
    return (await this.#session.run(query.compile())) > 0
  }
}

function toColumns(patch: ProgressPatch) {
  return {
    position: patch.position,
    active_since: patch.activeSince,
    attempts: patch.attempts,
    failures: patch.failures,
    given_up: patch.givenUp,
    due_at: patch.dueAt,
    paused_at: patch.pausedAt,
    pause_reason: patch.pauseReason,
    lease_owner: patch.leaseOwner,
    lease_until: patch.leaseUntil,
    attempted_at: patch.attemptedAt,
    last_status: patch.lastStatus,
    last_error: patch.lastError,
    delivered_at: patch.deliveredAt,
  }
}

function toProgress(row: Row<'webhook_progress'>): WebhookProgress {
  return {
    webhook: row.webhook,
    position: row.position,
    activeSince: row.active_since,
    attempts: row.attempts,
    failures: row.failures,
    givenUp: row.given_up,
    dueAt: row.due_at,
    pausedAt: row.paused_at,
    pauseReason: row.pause_reason,
    leaseOwner: row.lease_owner,
    leaseUntil: row.lease_until,
    attemptedAt: row.attempted_at,
    lastStatus: row.last_status,
    lastError: row.last_error,
    deliveredAt: row.delivered_at,
  }
}

function toWebhook(row: Row<'webhooks'>): Webhook {
  return {
    serial: row.serial,
    id: row.id,
    createdAt: row.created_at,
    revision: row.revision,
    organisation: row.organisation,
    name: row.name,
    url: row.url,
    sealedSecret: row.sealed_secret,
    sealedFormer: row.sealed_former,
    formerUntil: row.former_until,
    types: fromJson(row.types),
    active: Boolean(row.active),
  }
}
