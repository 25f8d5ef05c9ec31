import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../../src/core/event/event.ts'
import type { HttpLimits } from '../../../src/protocols/http/limits.ts'
import { openSqlStorage } from '../../../src/storage/sql/open-storage.ts'
import { newEvent } from '../../support/rows.ts'
import { SseReader } from '../../support/sse-reader.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { type Api, BASE, type Client, expectDone, expectProblem, startApi, type Tenant, useApi } from './fixture.ts'
import { STORAGES } from './storages.ts'

const QUICK: Partial<HttpLimits> = { eventPollMs: 50, eventHeartbeatMs: 100 }

function stream(api: Api, client: Client, query = '', lastEventId?: string): Promise<SseReader> {
  return SseReader.open(`${api.server.url}${BASE}/events/stream${query}`, {
    authorization: `Bearer ${client.token}`,
    ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
  })
}

/** Records events that only polling can find, as those of another process. */
async function append(api: Api, tenant: Tenant, ...types: string[]): Promise<void> {
  for (const type of types)
    await api.core.deps.storage.transaction((stores) => stores.events.append(eventOf(api, tenant, type)))
}

function eventOf(api: Api, tenant: Tenant, type: string, details = {}) {
  const at = api.server.clock.now()
  return newEvent(tenant.organisation.serial, { id: api.core.deps.ids.id(at), at, type, details })
}

const typesOf = (reader: SseReader) => reader.messages.map(({ type }) => type)

describe.each(STORAGES)('a stream of events on $name', (storage) => {
  const api = useApi(storage, { listen: true, http: QUICK })
  let acme: Tenant
  let other: Tenant
  beforeAll(async () => {
    acme = await api().tenant('acme')
    other = await api().tenant('other')
  })

  it('begins now and brings what this process and others record', async () => {
    const reader = await stream(api(), acme.viewer)
    expectDone(await acme.operator.post('/groups', { key: 'g1' }), 201)
    await reader.count(1)
    await append(api(), acme, 'a.first', 'a.second')
    await append(api(), other, 'a.foreign')
    await reader.count(3)
    expect(typesOf(reader)).toEqual(['group.created', 'a.first', 'a.second'])
    const { items } = expectDone(await acme.viewer.get('/events?limit=3'))
    expect(reader.messages.toReversed()).toEqual(items)
    expect(expectDone(await acme.viewer.get(`/events/${items[0].id}`))).toEqual(items[0])
    expectProblem(await other.viewer.get(`/events/${items[0].id}`), 404, 'not-found')
    await reader.close()
  })

  it('resumes right behind the last message, whatever happened meanwhile', async () => {
    const first = await stream(api(), acme.viewer)
    await append(api(), acme, 'b.1', 'b.2')
    await first.count(2)
    await first.close()
    await append(api(), acme, 'b.3', 'b.4')
    const second = await stream(api(), acme.viewer, '', first.lastId)
    await append(api(), acme, 'b.5')
    await second.count(3)
    expect([...typesOf(first), ...typesOf(second)]).toEqual(['b.1', 'b.2', 'b.3', 'b.4', 'b.5'])
    await second.close()
    const middle = first.messages[0].id
    for (const query of [`?after=${middle}`, `?after=${first.blocks.find(({ data }) => data)?.id}&type=b`]) {
      const third = await stream(api(), acme.viewer, query)
      await third.count(4)
      expect(typesOf(third)).toEqual(['b.2', 'b.3', 'b.4', 'b.5'])
      await third.close()
    }
    const header = await stream(api(), acme.viewer, `?after=${middle}`, second.lastId)
    await append(api(), acme, 'b.6')
    await header.count(1)
    expect(typesOf(header)).toEqual(['b.6'])
    await header.close()
  })

  it('can be resumed though it brought nothing yet', async () => {
    const first = await stream(api(), acme.viewer, '?type=c')
    await first.until(({ lastId }) => lastId !== '')
    await first.close()
    await append(api(), acme, 'c.missed')
    const second = await stream(api(), acme.viewer, '?type=c', first.lastId)
    await second.count(1)
    expect(typesOf(second)).toEqual(['c.missed'])
    await second.close()
  })

  it('brings the wanted types alone', async () => {
    const reader = await stream(api(), acme.viewer, '?type=d,update.failed')
    await append(api(), acme, 'd.1', 'device.created', 'update.offered', 'update.failed', 'd.2')
    await reader.count(3)
    expect(typesOf(reader)).toEqual(['d.1', 'update.failed', 'd.2'])
    await reader.close()
  })

  it('shows that it lives, and where it stands', async () => {
    const reader = await stream(api(), acme.viewer, '?type=nothing')
    await append(api(), acme, 'e.1')
    await reader.until(({ blocks }) => blocks.filter(({ comment }) => comment === 'still here').length >= 4)
    await reader.close()
    const { items } = expectDone(await acme.viewer.get(`/events?order=asc&cursor=${reader.lastId}`))
    expect(items).toEqual([])
    expect(new Set(reader.blocks.map(({ id }) => id)).size).toBe(2)
  })

  it('ends when everything was sent, if that is wanted', async () => {
    const reply = await acme.viewer.get('/events/stream?after=0&follow=false')
    expect(reply.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    const blocks = reply.text.trimEnd().split('\n\n')
    expect(blocks[0]).toMatch(/^retry: 2000\nid: \S+$/)
    expect(blocks[1]).toMatch(/^id: \S+\ndata: \{"id":"[0-9a-f]{24}".*"type":"organisation.created"/)
    expect(blocks.at(-1)).toBe('event: end\ndata: {"reason":"caught-up","detail":"everything there was has been sent"}')
    const { items } = expectDone(await acme.viewer.get('/events?order=asc&limit=200'))
    expect(blocks.slice(1, -1).map((block) => JSON.parse(block.slice(block.indexOf('data: ') + 6)))).toEqual(items)
    const head = await acme.viewer.call('HEAD', '/events/stream')
    expect([head.status, head.headers['content-type'], head.text]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
      '',
    ])
  })

  it('refuses a position that is none, and types that cannot be', async () => {
    const foreign = expectDone(await other.viewer.get('/events?limit=1')).items[0].id
    expectProblem(await acme.viewer.get(`/events/stream?after=${foreign}`), 404, 'not-found')
    expectProblem(await acme.viewer.get('/events/stream?after=nonsense'), 400, 'invalid')
    expectProblem(await acme.viewer.get('/events/stream', { 'last-event-id': 'nonsense' }), 400, 'invalid')
    expectProblem(await acme.viewer.get('/events/stream?type=device,*'), 400, 'invalid')
  })

  it('ends when its token does not count any more', async () => {
    const { token, id } = expectDone(await acme.owner.post('/tokens', { name: 'passing', scope: 'read' }), 201)
    const reader = await stream(api(), api().client(token))
    expectDone(await acme.owner.call('DELETE', `/tokens/${id}`), 204)
    expect(await reader.end()).toMatchObject({ event: 'end', data: { reason: 'unauthorised' } })
  })

  it('has neither gap nor repetition while writers overtake each other and readers come and go', async () => {
    const [writers, rounds] = [5, 20]
    const { serial } = acme.organisation
    const steady = await stream(api(), acme.viewer, '?type=race')
    const hopping: string[] = []
    let isOver = false
    const hop = async () => {
      for (let position = steady.lastId; ; ) {
        const wasOver = isOver
        const reader = await stream(api(), acme.viewer, `?type=race&follow=${!wasOver}`, position)
        if (wasOver) await reader.end()
        else await new Promise((resolve) => setImmediate(resolve))
        await reader.close()
        hopping.push(...reader.messages.map(({ id }) => id))
        position = reader.lastId || position
        if (wasOver) return
      }
    }
    await steady.until(({ lastId }) => lastId !== '')
    const hopped = hop()
    await Promise.all(
      Array.from({ length: writers }, async (_, writer) => {
        for (let round = 0; round < rounds; round += 1)
          await api().core.deps.storage.transaction(async (stores) => {
            await stores.events.append(eventOf(api(), acme, 'race.run'))
            for (let turn = 0; turn < (writer * 3 + round) % 8; turn += 1)
              await new Promise((resolve) => setImmediate(resolve))
          })
      }),
    )
    isOver = true
    await hopped
    await steady.count(writers * rounds)
    await steady.close()
    const events = await api().core.deps.storage.read.events.list(
      { organisation: serial, type: 'race' },
      { limit: 999 },
    )
    expect(events).toHaveLength(writers * rounds)
    expect(steady.messages.map(({ id }) => id)).toEqual(events.map(({ id }) => id))
    expect(hopping).toEqual(events.map(({ id }) => id))
  })
})

describe('streams of events', () => {
  it('are bounded in number, for each organisation and in all', async () => {
    const [memory] = STORAGES
    if (!memory) throw new Error('no storage')
    const http = { ...QUICK, eventStreams: 3, eventStreamsPerOrganisation: 2 }
    const api = await startApi(memory, { listen: true, http })
    try {
      const [acme, other] = [await api.tenant('acme'), await api.tenant('other')]
      const [first, second] = [await stream(api, acme.viewer), await stream(api, acme.owner)]
      const refused = await acme.viewer.get('/events/stream')
      expectProblem(refused, 429, 'too-many')
      expect(refused.headers['retry-after']).toBe('30')
      const third = await stream(api, other.viewer)
      expectProblem(await other.viewer.get('/events/stream'), 429, 'too-many')
      await first.close()
      await expect.poll(async () => (await other.viewer.get('/events/stream?follow=false')).status).toBe(200)
      await Promise.all([second.close(), third.close()])
    } finally {
      await api.close()
    }
  })

  it('end with a last event when the server stops, and hold nothing up', async () => {
    const [memory] = STORAGES
    if (!memory) throw new Error('no storage')
    const api = await startApi(memory, { listen: true })
    const acme = await api.tenant('acme')
    const readers = await Promise.all([stream(api, acme.viewer), stream(api, acme.owner)])
    const before = performance.now()
    await api.close()
    for (const reader of readers)
      expect(await reader.end()).toMatchObject({ event: 'end', data: { reason: 'stopping' } })
    expect(performance.now() - before).toBeLessThan(5000)
  })

  it('cut a reader that takes nothing, with a last event', async () => {
    const [memory] = STORAGES
    if (!memory) throw new Error('no storage')
    const http = { ...QUICK, eventStallMs: 200, eventStreamsPerOrganisation: 1 }
    const api = await startApi(memory, { listen: true, http })
    try {
      const acme = await api.tenant('acme')
      const text = 'x'.repeat(20_000)
      await api.core.deps.storage.transaction(async (stores) => {
        for (let index = 0; index < 1000; index += 1)
          await stores.events.append(eventOf(api, acme, 'big.one', { text, index }))
      })
      const socket = connect({ port: Number(new URL(api.server.url).port), host: '127.0.0.1' })
      socket.pause()
      socket.write(
        `GET ${BASE}/events/stream?after=0 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${acme.viewer.token}\r\n\r\n`,
      )
      const isOpen = async () => (await acme.viewer.get('/events/stream?type=none&follow=false')).status
      await expect.poll(isOpen).toBe(429)
      await expect.poll(isOpen, { timeout: 4000 }).toBe(200)
      const chunks: Buffer[] = []
      socket.on('data', (chunk) => chunks.push(chunk)).resume()
      await once(socket, 'close')
      const told = Buffer.concat(chunks).toString()
      expect(told.length).toBeLessThan(10_000_000)
      expect(told).toMatch(/\nevent: end\ndata: \{"reason":"stalled","detail":"[^"]+"\}\n\n/)
    } finally {
      await api.close()
    }
  })

  it('resume across a restart of the server', async () => {
    const folder = await temporaryFolder()
    const file = join(folder.path, 'godwit.db')
    const open = async () => ({
      storage: await openSqlStorage({ kind: 'sqlite', file }),
      remove: async () => undefined,
    })
    try {
      const before = await startApi({ name: 'SQLite', open }, { listen: true, http: QUICK })
      const acme = await before.tenant('acme')
      const first = await stream(before, acme.viewer)
      await append(before, acme, 'a.1', 'a.2')
      await first.count(2)
      await before.close()
      const after = await startApi({ name: 'SQLite', open }, { listen: true, http: QUICK })
      await append(after, acme, 'a.3')
      const viewer = after.client(acme.viewer.token)
      const second = await stream(after, viewer, '', first.lastId)
      await after.core.groups.create({ actor: SYSTEM, organisation: acme.organisation.serial }, { key: 'g' })
      await second.count(2)
      expect([...typesOf(first), ...typesOf(second)]).toEqual(['a.1', 'a.2', 'a.3', 'group.created'])
      await second.close()
      await after.close()
    } finally {
      await folder.remove()
    }
  })
})
