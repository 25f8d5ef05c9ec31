import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { RawClient } from '../../../test/support/raw-client.ts'
import { createClientErrors } from './client-error.ts'
import { DEFAULT_HTTP_LIMITS } from './limits.ts'
import { rawBody } from './request-body.ts'
import { attachLimits, parserLimits } from './server-limits.ts'

describe('limits of the server', () => {
  const limits = {
    ...DEFAULT_HTTP_LIMITS,
    ...{ headerTimeoutMs: 100, bodyIdleTimeoutMs: 800, connections: 2 },
    ...{ bodyProgressBytes: 100, bodyProgressMs: 250 },
  }
  let app: FastifyInstance
  let port: number

  beforeEach(async () => {
    const clientErrors = createClientErrors({ count: () => {}, now: () => 0, debug: () => {} })
    app = fastify({ http: parserLimits(limits), requestTimeout: 0, clientErrorHandler: clientErrors.handler })
    attachLimits(app, limits)
    app.post('/json', (request) => request.body)
    app.addContentTypeParser('application/octet-stream', (_request, _payload, done) => done(null))
    app.post('/raw', async (request) => {
      let size = 0
      for await (const chunk of rawBody(request.raw, { maxBytes: 2 ** 20 })) size += chunk.length
      return { size }
    })
    app.post('/late', async (request) => {
      await vi.waitFor(() => expect(request.raw.complete).toBe(true), { timeout: 10_000 })
      let size = 0
      for await (const chunk of request.raw) size += chunk.length
      return { size }
    })
    app.get('/idle-limit', (request) => ({ ms: request.socket.timeout ?? 0 }))
    port = Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port)
  })
  afterEach(() => app.close())

  const head = (length: number) => [
    'POST /json HTTP/1.1',
    'Host: h',
    'Content-Type: application/json',
    `Content-Length: ${length}`,
  ]

  test('a head that does not end in time is 408', async () => {
    const client = await RawClient.connect(port)
    client.socket.write('POST /json HTTP/1.1\r\nHost: h\r\n')
    expect((await client.end()).toString()).toMatch(/^HTTP\/1\.1 408 .*\r\nconnection: close\r\n/)
  })

  test('a body that stalls is cut', async () => {
    const client = await RawClient.connect(port)
    client.send(head(10), '{"a":')
    expect((await client.end()).toString()).not.toContain('200')
  })

  describe('a body that drips', () => {
    const raw = (path: string, length: number) => [
      `POST ${path} HTTP/1.1`,
      'Host: h',
      'Content-Type: application/octet-stream',
      `Content-Length: ${length}`,
    ]

    /** Writes so many bytes every 40 ms until the body is complete or the connection ends. */
    async function send(head: readonly string[], length: number, atOnce: number): Promise<string> {
      const client = await RawClient.connect(port)
      client.send(head, '')
      let left = length
      const timer = setInterval(() => {
        if (left <= 0 || client.socket.destroyed) return
        client.socket.write('1'.repeat(Math.min(left, atOnce)))
        left -= atOnce
      }, 40)
      const ended = client.end().then((bytes) => bytes.toString())
      const answer = client.answer().then(({ status, body }) => `${status} ${body}`)
      const said = await Promise.race([answer, ended])
      clearInterval(timer)
      client.close()
      return said
    }

    test.each([
      ['JSON', head(1_000)],
      ['raw bytes', raw('/raw', 1_000)],
    ])('is refused with an answer: %s', async (_name, lines) => {
      const said = await send(lines, 1_000, 2)
      expect(said).toMatch(/^408 .*Fewer than 100 bytes came in 0.25 s/)
    })

    test('is cut when nobody reads it any more', async () => {
      expect(await send(raw('/nowhere', 1_000), 1_000, 2)).toContain('404')
    })

    test('may last as long as it likes when it is not slower than the limit', async () => {
      const startedAt = performance.now()
      expect(await send(raw('/raw', 1_000), 1_000, 40)).toBe('200 {"size":1000}')
      expect(performance.now() - startedAt).toBeGreaterThan(800)
    })

    test('is not, when it is the server that does not read on', async () => {
      expect(await send(raw('/late', 40), 40, 2)).toBe('200 {"size":40}')
    })
  })

  test('a connection between two bodies is not', async () => {
    const client = await RawClient.connect(port)
    client.send(head(7), '{"a":1}')
    expect((await client.answer()).body.toString()).toBe('{"a":1}')
    client.send(['GET /idle-limit HTTP/1.1', 'Host: h'])
    expect((await client.answer()).body.toString()).toBe('{"ms":0}')
    client.send(head(7), '{"a":2}')
    expect((await client.answer()).body.toString()).toBe('{"a":2}')
    client.close()
  })

  test('connections past the limit are closed', async () => {
    const kept = [await RawClient.connect(port), await RawClient.connect(port)]
    const third = await RawClient.connect(port)
    expect((await third.end()).length).toBe(0)
    for (const client of kept) client.close()
  })
})
