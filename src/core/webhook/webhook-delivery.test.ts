import { beforeEach, describe, expect, it } from 'vitest'
import { type FixedClock, fixedClock } from '../../../test/support/fixed-clock.ts'
import { newEvent } from '../../../test/support/rows.ts'
import { createTestCore, newScope } from '../../../test/support/test-core.ts'
import { Receivers } from '../../../test/support/webhook-receivers.ts'
import type { Core } from '../create-core.ts'
import { SYSTEM } from '../event/event.ts'
import type { Storage } from '../ports.ts'
import type { Scope } from '../service.ts'
import { signDelivery } from './sign-delivery.ts'
import type { Webhook } from './webhook.ts'
import { WebhookDelivery } from './webhook-delivery.ts'
import type { WebhookRequest } from './webhook-sender.ts'

const HOUR = 3600
const URL_A = 'https://a.example.test/hook'

describe('deliveries', () => {
  let clock: FixedClock
  let core: Core
  let scope: Scope
  let receivers: Receivers
  let delivery: WebhookDelivery
  beforeEach(async () => {
    clock = fixedClock()
    core = createTestCore({ clock, limits: { webhookPauseAfter: 3 } })
    scope = await newScope(core)
    receivers = new Receivers()
    delivery = new WebhookDelivery(core.deps, receivers)
  })
  const create = async (given: Partial<Parameters<Core['webhooks']['create']>[1]> = {}) => {
    const created = await core.webhooks.create(scope, { url: URL_A, ...given })
    await turns()
    receivers.requests.length = 0
    return created
  }
  const append = (...types: string[]) =>
    core.deps.storage.transaction(async (stores) => {
      for (const type of types)
        await stores.events.append(newEvent(scope.organisation, { type, at: clock.now(), details: { after: type } }))
    })
  const turns = async () => {
    while (await delivery.turn());
  }
  const progress = ({ serial }: Webhook) => core.deps.storage.read.webhooks.progress(serial)
  const letters = ({ serial }: Webhook) => core.deps.storage.read.deadLetters.list({ webhook: serial }, { limit: 99 })
  const recorded = (type: string) => core.deps.storage.read.events.list({ type }, { limit: 9 })

  it('begin with the creation of the webhook and come in order, signed', async () => {
    await append('a.before')
    const { secret } = await core.webhooks.create(scope, { url: URL_A })
    await append('a.first', 'a.second')
    await turns()
    expect(receivers.types()).toEqual(['webhook.created', 'a.first', 'a.second'])
    const { headers, body, url, timeoutMs } = receivers.requests[1] as WebhookRequest
    expect([url, timeoutMs]).toEqual([URL_A, 10_000])
    expect(JSON.parse(body)).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{24}$/),
      type: 'a.first',
      at: '2026-01-02T03:04:05.678Z',
      organisation: { id: expect.any(String), key: 'acme' },
      actor: SYSTEM,
      subject: { kind: 'device', id: expect.any(String) },
      details: { after: 'a.first' },
    })
    const timestamp = Math.floor(clock.now() / 1000)
    expect(headers).toEqual({
      'content-type': 'application/json',
      'webhook-id': JSON.parse(body).id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signDelivery([secret], { id: JSON.parse(body).id, timestamp, body }),
    })
    await turns()
    expect(receivers.requests).toHaveLength(3)
  })

  it('are of the wanted types and of the own organisation alone', async () => {
    await create({ types: ['device', 'update.failed'] })
    const other = await newScope(core, 'other')
    await append('device.created', 'update.offered', 'update.failed', 'devices.x')
    await core.deps.storage.transaction((stores) => stores.events.append(newEvent(other.organisation)))
    await turns()
    expect(receivers.types()).toEqual(['device.created', 'update.failed'])
  })

  it('wait behind a failed one, longer each time, and go on in order', async () => {
    const { webhook } = await create()
    await append('a.first', 'a.second')
    receivers.status(503)
    await turns()
    const first = await progress(webhook)
    expect(first).toMatchObject({ failures: 1, attempts: 1, lastStatus: 503, lastError: 'it answered 503' })
    const pause = (first?.dueAt ?? 0) - clock.now()
    expect(pause).toBeGreaterThanOrEqual(2500)
    expect(pause).toBeLessThanOrEqual(5000)
    clock.advance({ millis: pause - 1 })
    await turns()
    expect(receivers.types()).toEqual(['a.first'])
    clock.advance({ millis: 1 })
    await turns()
    expect(receivers.types()).toEqual(['a.first', 'a.first'])
    expect(((await progress(webhook))?.dueAt ?? 0) - clock.now()).toBeGreaterThanOrEqual(5000)
    receivers.status(200)
    clock.advance({ seconds: 10 })
    await turns()
    expect(receivers.types()).toEqual(['a.first', 'a.first', 'a.first', 'a.second'])
    expect(new Set(receivers.requests.slice(0, 3).map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    expect(await progress(webhook)).toMatchObject({ failures: 0, attempts: 0, lastStatus: 200, lastError: null })
  })

  it('take redirects and silence for failures', async () => {
    const { webhook } = await create()
    await append('a.first')
    receivers.status(302)
    await turns()
    expect((await progress(webhook))?.lastError).toBe('it answered 302: redirects are not followed')
    receivers.answer = () => ({ kind: 'failed', reason: 'it did not answer within 10 s' })
    clock.advance({ minutes: 1 })
    await turns()
    expect(await progress(webhook)).toMatchObject({ lastStatus: null, lastError: 'it did not answer within 10 s' })
  })

  it('wait as long as the receiver asks', async () => {
    const { webhook } = await create()
    await append('a.first')
    receivers.status(429, { retryAfterSeconds: 120 })
    await turns()
    expect((await progress(webhook))?.dueAt).toBe(clock.now() + 120_000)
  })

  it('of one webhook do not hold up those of another', async () => {
    await create()
    await create({ url: 'https://b.example.test/' })
    receivers.answer = ({ url }) => ({ kind: 'answered', status: url === URL_A ? 500 : 200 })
    await append('a.first', 'a.second')
    await turns()
    const received = (url: string) => receivers.requests.filter((one) => one.url === url).length
    expect([received(URL_A), received('https://b.example.test/')]).toEqual([1, 2])
  })

  /** Lets time pass until nothing but `ends` happens. */
  const untilGivenUp = async (webhook: Webhook) => {
    for (let attempt = 0; attempt < 100 && (await letters(webhook)).length === 0; attempt += 1) {
      clock.set(Math.max(clock.now(), (await progress(webhook))?.dueAt ?? 0))
      await turns()
    }
  }

  it('become dead letters when their time is over, and the next one is tried at once', async () => {
    const { webhook } = await create()
    const begin = clock.now()
    await append('a.poison', 'a.good')
    receivers.answer = ({ body }) => ({ kind: 'answered', status: body.includes('a.poison') ? 400 : 200 })
    await untilGivenUp(webhook)
    expect(clock.now()).toBe(begin + 24 * HOUR * 1000)
    const [letter, ...others] = await letters(webhook)
    expect(others).toEqual([])
    expect(letter).toMatchObject({
      type: 'a.poison',
      createdAt: clock.now(),
      attempts: receivers.requests.length - 1,
      lastStatus: 400,
      lastError: 'it answered 400',
      queuedAt: null,
    })
    expect(letter?.body).toBe(receivers.requests[0]?.body)
    expect(receivers.types().at(-1)).toBe('a.good')
    expect(await progress(webhook)).toMatchObject({ failures: 0, givenUp: 0, pausedAt: null })
  })

  it('pause after too many given up in a row, with an event, and lose nothing', async () => {
    const { webhook } = await create()
    await append('a.1', 'a.2', 'a.3', 'a.4')
    receivers.status(500)
    await untilGivenUp(webhook)
    expect((await letters(webhook)).map(({ type }) => type)).toEqual(['a.1', 'a.2', 'a.3'])
    const reason = '3 events in a row could not be delivered'
    expect(await progress(webhook)).toMatchObject({ pausedAt: clock.now(), pauseReason: reason })
    const [paused] = await recorded('webhook.paused')
    expect(paused).toMatchObject({
      organisation: scope.organisation,
      subject: { kind: 'webhook', id: webhook.id },
      details: { reason, givenUp: 3, lastStatus: 500, lastError: 'it answered 500' },
    })
    clock.advance({ days: 3 })
    receivers.requests.length = 0
    await turns()
    expect(receivers.requests).toEqual([])
    receivers.status(200)
    await core.webhooks.update(scope, webhook.id, { active: true })
    await turns()
    expect(receivers.types()).toEqual(['a.4', 'webhook.paused', 'webhook.changed'])
  })

  it('have the whole retry time again after a pause', async () => {
    const { webhook } = await create()
    await core.webhooks.update(scope, webhook.id, { active: false })
    await append('a.old')
    clock.advance({ days: 9 })
    await core.webhooks.update(scope, webhook.id, { active: true })
    receivers.status(500)
    await turns()
    expect(await letters(webhook)).toEqual([])
    clock.advance({ hours: 25 })
    await turns()
    expect((await letters(webhook)).map(({ type }) => type)).toContain('webhook.changed')
  })

  it('pause at once where the receiver is gone', async () => {
    const { webhook } = await create()
    await append('a.first')
    receivers.status(410)
    await turns()
    expect(await progress(webhook)).toMatchObject({ pauseReason: 'it answered 410: it wants nothing any more' })
    receivers.status(200)
    await core.webhooks.update(scope, webhook.id, { active: true })
    await turns()
    expect(receivers.types().slice(0, 2)).toEqual(['a.first', 'a.first'])
  })

  it('of dead letters are repeated on demand, once', async () => {
    const { webhook } = await create()
    await append('a.1', 'a.2', 'a.3')
    receivers.status(500)
    await untilGivenUp(webhook)
    await core.webhooks.update(scope, webhook.id, { active: true })
    const [first, second, third] = await letters(webhook)
    receivers.answer = ({ body }) => ({ kind: 'answered', status: body.includes('a.2') ? 404 : 200 })
    receivers.requests.length = 0
    expect(await core.webhooks.replay(scope, webhook.id, second?.id)).toBe(1)
    await turns()
    expect(receivers.types()[0]).toBe('a.2')
    expect(receivers.requests[0]).toMatchObject({ body: second?.body, headers: { 'webhook-id': second?.event } })
    expect((await letters(webhook))[1]).toMatchObject({
      attempts: (second?.attempts ?? 0) + 1,
      lastStatus: 404,
      queuedAt: null,
    })
    expect(await core.webhooks.replay(scope, webhook.id)).toBe(3)
    await turns()
    expect((await letters(webhook)).map(({ id }) => id)).toEqual([second?.id])
    expect(receivers.types().filter((type) => ['a.1', 'a.3'].includes(type))).toEqual(['a.1', 'a.3'])
    expect(await core.deps.storage.read.deadLetters.findById(webhook.serial, first?.id ?? '')).toBeUndefined()
    expect(third?.type).toBe('a.3')
  })

  it('are signed with both secrets after a rotation, until the overlap is over', async () => {
    const { webhook, secret } = await create({ types: ['a'] })
    const newer = await core.webhooks.rotateSecret(scope, webhook.id, { overlapSeconds: 60 })
    const signatures = async () => {
      await append('a.x')
      await turns()
      const { headers, body } = receivers.requests.at(-1) as WebhookRequest
      const signed = { id: headers['webhook-id'] ?? '', timestamp: Number(headers['webhook-timestamp']), body }
      return [headers['webhook-signature'], signDelivery([newer, secret], signed), signDelivery([newer], signed)]
    }
    const [during, both] = await signatures()
    expect(during).toBe(both)
    clock.advance({ seconds: 60 })
    const [afterwards, , newest] = await signatures()
    expect(afterwards).toBe(newest)
  })

  it('stop after the attempt at hand', async () => {
    await create()
    await append('a.1', 'a.2')
    receivers.answer = () => {
      delivery.stop()
      return { kind: 'answered', status: 200 }
    }
    expect(await delivery.turn()).toBe(false)
    expect(receivers.types()).toEqual(['a.1'])
    delivery = new WebhookDelivery(core.deps, receivers)
    await turns()
    expect(receivers.types()).toEqual(['a.1', 'a.2'])
  })

  it('are repeated, and never lost, when the process ends before the position is written', async () => {
    const { webhook } = await create()
    await append('a.1', 'a.2')
    const before = await progress(webhook)
    const dying = withoutWrites(core.deps.storage, () => receivers.requests.length > 0)
    const first = new WebhookDelivery({ ...core.deps, storage: dying }, receivers)
    await expect(first.turn()).rejects.toThrow('the process is dead')
    expect(receivers.types()).toEqual(['a.1'])
    expect((await progress(webhook))?.position).toBe(before?.position)
    delivery = new WebhookDelivery(core.deps, receivers)
    await turns()
    expect(receivers.types()).toEqual(['a.1', 'a.1', 'a.2'])
    expect(receivers.requests[1]?.headers['webhook-id']).toBe(receivers.requests[0]?.headers['webhook-id'])
  })

  it('write no position for each event of others, but for many', async () => {
    const { webhook } = await create({ types: ['wanted'] })
    const before = await progress(webhook)
    await append(...Array.from({ length: 40 }, () => 'other.x'))
    await turns()
    expect((await progress(webhook))?.position).toBe(before?.position)
    await append(...Array.from({ length: 10_000 }, () => 'other.x'))
    await turns()
    expect((await progress(webhook))?.position).toBe(await core.deps.storage.read.events.settledThrough())
    await append('wanted.x')
    await turns()
    expect(receivers.types()).toEqual(['wanted.x'])
    expect((await progress(webhook))?.leaseOwner).toBeNull()
  })

  it('belong to one process at a time, and to another one when that is gone', async () => {
    await create()
    await append('a.1')
    const shared = {
      ...core.deps,
      storage: { ...parts(core.deps.storage), invalidation: { isSoleWriter: false, isCurrent: () => true } },
    }
    const [first, second] = [new WebhookDelivery(shared, receivers), new WebhookDelivery(shared, receivers)]
    const { promise: never, resolve: release } = Promise.withResolvers<{ kind: 'failed'; reason: string }>()
    receivers.answer = () => never
    const hanging = first.turn()
    await expect.poll(() => receivers.types()).toEqual(['a.1'])
    receivers.status(200)
    await second.turn()
    expect(receivers.types()).toEqual(['a.1'])
    clock.advance({ seconds: 40 })
    await second.turn()
    expect(receivers.types()).toEqual(['a.1', 'a.1'])
    release({ kind: 'failed', reason: 'too late' })
    await hanging
    await append('a.2')
    await second.turn()
    expect(receivers.types()).toEqual(['a.1', 'a.1', 'a.2'])
  })
})

function parts(storage: Storage): Storage {
  return {
    invalidation: storage.invalidation,
    read: storage.read,
    management: storage.management,
    onChange: (listener) => storage.onChange(listener),
    check: () => storage.check(),
    close: () => storage.close(),
    transaction: (work) => storage.transaction(work),
  }
}

/** A storage whose transactions fail from a moment on, as those of a process that was killed. */
function withoutWrites(storage: Storage, isDead: () => boolean): Storage {
  return {
    ...parts(storage),
    transaction: (work) => (isDead() ? Promise.reject(new Error('the process is dead')) : storage.transaction(work)),
  }
}
