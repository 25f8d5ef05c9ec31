import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RawClient } from '../../../test/support/raw-client.ts'
import { type Drain, prepareDrain } from './graceful-drain.ts'

describe('draining', () => {
  let app: FastifyInstance
  let drain: Drain
  let port: number
  let begun: Promise<void>
  let finish: () => void

  beforeEach(async () => {
    app = fastify()
    let end: () => void = () => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    drain = prepareDrain(app, end)
    let begin: () => void = () => {}
    begun = new Promise((resolve) => {
      begin = resolve
    })
    const finished = new Promise<void>((resolve) => {
      finish = resolve
    })
    app.get('/quick', () => 'quick')
    app.get('/waiting', async () => {
      begin()
      await ended
      return 'nothing'
    })
    app.get('/slow', async () => {
      begin()
      await finished
      return 'slow'
    })
    app.get('/streaming', (_request, reply) => {
      reply.hijack()
      reply.raw.writeHead(200, { 'content-length': 4 })
      reply.raw.write('ab')
      begin()
      finished.then(() => reply.raw.end('cd'))
    })
    port = Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port)
  })
  afterEach(() => app.close())

  test('closes idle connections, refuses new ones and ends at once when nothing is under way', async () => {
    const idle = await RawClient.connect(port)
    idle.send(['GET /quick HTTP/1.1', 'Host: h'])
    expect((await idle.answer()).headers.get('connection')).toBe('keep-alive')
    expect(drain.isDraining()).toBe(false)
    const draining = drain.drain(10_000)
    expect(drain.isDraining()).toBe(true)
    await idle.end()
    expect(await draining).toEqual({ finished: true })
    await expect(RawClient.connect(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('ends requests that only wait', async () => {
    const client = await RawClient.connect(port)
    client.send(['GET /waiting HTTP/1.1', 'Host: h'])
    await begun
    expect(await drain.drain(10_000)).toEqual({ finished: true })
    expect((await client.answer()).body.toString()).toBe('nothing')
  })

  test('lets a request finish, and its connection ends afterwards', async () => {
    const client = await RawClient.connect(port)
    client.send(['GET /streaming HTTP/1.1', 'Host: h'])
    await begun
    const draining = drain.drain(10_000)
    finish()
    expect((await client.answer()).body.toString()).toBe('abcd')
    await client.end()
    expect(await draining).toEqual({ finished: true })
  })

  test('a request that comes on a busy connection is served, and told that it was the last', async () => {
    const client = await RawClient.connect(port)
    client.send(['GET /slow HTTP/1.1', 'Host: h'])
    await begun
    const draining = drain.drain(10_000)
    client.send(['GET /quick HTTP/1.1', 'Host: h'])
    finish()
    expect((await client.answer()).body.toString()).toBe('slow')
    const last = await client.answer()
    expect(last.body.toString()).toBe('quick')
    expect(last.headers.get('connection')).toBe('close')
    await client.end()
    expect(await draining).toEqual({ finished: true })
  })

  test('cuts what has not ended in time, and says so', async () => {
    const client = await RawClient.connect(port)
    client.send(['GET /slow HTTP/1.1', 'Host: h'])
    await begun
    const [first, second] = await Promise.all([drain.drain(100), drain.drain(100)])
    expect(first).toEqual({ finished: false })
    expect(second).toBe(first)
    await client.end()
    finish()
  })
})
