import type { Id, Millis } from '../common.ts'
import type { Event } from '../event/event.ts'
import type { Organisation } from '../organisation/organisation.ts'
import type { Secrets } from '../ports.ts'
import type { ServiceDeps } from '../service.ts'
import { signDelivery } from './sign-delivery.ts'
import type { Webhook } from './webhook.ts'
import { type Outcome, outcomeOf, type WebhookSender } from './webhook-sender.ts'

/** What webhook secrets are sealed with. */
export const WEBHOOK_CONTEXT = 'webhook'

/** An event as webhooks get it. */
export function deliveryBody(
  event: Pick<Event, 'id' | 'type' | 'at' | 'actor' | 'subject' | 'details'>,
  { id, key }: Pick<Organisation, 'id' | 'key'>,
): string {
  const { actor, subject, details } = event
  const at = new Date(event.at).toISOString()
  return JSON.stringify({ id: event.id, type: event.type, at, organisation: { id, key }, actor, subject, details })
}

/** The secrets that sign at this moment, newest first. */
export function signingSecrets(secrets: Secrets, webhook: Webhook, now: Millis): string[] {
  const { sealedSecret, sealedFormer, formerUntil } = webhook
  const isFormerGood = sealedFormer !== null && formerUntil !== null && now < formerUntil
  return [sealedSecret, ...(isFormerGood ? [sealedFormer] : [])].map((one) => secrets.open(one, WEBHOOK_CONTEXT))
}

/** One attempt. `id` is that of the event, the same at every attempt. */
export async function deliver(
  deps: Pick<ServiceDeps, 'clock' | 'secrets' | 'limits'>,
  sender: WebhookSender,
  what: { readonly webhook: Webhook; readonly id: Id; readonly body: string },
): Promise<Outcome> {
  const { webhook, id, body } = what
  const now = deps.clock.now()
  const timestamp = Math.floor(now / 1000)
  const answer = await sender.send({
    url: webhook.url,
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signDelivery(signingSecrets(deps.secrets, webhook, now), { id, timestamp, body }),
    },
    body,
    timeoutMs: deps.limits.webhookTimeoutSeconds * 1000,
  })
  return outcomeOf(answer)
}
