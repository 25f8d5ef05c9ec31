import type { Millis, Serial } from '../common.ts'
import { type Event, SYSTEM } from '../event/event.ts'
import { record } from '../event/record.ts'
import { inParallel } from '../in-parallel.ts'
import type { Organisation } from '../organisation/organisation.ts'
import type { Stores } from '../ports.ts'
import type { ServiceDeps } from '../service.ts'
import { deliver, deliveryBody } from './deliver.ts'
import { jitterOf, nextAttemptAt } from './retry-schedule.ts'
import type { DeadLetter, Webhook, WebhookProgress } from './webhook.ts'
import type { Outcome, WebhookSender } from './webhook-sender.ts'
import type { DueWebhook, ProgressPatch } from './webhook-store.ts'

/** Events that one webhook gets before others have their turn. */
const BATCH = 50
/** Dead letters that are sent again before new events have their turn. */
const REPLAYS = 20
/** Webhooks read at once. */
const PAGE = 200
/** Deliveries at the same time, each to another webhook. */
const AT_ONCE = 16
/** So many events of others are passed over before the position is written. */
const UNWRITTEN = 10_000
/** What a lease lasts beyond the longest attempt, so that slow commits do not lose it. */
const LEASE_SLACK_MS = 30_000
const GONE = 410
const SOLE_OWNER = 'sole'

export interface DeliveryOptions {
  /** No other process delivers at the same time: what another one left behind is taken over at once. */
  readonly isAlone?: boolean
  /** Asked before each attempt; false ends the turn. */
  readonly mayGoOn?: () => boolean
}

/** What this process knows of a webhook that has nothing to send. */
interface Seen {
  readonly revision: number
  /** Nothing up to here is for it. */
  readonly through: Serial
}

/** What there may be to send. */
interface News {
  readonly through: Serial
  /** Webhooks with dead letters that are to be sent again. */
  readonly queued: ReadonlySet<Serial>
}

interface Work {
  readonly webhook: Webhook
  readonly organisation: Organisation
  progress: WebhookProgress
}

/**
 * Delivers events to webhooks, each webhook's in their order. The position behind an event is written only after the
 * receiver has taken it, so that a crash repeats a delivery and never loses one. One process holds the lease of a
 * webhook; another one takes over when it ends.
 */
export class WebhookDelivery {
  readonly #deps: ServiceDeps
  readonly #sender: WebhookSender
  readonly #owner: string
  readonly #mayGoOn: () => boolean
  readonly #seen = new Map<Serial, Seen>()
  #isStopped = false

  constructor(deps: ServiceDeps, sender: WebhookSender, options: DeliveryOptions = {}) {
    this.#deps = deps
    this.#sender = sender
    // Where no other process can write, a lease that is left over is one of our own, from before a crash.
    this.#owner = (options.isAlone ?? deps.storage.invalidation.isSoleWriter) ? SOLE_OWNER : deps.ids.uuid()
    this.#mayGoOn = options.mayGoOn ?? (() => true)
  }

  /** Serves every webhook that is due once. Answers whether there is more to send already. */
  async turn(): Promise<boolean> {
    const { management } = this.#deps.storage
    let isMore = false
    let news: News | undefined
    for (let after: Serial | undefined; !this.#isStopping; ) {
      const due = await management.webhooks.listDue(
        { owner: this.#owner, now: this.#deps.clock.now() },
        { limit: PAGE, ...(after !== undefined && { after }) },
      )
      if (due.length === 0) break
      news ??= {
        through: await management.events.settledThrough(),
        queued: new Set(await management.deadLetters.webhooksWithQueued()),
      }
      const known = news
      const served = await inParallel(due, AT_ONCE, (one) => this.#serve(one, known))
      isMore ||= served.includes(true)
      after = due.at(-1)?.webhook.serial
      if (due.length < PAGE) break
    }
    return isMore && !this.#isStopping
  }

  /** Turns under way end after the attempt at hand. */
  stop(): void {
    this.#isStopped = true
  }

  get #isStopping(): boolean {
    return this.#isStopped || !this.#mayGoOn()
  }

  async #serve(due: DueWebhook, { through, queued }: News): Promise<boolean> {
    const { webhook, progress } = due
    const known = this.#seen.get(webhook.serial)
    if (queued.has(webhook.serial)) return this.#lead(webhook, through)
    const seen = known?.revision === webhook.revision ? known.through : 0
    const after = Math.max(progress.position, seen)
    if (after >= through) return false
    const events = await this.#events(webhook, { after, through, limit: 1 })
    if (events.length > 0) return this.#lead(webhook, through)
    this.#seen.set(webhook.serial, { revision: webhook.revision, through })
    if (through - progress.position > UNWRITTEN) await this.#passOver(webhook, through)
    return false
  }

  /** Delivers under the lease, if this process gets it. */
  async #lead(webhook: Webhook, through: Serial): Promise<boolean> {
    const { storage } = this.#deps
    const progress = await this.#lease(webhook)
    if (!progress) return false
    try {
      // What was read before the lease may be old: another process has delivered, or an operator has changed it.
      const current = await storage.management.webhooks.find(webhook.serial)
      const organisation = current && (await storage.management.organisations.find(current.organisation))
      const isDue = progress.pausedAt === null && progress.dueAt <= this.#deps.clock.now()
      if (!current?.active || !organisation || !isDue) return false
      const work = { webhook: current, organisation, progress }
      return (await this.#replay(work)) && (await this.#deliverEvents(work, through))
    } finally {
      await this.#set(webhook, { leaseOwner: null, leaseUntil: 0 })
    }
  }

  /** Answers whether there may be more; false when the webhook has to wait. */
  async #deliverEvents(work: Work, through: Serial): Promise<boolean> {
    const after = work.progress.position
    const events = await this.#events(work.webhook, { after, through, limit: BATCH })
    for (const event of events) {
      if (this.#isStopping) return false
      const body = deliveryBody(event, work.organisation)
      const outcome = await deliver(this.#deps, this.#sender, { webhook: work.webhook, id: event.id, body })
      const goesOn = outcome.isDelivered
        ? await this.#delivered(work, event, outcome)
        : await this.#failed(work, { event, body, outcome })
      if (!goesOn) return false
    }
    return events.length === BATCH
  }

  #delivered(work: Work, event: Event, { status }: Outcome): Promise<boolean> {
    const now = this.#deps.clock.now()
    return this.#advance(work, {
      position: event.serial,
      attempts: 0,
      failures: 0,
      givenUp: 0,
      attemptedAt: now,
      deliveredAt: now,
      lastStatus: status,
      lastError: null,
    })
  }

  async #failed(work: Work, failed: { event: Event; body: string; outcome: Outcome }): Promise<boolean> {
    const { webhook, progress } = work
    const { event, outcome } = failed
    const { limits, clock } = this.#deps
    const now = clock.now()
    const failures = progress.failures + 1
    const attempts = progress.attempts + 1
    const facts = { failures, attempts, attemptedAt: now, lastStatus: outcome.status, lastError: outcome.error }
    if (outcome.status === GONE) return this.#pause(work, facts, 'it answered 410: it wants nothing any more')
    const dueAt = nextAttemptAt(limits, {
      now,
      failures,
      deadline: Math.max(event.at, progress.activeSince) + limits.webhookRetrySeconds * 1000,
      jitter: jitterOf(`${webhook.id} ${event.id} ${failures}`),
      retryAfterSeconds: outcome.retryAfterSeconds,
    })
    if (dueAt === undefined) return this.#giveUp(work, failed, facts)
    await this.#advance(work, { ...facts, dueAt })
    return false
  }

  /** The next event is tried at once: the fault may be this one's. After too many in a row the webhook is paused. */
  async #giveUp(
    work: Work,
    { event, body, outcome }: { event: Event; body: string; outcome: Outcome },
    facts: ProgressPatch,
  ): Promise<boolean> {
    const { webhook, progress } = work
    const now = this.#deps.clock.now()
    const givenUp = progress.givenUp + 1
    const letter = {
      id: this.#deps.ids.id(now),
      createdAt: now,
      organisation: webhook.organisation,
      webhook: webhook.serial,
      event: event.id,
      type: event.type,
      body,
      attempts: facts.attempts ?? 1,
      lastStatus: outcome.status,
      lastError: outcome.error,
      queuedAt: null,
    }
    const patch = { ...facts, position: event.serial, attempts: 0, givenUp }
    if (!(await this.#advance(work, patch, (stores) => stores.deadLetters.insert(letter)))) return false
    if (givenUp < this.#deps.limits.webhookPauseAfter) return true
    return this.#pause(work, {}, `${givenUp} events in a row could not be delivered`)
  }

  async #pause(work: Work, facts: ProgressPatch, reason: string): Promise<false> {
    const { webhook } = work
    const patch = { ...facts, pausedAt: this.#deps.clock.now(), pauseReason: reason }
    await this.#advance(work, patch, (stores) => {
      const { givenUp, lastStatus, lastError } = { ...work.progress, ...facts }
      return record(stores, this.#deps, {
        organisation: webhook.organisation,
        type: 'webhook.paused',
        actor: SYSTEM,
        subject: { kind: 'webhook', id: webhook.id },
        details: { reason, givenUp, lastStatus, lastError },
      })
    })
    return false
  }

  /** Sends queued dead letters again, one attempt each. False when the lease is lost. */
  async #replay(work: Work): Promise<boolean> {
    for (const letter of await this.#letters(work.webhook, REPLAYS)) {
      if (this.#isStopping) return false
      const { event, body } = letter
      const outcome = await deliver(this.#deps, this.#sender, { webhook: work.webhook, id: event, body })
      if (!(await this.#replayed(work, letter, outcome))) return false
    }
    return true
  }

  #replayed(work: Work, letter: DeadLetter, outcome: Outcome): Promise<boolean> {
    const { isDelivered, status, error } = outcome
    const facts = { attemptedAt: this.#deps.clock.now(), lastStatus: status, lastError: error }
    return this.#advance(work, facts, async ({ deadLetters }) => {
      if (isDelivered) return deadLetters.delete(letter.serial)
      const attempts = letter.attempts + 1
      await deadLetters.update(letter.serial, { attempts, lastStatus: status, lastError: error, queuedAt: null })
    })
  }

  /** Writes progress and renews the lease, with whatever belongs to it. False when the lease is lost: nothing is written. */
  async #advance(work: Work, patch: ProgressPatch, also?: (stores: Stores) => Promise<unknown>): Promise<boolean> {
    const { storage } = this.#deps
    const whole = { ...patch, leaseUntil: this.#leaseEnd() }
    const isHeld = await storage.transaction(async (stores) => {
      if (!(await stores.webhooks.setProgress(work.webhook.serial, whole, this.#owner))) return false
      await also?.(stores)
      return true
    })
    if (isHeld) work.progress = { ...work.progress, ...whole }
    return isHeld
  }

  async #passOver(webhook: Webhook, through: Serial): Promise<void> {
    if (await this.#lease(webhook)) await this.#set(webhook, { position: through, leaseOwner: null, leaseUntil: 0 })
  }

  #lease({ serial }: Webhook): Promise<WebhookProgress | undefined> {
    const { storage, clock } = this.#deps
    const lease = { owner: this.#owner, now: clock.now(), until: this.#leaseEnd() }
    return storage.transaction((stores) => stores.webhooks.lease(serial, lease))
  }

  async #set({ serial }: Webhook, patch: ProgressPatch): Promise<void> {
    await this.#deps.storage.transaction((stores) => stores.webhooks.setProgress(serial, patch, this.#owner))
  }

  #leaseEnd(): Millis {
    return this.#deps.clock.now() + this.#deps.limits.webhookTimeoutSeconds * 1000 + LEASE_SLACK_MS
  }

  #events(webhook: Webhook, { after, through, limit }: { after: Serial; through: Serial; limit: number }) {
    const { organisation, types } = webhook
    return this.#deps.storage.management.events.list({ organisation, type: types, through }, { after, limit })
  }

  #letters({ serial }: Webhook, limit: number): Promise<DeadLetter[]> {
    return this.#deps.storage.management.deadLetters.list({ webhook: serial, isQueued: true }, { limit })
  }
}
