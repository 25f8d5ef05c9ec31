import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { HttpWebhookSender } from '../../../src/server/webhooks/http-webhook-sender.ts'
import { startWebhookJob, type WebhookJob } from '../../../src/server/webhooks/webhook-job.ts'
import { type Client, expectDone, expectProblem, type Tenant, useApi } from './fixture.ts'
import { STORAGES } from './storages.ts'

const URL_A = 'https://hooks.example.test/T0/secret-part'
const HOUR_MS = 3_600_000
const PATIENTLY = { timeout: 5000 }

describe.each(STORAGES)('webhooks on $name', (storage) => {
  const sender = new HttpWebhookSender({ allowPrivate: false, version: 'test' })
  const api = useApi(storage, { webhooks: sender, limits: { webhooksPerOrganisation: 4 } })
  let acme: Tenant
  let owner: Client
  let count = 0
  beforeEach(async () => {
    acme = await api().tenant(`acme-${count++}`)
    owner = acme.owner
  })
  const create = async (body: object = {}) => expectDone(await owner.post('/webhooks', { url: URL_A, ...body }), 201)

  it('are made with a secret that is shown once', async () => {
    const made = await create({ name: 'chat', types: ['update.failed', 'device.*'] })
    const { secret, ...shown } = made
    expect(secret).toMatch(/^whsec_[A-Za-z0-9]{44}$/)
    expect(shown).toEqual({
      id: expect.any(String),
      createdAt: expect.any(String),
      revision: 1,
      name: 'chat',
      url: URL_A,
      types: ['update.failed', 'device.*'],
      active: true,
      paused: null,
      formerSecretUntil: null,
      delivery: {
        deliveredAt: null,
        attemptedAt: null,
        nextAttemptAt: null,
        failures: 0,
        lastStatus: null,
        lastError: null,
        deadLetters: 0,
      },
    })
    expect(expectDone(await owner.get(`/webhooks/${made.id}`))).toEqual(shown)
    const { items } = expectDone(await owner.get('/webhooks'))
    expect(items).toEqual([shown])
    expect((await create()).name).toBe('hooks.example.test')
    const own = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
    expect((await create({ secret: own })).secret).toBe(own)
  })

  it.each([
    ['ftp://hooks.example.test/', '/url'],
    ['hooks.example.test', '/url'],
    ['https://user:password@hooks.example.test/', '/url'],
    ['https://hooks.example.test/#part', '/url'],
    ['http://127.0.0.1/', '/url'],
    ['http://[::1]:8080/', '/url'],
    ['http://169.254.169.254/latest', '/url'],
  ])('refuse the address %s', async (url, pointer) => {
    const reply = await owner.post('/webhooks', { url })
    expectProblem(reply, 400, 'invalid')
    expect(reply.json.errors).toMatchObject([{ in: 'body', pointer }])
    const { id } = await create()
    expectProblem(await owner.patch(`/webhooks/${id}`, { url }), 400, 'invalid')
  })

  it('refuse types that cannot be, and secrets that are too short', async () => {
    for (const types of [['*'], ['Device'], ['device.a.b'], Array.from({ length: 51 }, () => 'device')])
      expectProblem(await owner.post('/webhooks', { url: URL_A, types }), 400, 'invalid')
    expectProblem(await owner.post('/webhooks', { url: URL_A, secret: 'whsec_c2hvcnQ=' }), 400, 'invalid')
  })

  it('are bounded in number', async () => {
    const made = []
    for (let index = 0; index < 4; index += 1) made.push(await create())
    expectProblem(await owner.post('/webhooks', { url: URL_A }), 409, 'limit-reached')
    expectDone(await owner.call('DELETE', `/webhooks/${made[0].id}`), 204)
    await create()
    const many = await Promise.all(Array.from({ length: 4 }, () => acme.owner.post('/webhooks', { url: URL_A })))
    expect(many.map(({ status }) => status)).toEqual([409, 409, 409, 409])
  })

  it('change, and of the expected revision alone', async () => {
    const { id } = await create()
    const change = { url: 'https://other.example.test/', name: 'other', types: ['product'], active: false }
    expect(expectDone(await owner.patch(`/webhooks/${id}`, change))).toMatchObject({ ...change, revision: 2 })
    expectProblem(await owner.patch(`/webhooks/${id}`, change, { 'if-match': '"1"' }), 412, 'precondition-failed')
    const { secret } = expectDone(await owner.post(`/webhooks/${id}/secret`, { overlapSeconds: 60 }), 201)
    expect(secret).toMatch(/^whsec_/)
    const until = new Date(api().server.clock.now() + 60_000).toISOString()
    expect(expectDone(await owner.get(`/webhooks/${id}`)).formerSecretUntil).toBe(until)
    expectDone(await owner.call('DELETE', `/webhooks/${id}`), 204)
    expectProblem(await owner.get(`/webhooks/${id}`), 404, 'not-found')
  })

  it('leave events that tell viewers no secret, of secrets and addresses', async () => {
    const { id, secret } = await create()
    expectDone(await owner.patch(`/webhooks/${id}`, { url: `${URL_A}-2`, active: false }))
    expectDone(await owner.patch(`/webhooks/${id}`, { active: true }))
    expectDone(await owner.post(`/webhooks/${id}/secret`, {}), 201)
    expectDone(await owner.post(`/webhooks/${id}/dead-letters/replay`))
    expectDone(await owner.call('DELETE', `/webhooks/${id}`), 204)
    const reply = await acme.viewer.get('/events?type=webhook&order=asc')
    expect(expectDone(reply).items.map((event: { type: string }) => event.type)).toEqual([
      'webhook.created',
      'webhook.changed',
      'webhook.changed',
      'webhook.secret-rotated',
      'webhook.replayed',
      'webhook.deleted',
    ])
    expect(reply.text).not.toContain('secret-part')
    expect(reply.text).not.toContain(secret.slice(6))
    const [, changed, resumed] = reply.json.items
    expect(changed.details.after.url).toMatch(/^https:\/\/hooks\.example\.test\/… \(sha256 [0-9a-f]{12}\)$/)
    expect(changed.details.after.url).not.toBe(changed.details.before.url)
    expect(resumed.details).toEqual({ before: { active: false }, after: { active: true } })
    expect(api().server.log()).not.toContain('secret-part')
  })
})

interface Delivered {
  readonly type: string
  readonly id: string
  readonly isSigned: boolean
}

describe.each(STORAGES)('deliveries on $name', (storage) => {
  const sender = new HttpWebhookSender({ allowPrivate: true, version: 'test' })
  const api = useApi(storage, { webhooks: sender, limits: { webhookPauseAfter: 2 } })
  const delivered: Delivered[] = []
  let status = 204
  let secret = ''
  let job: WebhookJob
  let url = ''
  let acme: Tenant
  /** As a receiver would check it that knows nothing of Godwit but docs/events.md. */
  const isSigned = (headers: Record<string, unknown>, body: string) => {
    const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
    const expected = `v1,${createHmac('sha256', key).update(signed).digest('base64')}`
    return String(headers['webhook-signature']).split(' ').includes(expected)
  }
  const receiver = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const { type, id } = JSON.parse(body)
    delivered.push({ type, id, isSigned: isSigned(request.headers, body) && request.headers['webhook-id'] === id })
    response.writeHead(status).end()
  })
  beforeAll(async () => {
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`
    job = startWebhookJob({ core: api().core, sender, log: api().server.app.log })
    acme = await api().tenant('acme')
  })
  afterAll(async () => {
    await job.stop()
    sender.close()
    receiver.closeAllConnections()
    await new Promise((resolve) => receiver.close(resolve))
  })
  beforeEach(() => {
    delivered.length = 0
    status = 204
  })
  const arrived = (type: string) => expect.poll(() => delivered.map((one) => one.type), PATIENTLY).toContain(type)
  const group = async (key: string) => expectDone(await acme.operator.post('/groups', { key }), 201)

  it('reach the receiver soon, in order and signed; what fails waits, is given up, and can be sent again', async () => {
    const webhook = expectDone(await acme.owner.post('/webhooks', { url, types: ['group', 'webhook.test'] }), 201)
    secret = webhook.secret
    for (const key of ['a', 'b', 'c']) await group(key)
    const { items } = expectDone(await acme.viewer.get('/events?type=group.created&order=asc'))
    await expect
      .poll(() => delivered.map(({ id }) => id), PATIENTLY)
      .toEqual(items.map((event: { id: string }) => event.id))
    expect(delivered.every((one) => one.isSigned)).toBe(true)
    const show = async () => expectDone(await acme.owner.get(`/webhooks/${webhook.id}`))
    expect((await show()).delivery).toMatchObject({
      failures: 0,
      lastStatus: 204,
      lastError: null,
      nextAttemptAt: null,
    })

    expect(expectDone(await acme.owner.post(`/webhooks/${webhook.id}/test`))).toEqual({
      delivered: true,
      status: 204,
      error: null,
    })
    expect(delivered.at(-1)).toMatchObject({ type: 'webhook.test', isSigned: true })

    status = 503
    delivered.length = 0
    await group('d')
    await arrived('group.created')
    await expect.poll(async () => (await show()).delivery.failures, PATIENTLY).toBe(1)
    const { delivery } = await show()
    expect(delivery).toMatchObject({ lastStatus: 503, lastError: 'it answered 503', deadLetters: 0 })
    expect(Date.parse(delivery.nextAttemptAt)).toBeGreaterThan(api().server.clock.now())
    expect(expectDone(await acme.owner.post(`/webhooks/${webhook.id}/test`))).toEqual({
      delivered: false,
      status: 503,
      error: 'it answered 503',
    })

    await group('e')
    api().server.clock.advance(25 * HOUR_MS)
    await expect.poll(async () => (await show()).paused?.reason, PATIENTLY).toMatch(/^2 events in a row/)
    const path = `/webhooks/${webhook.id}/dead-letters`
    const letters = expectDone(await acme.owner.get(path)).items
    expect(letters.map((letter: { body: { type: string } }) => letter.body.type)).toEqual([
      'group.created',
      'group.created',
    ])
    expect(letters[0]).toMatchObject({ attempts: 2, lastStatus: 503, queuedAt: null, type: 'group.created' })

    status = 200
    delivered.length = 0
    expect(expectDone(await acme.owner.post(`${path}/${letters[1].id}/replay`))).toEqual({ queued: 1 })
    expect(expectDone(await acme.owner.patch(`/webhooks/${webhook.id}`, { active: true })).paused).toBeNull()
    await expect.poll(() => delivered.map(({ id }) => id), PATIENTLY).toEqual([letters[1].event])
    expect(expectDone(await acme.owner.post(`${path}/replay`))).toEqual({ queued: 1 })
    await expect.poll(async () => expectDone(await acme.owner.get(path)).items, PATIENTLY).toEqual([])
    expect(delivered.map(({ id }) => id)).toEqual([letters[1].event, letters[0].event])
    expectProblem(await acme.owner.post(`${path}/${letters[0].id}/replay`), 404, 'not-found')
  })
})
