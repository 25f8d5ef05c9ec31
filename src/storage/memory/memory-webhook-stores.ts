import type { WebhookProgress } from '../../core/webhook/webhook.ts'
import type { DeadLetterStore, DueWebhook, WebhookStore } from '../../core/webhook/webhook-store.ts'
import { changeEntity, deleteWhere, insertEntity, type MemorySession, patched, spanOf, take } from './memory-session.ts'

export function memoryWebhookStore({ tables }: MemorySession): WebhookStore {
  const { webhooks, webhookProgress, deadLetters } = tables
  return {
    async insert(row, { position, at }) {
      const webhook = insertEntity(webhooks, row)
      webhookProgress.insert({
        row: {
          webhook: webhook.serial,
          position,
          activeSince: at,
          attempts: 0,
          failures: 0,
          givenUp: 0,
          dueAt: 0,
          pausedAt: null,
          pauseReason: null,
          leaseOwner: null,
          leaseUntil: 0,
          attemptedAt: null,
          lastStatus: null,
          lastError: null,
          deliveredAt: null,
        },
      })
      return webhook
    },
    find: async (serial) => webhooks.get(serial),
    async findById(organisation, id) {
      const row = webhooks.find('id', id)
      return row?.organisation === organisation ? row : undefined
    },
    update: async (serial, patch, ifRevision) => changeEntity(webhooks, webhooks.get(serial), { patch, ifRevision }),
    async delete(serial) {
      deleteWhere(deadLetters, { where: ['webhook', serial] })
      const held = webhookProgress.find('webhook', serial)
      if (held) webhookProgress.delete(held.serial)
      webhooks.delete(serial)
    },
    list: async (organisation, slice) => take(webhooks.rows(spanOf(slice, ['organisation', organisation])), slice),
    async listDue({ owner, now }, slice) {
      const isDue = ({ pausedAt, dueAt, leaseOwner, leaseUntil }: WebhookProgress) =>
        pausedAt === null && dueAt <= now && (leaseOwner === owner || leaseUntil <= now)
      const due: DueWebhook[] = []
      for (const webhook of webhooks.rows(spanOf(slice))) {
        const progress = webhookProgress.find('webhook', webhook.serial)?.row
        if (webhook.active && progress && isDue(progress)) due.push({ webhook, progress })
        if (due.length >= slice.limit) break
      }
      return due
    },
    progress: async (webhook) => webhookProgress.find('webhook', webhook)?.row,
    async lease(webhook, { owner, now, until }) {
      const held = webhookProgress.find('webhook', webhook)
      if (held === undefined || (held.row.leaseOwner !== owner && held.row.leaseUntil > now)) return undefined
      return webhookProgress.replace({ ...held, row: { ...held.row, leaseOwner: owner, leaseUntil: until } }).row
    },
    async setProgress(webhook, patch, owner) {
      const held = webhookProgress.find('webhook', webhook)
      if (held === undefined || (owner !== undefined && held.row.leaseOwner !== owner)) return false
      webhookProgress.replace({ ...held, row: patched(held.row, patch) })
      return true
    },
  }
}

export function memoryDeadLetterStore({ tables }: MemorySession): DeadLetterStore {
  const { deadLetters } = tables
  return {
    insert: async (row) => insertEntity(deadLetters, row),
    async findById(webhook, id) {
      const row = deadLetters.find('id', id)
      return row?.webhook === webhook ? row : undefined
    },
    update: async (serial, patch) => changeEntity(deadLetters, deadLetters.get(serial), { patch }),
    delete: async (serial) => deadLetters.delete(serial),
    list: async ({ webhook, isQueued }, slice) =>
      take(
        deadLetters.rows(spanOf(slice, ['webhook', webhook])),
        slice,
        (row) => isQueued === undefined || row.queuedAt !== null,
      ),
    count: async (webhook) => deadLetters.count(['webhook', webhook]),
    webhooksWithQueued: async () => [
      ...new Set([...deadLetters.rows({})].filter(({ queuedAt }) => queuedAt !== null).map(({ webhook }) => webhook)),
    ],
    async queueAll(webhook, at) {
      const rows = [...deadLetters.rows({ where: ['webhook', webhook] })].filter(({ queuedAt }) => queuedAt === null)
      for (const row of rows) deadLetters.replace({ ...row, queuedAt: at })
      return rows.length
    },
    deleteBefore: async (before, limit) =>
      deleteWhere(deadLetters, {}, { limit, accepts: (row) => row.createdAt < before }),
  }
}
