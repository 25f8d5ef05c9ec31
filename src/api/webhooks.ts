import { z } from 'zod'
import { invalid, OtaError } from '../core/errors.ts'
import { TYPE_PATTERN } from '../core/event/matches-type.ts'
import type { DeadLetter, Webhook } from '../core/webhook/webhook.ts'
import type { WebhookSender } from '../core/webhook/webhook-sender.ts'
import { findWebhook } from '../core/webhook/webhook-service.ts'
import { entity, entityView, nameField, time, timeOrNull, timeView } from './fields.ts'
import { page, pageOf, pageQuery } from './paging.ts'
import { type OrganisationCall, organisationRoute } from './route.ts'

const urlField = z.string().min(1).max(2000).describe('http or https; redirects are not followed')
const typesField = z
  .array(z.string().regex(TYPE_PATTERN, 'must be like device.created or device.*'))
  .max(50)
  .describe('Types of events; device.* = all of devices; none = all')
const secretField = z.string().max(200).describe('whsec_ and 24 to 64 bytes in base64')

const outcomeMembers = {
  lastStatus: z.int().nullable().describe('HTTP status of the last attempt; null without an answer'),
  lastError: z.string().nullable().describe('Why the last attempt failed; null when it did not'),
}

const webhookView = z
  .strictObject({
    ...entityView,
    name: z.string(),
    url: z.string(),
    types: z.array(z.string()),
    active: z.boolean().describe('false: nothing is sent, and everything is kept for later'),
    paused: z
      .strictObject({ at: timeView, reason: z.string() })
      .nullable()
      .describe('The server stopped by itself; `active: true` resumes'),
    formerSecretUntil: timeView.nullable().describe('Deliveries are signed with the former secret too until then'),
    delivery: z.strictObject({
      deliveredAt: timeView.nullable(),
      attemptedAt: timeView.nullable(),
      nextAttemptAt: timeView.nullable().describe('null when nothing has failed'),
      failures: z.int().describe('Failed attempts in a row'),
      ...outcomeMembers,
      deadLetters: z.int(),
    }),
  })
  .meta({ id: 'Webhook' })

const deadLetterView = z
  .strictObject({
    id: z.string(),
    event: z.string().describe('Id of the event'),
    type: z.string(),
    givenUpAt: timeView,
    attempts: z.int(),
    ...outcomeMembers,
    queuedAt: timeView.nullable().describe('Waits to be sent once more; null = does not'),
    body: z.record(z.string(), z.unknown()).describe('What was and will be sent'),
  })
  .meta({ id: 'DeadLetter' })

const queuedView = z.strictObject({ queued: z.int() })

export const webhookRoutes = [
  organisationRoute('owner', {
    id: 'webhooks.list',
    method: 'GET',
    path: '/webhooks',
    summary: 'Where events are sent',
    query: pageQuery,
    reply: pageOf(webhookView),
    handle: (call, { query }) =>
      page({
        query,
        list: (slice) => call.stores.webhooks.list(call.organisation.serial, slice),
        view: (row) => viewWebhook(call, row),
      }),
  }),

  organisationRoute('owner', {
    id: 'webhooks.create',
    method: 'POST',
    path: '/webhooks',
    summary: 'Have events sent to an address, from now on; the secret is shown this once',
    creates: true,
    body: z.strictObject({
      url: urlField,
      name: nameField.exactOptional().describe('The host of the address unless given'),
      types: typesField.exactOptional(),
      active: z.boolean().exactOptional(),
      secret: secretField.exactOptional().describe('Made unless given: whsec_ and 24 to 64 bytes in base64'),
    }),
    reply: z.strictObject({ ...webhookView.shape, secret: z.string() }),
    async handle(call, { body }) {
      refuseAddress(call, body.url)
      const { webhook, secret } = await call.services.webhooks.create(call.scope, body)
      return { ...(await viewWebhook(call, webhook)), secret }
    },
  }),

  organisationRoute('owner', {
    id: 'webhooks.show',
    method: 'GET',
    path: '/webhooks/:webhook',
    summary: 'One webhook and how its deliveries go',
    reply: webhookView,
    handle: async (call, { params }) => viewWebhook(call, await findOwn(call, params.webhook)),
  }),

  organisationRoute('owner', {
    id: 'webhooks.change',
    method: 'PATCH',
    path: '/webhooks/:webhook',
    summary: 'Change name, address, types or whether it is active',
    description: '`active: true` also resumes a webhook that the server has paused, where it stopped.',
    conditional: true,
    body: z.strictObject({
      url: urlField.exactOptional(),
      name: nameField.exactOptional(),
      types: typesField.exactOptional(),
      active: z.boolean().exactOptional(),
    }),
    reply: webhookView,
    async handle(call, { params, body }) {
      if (body.url !== undefined) refuseAddress(call, body.url)
      return viewWebhook(call, await call.services.webhooks.update(call.scope, params.webhook, body, call.ifRevision))
    },
  }),

  organisationRoute('owner', {
    id: 'webhooks.delete',
    method: 'DELETE',
    path: '/webhooks/:webhook',
    summary: 'Delete a webhook with its dead letters; nothing more is sent',
    handle: ({ services, scope }, { params }) => services.webhooks.delete(scope, params.webhook),
  }),

  organisationRoute('owner', {
    id: 'webhooks.rotate-secret',
    method: 'POST',
    path: '/webhooks/:webhook/secret',
    summary: 'Replace the secret; the new one is shown this once',
    description: 'Deliveries are signed with both for `overlapSeconds`, so that the receiver can change over.',
    creates: true,
    body: z.strictObject({
      secret: secretField.exactOptional(),
      overlapSeconds: z
        .int()
        .min(0)
        .max(31_536_000)
        .exactOptional()
        .describe('Default: the limit rotationOverlapSeconds'),
    }),
    reply: z.strictObject({ secret: z.string() }),
    handle: async ({ services, scope }, { params, body }) => ({
      secret: await services.webhooks.rotateSecret(scope, params.webhook, body),
    }),
  }),

  organisationRoute('owner', {
    id: 'webhooks.test',
    method: 'POST',
    path: '/webhooks/:webhook/test',
    summary: 'Send an event of type webhook.test now, once, and tell what became of it',
    mode: 'free',
    reply: z.strictObject({
      delivered: z.boolean(),
      status: z.int().nullable().describe('HTTP status; null without an answer'),
      error: z.string().nullable().describe('Why it failed; null when it did not'),
    }),
    async handle(call, { params }) {
      await findOwn(call, params.webhook)
      const outcome = await call.services.webhooks.test(call.scope, params.webhook, senderOf(call))
      return { delivered: outcome.isDelivered, status: outcome.status, error: outcome.error }
    },
  }),

  organisationRoute('owner', {
    id: 'webhooks.dead-letters',
    method: 'GET',
    path: '/webhooks/:webhook/dead-letters',
    summary: 'Events that were given up, oldest first',
    query: pageQuery,
    reply: pageOf(deadLetterView),
    async handle(call, { params, query }) {
      const { serial } = await findOwn(call, params.webhook)
      return page({
        query,
        list: (slice) => call.stores.deadLetters.list({ webhook: serial }, slice),
        view: viewDeadLetter,
      })
    },
  }),

  organisationRoute('owner', {
    id: 'webhooks.replay-all',
    method: 'POST',
    path: '/webhooks/:webhook/dead-letters/replay',
    summary: 'Queue every dead letter for one more attempt; those that arrive are gone',
    reply: queuedView,
    handle: async ({ services, scope }, { params }) => ({
      queued: await services.webhooks.replay(scope, params.webhook),
    }),
  }),

  organisationRoute('owner', {
    id: 'webhooks.replay',
    method: 'POST',
    path: '/webhooks/:webhook/dead-letters/:letter/replay',
    summary: 'Queue one dead letter for one more attempt',
    reply: queuedView,
    handle: async ({ services, scope }, { params }) => ({
      queued: await services.webhooks.replay(scope, params.webhook, params.letter),
    }),
  }),
]

function findOwn({ stores, organisation }: OrganisationCall, id: string): Promise<Webhook> {
  return findWebhook(stores, organisation.serial, id)
}

function senderOf({ context }: OrganisationCall): WebhookSender {
  const { webhooks } = context.options
  if (!webhooks) throw new OtaError('unsupported', 'This server sends nothing to webhooks.')
  return webhooks
}

/** What can never be reached is told at once; a name is looked up at each delivery. */
function refuseAddress({ context }: OrganisationCall, text: string): void {
  const url = URL.parse(text)
  const reason = url ? context.options.webhooks?.refusalOf(url) : undefined
  if (reason !== undefined) throw invalid('url', reason)
}

async function viewWebhook({ stores }: OrganisationCall, row: Webhook) {
  const progress = await stores.webhooks.progress(row.serial)
  const { name, url, types, active, formerUntil } = row
  const failures = progress?.failures ?? 0
  return {
    ...entity(row),
    name,
    url,
    types: [...types],
    active,
    paused: progress?.pausedAt == null ? null : { at: time(progress.pausedAt), reason: progress.pauseReason ?? '' },
    formerSecretUntil: timeOrNull(formerUntil),
    delivery: {
      deliveredAt: timeOrNull(progress?.deliveredAt ?? null),
      attemptedAt: timeOrNull(progress?.attemptedAt ?? null),
      nextAttemptAt: failures === 0 ? null : timeOrNull(progress?.dueAt ?? null),
      failures,
      lastStatus: progress?.lastStatus ?? null,
      lastError: progress?.lastError ?? null,
      deadLetters: await stores.deadLetters.count(row.serial),
    },
  }
}

function viewDeadLetter(row: DeadLetter) {
  const { id, event, type, attempts, lastStatus, lastError } = row
  return {
    id,
    event,
    type,
    givenUpAt: time(row.createdAt),
    attempts,
    lastStatus,
    lastError,
    queuedAt: timeOrNull(row.queuedAt),
    body: JSON.parse(row.body),
  }
}
