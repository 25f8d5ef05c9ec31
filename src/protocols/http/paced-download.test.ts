import { randomBytes } from 'node:crypto'
import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, test } from 'vitest'
import { RawClient, rawRequest } from '../../../test/support/raw-client.ts'
import type { OpenBlob } from '../../core/blobs.ts'
import type { Delivery, DownloadPolicy } from './download-policy.ts'
import { Downloads } from './downloads.ts'
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from './limits.ts'
import { sendArtifact } from './send-artifact.ts'

const policy: DownloadPolicy = { conditions: [], ranges: 'single', connectionClose: false, headers: () => ({}) }
const GET = ['GET /file HTTP/1.1', 'Host: h']

describe('downloads over real sockets', () => {
  let app: FastifyInstance
  let downloads: Downloads
  let deliveries: Delivery[]
  afterEach(() => app.close())

  /** A server with one file, in memory as one piece or read like a file. */
  async function serve(body: Buffer, limits: Partial<HttpLimits>, isHot = false): Promise<number> {
    downloads = new Downloads({ ...DEFAULT_HTTP_LIMITS, ...limits })
    deliveries = []
    app = fastify()
    app.setErrorHandler((error: Error & { code?: string; details?: { retryAfterSeconds?: number } }, _request, reply) =>
      reply.code(503).header('retry-after', String(error.details?.retryAfterSeconds)).send({ code: error.code }),
    )
    const artifact = { sha256: 'ab', sha1: 'cd', md5: 'ef', size: body.length }
    const blob: OpenBlob = {
      size: body.length,
      ...(isHot && { memory: body }),
      read: async (buffer, position) => body.copy(buffer, 0, position),
      close: async () => undefined,
    }
    app.get('/file', async (request, reply) => {
      deliveries.push(await sendArtifact(request, reply, { artifact, policy, downloads, open: async () => blob }))
    })
    app.get('/poll', async () => ({}))
    return Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port)
  }

  test.each([false, true])(
    'of 6 clients together stay at the limit, even for all, byte for byte (memory: %s)',
    async (isHot) => {
      const body = randomBytes(500_000)
      const port = await serve(body, { egressBytesPerSecond: 1_500_000 }, isHot)
      const began = performance.now()
      const finished: number[] = []
      await Promise.all(
        Array.from({ length: 6 }, async () => {
          const answer = await rawRequest(port, GET)
          finished.push(performance.now() - began)
          expect(answer.body.equals(body)).toBe(true)
        }),
      )
      const rate = (6 * body.length) / ((performance.now() - began) / 1_000)
      expect(rate).toBeLessThan(1_500_000 * 1.3)
      expect(Math.min(...finished)).toBeGreaterThan(Math.max(...finished) * 0.6)
      expect(downloads.egress.counts).toEqual({ running: 0, waiting: 0, bytes: 3_000_000, refused: 0 })
      expect(downloads.outcomes).toEqual(new Map([['complete', 6]]))
    },
  )

  test('of ranges count their own bytes, HEAD none', async () => {
    const port = await serve(randomBytes(10_000), {})
    expect((await rawRequest(port, [...GET, 'Range: bytes=10-19'])).body.length).toBe(10)
    const client = await RawClient.connect(port)
    client.send(['HEAD /file HTTP/1.1', 'Host: h', 'Connection: close'])
    expect((await client.answer(false)).status).toBe(200)
    await client.end()
    expect(downloads.egress.counts.bytes).toBe(10)
    expect(downloads.outcomes).toEqual(
      new Map([
        ['complete', 1],
        ['head', 1],
      ]),
    )
  })

  test('that find no room are told so before a byte, while polls go on and the running one ends whole', async () => {
    const body = randomBytes(300_000)
    const port = await serve(body, { egressBytesPerSecond: 300_000, downloadMinBytesPerSecond: 200_000 })
    const running = rawRequest(port, GET)
    await expect.poll(() => downloads.egress.counts.running).toBe(1)
    const refused = await rawRequest(port, GET)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '30'])
    expect((await rawRequest(port, ['GET /poll HTTP/1.1', 'Host: h'])).status).toBe(200)
    expect((await running).body.equals(body)).toBe(true)
    expect((await rawRequest(port, [...GET, 'Range: bytes=0-9'])).status).toBe(206)
  })

  test('give their place up when the client goes away, also while it waits for its share', async () => {
    const port = await serve(Buffer.alloc(10_000_000), {
      egressBytesPerSecond: 10_000,
      downloadMinBytesPerSecond: 1_000,
    })
    const client = await RawClient.connect(port)
    client.send(GET)
    await expect.poll(() => downloads.egress.counts.waiting).toBe(1)
    client.close()
    await expect.poll(() => downloads.egress.counts).toMatchObject({ running: 0, waiting: 0 })
    await expect.poll(() => deliveries).toMatchObject([{ kind: 'aborted', because: 'client-gone' }])
  })

  test('whose client takes a little now and then, and too little, are ended', async () => {
    const port = await serve(Buffer.alloc(64 * 2 ** 20), {
      downloadProgressBytes: 64 * 2 ** 20,
      downloadProgressMs: 1_500,
    })
    const client = await RawClient.connect(port)
    client.send(GET)
    client.socket.pause()
    const sips = setInterval(() => client.socket.read(1), 50)
    await expect.poll(() => deliveries, { timeout: 10_000 }).toMatchObject([{ kind: 'aborted', because: 'too-slow' }])
    clearInterval(sips)
    client.close()
    expect(downloads.egress.counts.running).toBe(0)
  })
})
