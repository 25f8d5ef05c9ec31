import { createHash } from 'node:crypto'
import type { Id, Serial } from '../common.ts'
import { invalid, notFound, OtaError } from '../errors.ts'
import { TYPE_PATTERN } from '../event/matches-type.ts'
import type { Stores } from '../ports.ts'
import { changed, difference, recordFor, type Scope, type ServiceDeps } from '../service.ts'
import { requireText } from '../validate.ts'
import { deliver, deliveryBody, WEBHOOK_CONTEXT } from './deliver.ts'
import { requireWebhookSecret, SECRET_PREFIX } from './sign-delivery.ts'
import type { Webhook } from './webhook.ts'
import type { Outcome, WebhookSender } from './webhook-sender.ts'

export interface WebhookInput {
  readonly url: string
  /** The host of the address unless given. */
  readonly name?: string
  readonly types?: readonly string[]
  readonly active?: boolean
  /** `whsec_…`; made unless given. */
  readonly secret?: string
}

export type WebhookPatch = Partial<Pick<Webhook, 'name' | 'url' | 'types' | 'active'>>

/** Longest address and most patterns of types. */
const URL_CHARS = 2_000
const TYPES = 50
/** Characters of a new secret: base64 of 33 bytes. */
const SECRET_CHARS = 44

/** The tally of an organisation's webhooks. */
const WEBHOOKS = 'webhooks'

export class WebhookService {
  readonly #deps: ServiceDeps

  constructor(deps: ServiceDeps) {
    this.#deps = deps
  }

  /**
   * Begins with its own creation: what happened before is not sent. The clear secret is returned once. Throws
   * `limit-reached` at `webhooksPerOrganisation`.
   */
  async create(scope: Scope, input: WebhookInput): Promise<{ webhook: Webhook; secret: string }> {
    const { storage, clock, ids, limits, secrets } = this.#deps
    const url = requireWebhookUrl(input.url)
    const secret = requireWebhookSecret(input.secret ?? this.#newSecret())
    const webhook = await storage.transaction(async (stores) => {
      const limit = limits.webhooksPerOrganisation
      if (!(await stores.tallies.add(scope.organisation, WEBHOOKS, { by: 1, limit })))
        throw new OtaError('limit-reached', `An organisation has at most ${limit} webhooks here.`)
      const now = clock.now()
      const position = await stores.events.settledThrough()
      const row = await stores.webhooks.insert(
        {
          id: ids.id(now),
          createdAt: now,
          organisation: scope.organisation,
          name: requireText('name', input.name ?? url.host.slice(0, 200)),
          url: url.href,
          sealedSecret: secrets.seal(secret, WEBHOOK_CONTEXT),
          sealedFormer: null,
          formerUntil: null,
          types: requireTypes(input.types ?? []),
          active: input.active ?? true,
        },
        { position, at: now },
      )
      const details = { name: row.name, url: shownUrl(row.url), types: row.types }
      await recordFor(stores, this.#deps, scope, { type: 'webhook.created', subject: subjectOf(row), details })
      return row
    })
    return { webhook, secret }
  }

  /** `active: true` also resumes one that the server had paused, where it stopped. */
  async update(scope: Scope, id: Id, patch: WebhookPatch, ifRevision?: number): Promise<Webhook> {
    const { storage, clock } = this.#deps
    const wanted = {
      ...patch,
      ...(patch.url !== undefined && { url: requireWebhookUrl(patch.url).href }),
      ...(patch.types && { types: requireTypes(patch.types) }),
    }
    if (patch.name !== undefined) requireText('name', patch.name)
    return storage.transaction(async (stores) => {
      const before = await findWebhook(stores, scope.organisation, id)
      const after = changed(await stores.webhooks.update(before.serial, wanted, ifRevision))
      const isPaused = (await stores.webhooks.progress(before.serial))?.pausedAt != null
      const isResumed = patch.active === true && (isPaused || !before.active)
      // A new address begins anew; the events that wait get the whole retry time when deliveries were off.
      if (isResumed || after.url !== before.url)
        await stores.webhooks.setProgress(before.serial, {
          ...(isResumed && { activeSince: clock.now(), pausedAt: null, pauseReason: null }),
          attempts: 0,
          failures: 0,
          givenUp: 0,
          dueAt: clock.now(),
        })
      const details = difference(shown(before, isPaused), shown(after, isPaused && !isResumed))
      await recordFor(stores, this.#deps, scope, { type: 'webhook.changed', subject: subjectOf(before), details })
      return after
    })
  }

  /**
   * Replaces the secret. Deliveries are signed with both for `overlapSeconds` more (default: the limit
   * `rotationOverlapSeconds`), so that the receiver can change over. The clear secret is returned once.
   */
  async rotateSecret(
    scope: Scope,
    id: Id,
    {
      secret: given,
      overlapSeconds = this.#deps.limits.rotationOverlapSeconds,
    }: { secret?: string; overlapSeconds?: number },
  ): Promise<string> {
    const { storage, clock, secrets } = this.#deps
    const secret = requireWebhookSecret(given ?? this.#newSecret())
    await storage.transaction(async (stores) => {
      const webhook = await findWebhook(stores, scope.organisation, id)
      const formerUntil = clock.now() + overlapSeconds * 1000
      await stores.webhooks.update(webhook.serial, {
        sealedSecret: secrets.seal(secret, WEBHOOK_CONTEXT),
        sealedFormer: overlapSeconds > 0 ? webhook.sealedSecret : null,
        formerUntil: overlapSeconds > 0 ? formerUntil : null,
      })
      const subject = subjectOf(webhook)
      await recordFor(stores, this.#deps, scope, { type: 'webhook.secret-rotated', subject, details: { formerUntil } })
    })
    return secret
  }

  /** With its dead letters; what was not delivered is not sent any more. */
  async delete(scope: Scope, id: Id): Promise<void> {
    await this.#deps.storage.transaction(async (stores) => {
      const webhook = await findWebhook(stores, scope.organisation, id)
      await stores.webhooks.delete(webhook.serial)
      await stores.tallies.add(scope.organisation, WEBHOOKS, { by: -1 })
      const details = { name: webhook.name, url: shownUrl(webhook.url) }
      await recordFor(stores, this.#deps, scope, { type: 'webhook.deleted', subject: subjectOf(webhook), details })
    })
  }

  /** Sends an event of type `webhook.test` at once, once, whatever the webhook's types and state. */
  async test(scope: Scope, id: Id, sender: WebhookSender): Promise<Outcome> {
    const { storage, clock, ids } = this.#deps
    const webhook = await findWebhook(storage.read, scope.organisation, id)
    const organisation = await storage.read.organisations.find(scope.organisation)
    if (!organisation) throw notFound('organisation', scope.organisation)
    const at = clock.now()
    const event = {
      id: ids.id(at),
      type: 'webhook.test',
      at,
      actor: scope.actor,
      subject: subjectOf(webhook),
      details: {},
    }
    const body = deliveryBody(event, organisation)
    const outcome = await deliver(this.#deps, sender, { webhook, id: event.id, body })
    const details = { status: outcome.status, error: outcome.error }
    await storage.transaction((stores) =>
      recordFor(stores, this.#deps, scope, { type: 'webhook.tested', subject: subjectOf(webhook), details }),
    )
    return outcome
  }

  /** Queues one dead letter, or all of them, for one more attempt. Answers how many were queued. */
  async replay(scope: Scope, id: Id, letter?: Id): Promise<number> {
    const { storage, clock } = this.#deps
    return storage.transaction(async (stores) => {
      const webhook = await findWebhook(stores, scope.organisation, id)
      const now = clock.now()
      const queued = letter === undefined ? undefined : await stores.deadLetters.findById(webhook.serial, letter)
      if (letter !== undefined && !queued) throw notFound('dead letter', letter)
      const letters = queued ? 1 : await stores.deadLetters.queueAll(webhook.serial, now)
      if (queued) await stores.deadLetters.update(queued.serial, { queuedAt: now })
      await stores.webhooks.setProgress(webhook.serial, { dueAt: now })
      const details = { letters, ...(queued && { event: queued.event }) }
      await recordFor(stores, this.#deps, scope, { type: 'webhook.replayed', subject: subjectOf(webhook), details })
      return letters
    })
  }

  get(organisation: Serial, id: Id): Promise<Webhook> {
    return findWebhook(this.#deps.storage.read, organisation, id)
  }

  #newSecret(): string {
    return SECRET_PREFIX + this.#deps.ids.token(SECRET_CHARS)
  }
}

/** By id, within the organisation. Throws `not-found`. */
export async function findWebhook(stores: Stores, organisation: Serial, id: Id): Promise<Webhook> {
  const webhook = await stores.webhooks.findById(organisation, id)
  if (!webhook) throw notFound('webhook', id)
  return webhook
}

function requireWebhookUrl(text: string): URL {
  const url = text.length <= URL_CHARS ? URL.parse(text) : null
  if (url === null || !/^https?:$/.test(url.protocol))
    throw invalid('url', `must be an http or https address of at most ${URL_CHARS} characters`)
  if (url.username !== '' || url.password !== '') throw invalid('url', 'must not hold a user or password')
  if (url.hash !== '') throw invalid('url', 'must not hold a fragment')
  return url
}

function requireTypes(types: readonly string[]): readonly string[] {
  if (types.length > TYPES) throw invalid('types', `at most ${TYPES} patterns`)
  for (const type of types)
    if (!TYPE_PATTERN.test(type))
      throw invalid('types', `"${type.slice(0, 70)}" is no type of event, nor the beginning of one`)
  return types
}

function subjectOf({ id }: Pick<Webhook, 'id'>): { kind: string; id: string } {
  return { kind: 'webhook', id }
}

/** Events are for every viewer, and what follows the host may be as good as a password. */
function shownUrl(url: string): string {
  const { origin, pathname, search } = new URL(url)
  if (pathname === '/' && search === '') return `${origin}/`
  return `${origin}/… (sha256 ${createHash('sha256').update(url).digest('hex').slice(0, 12)})`
}

function shown({ name, url, types, active }: Webhook, paused: boolean): object {
  return { name, url: shownUrl(url), types, active, paused }
}
