import { randomBytes } from 'node:crypto'
import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RawClient, rawRequest } from '../../../test/support/raw-client.ts'
import type { OpenBlob } from '../../core/blobs.ts'
import { OtaError } from '../../core/errors.ts'
import { sha256Etag } from './conditions.ts'
import type { Delivery, DownloadArtifact, DownloadPolicy } from './download-policy.ts'
import { Downloads } from './downloads.ts'
import { prepareDrain } from './graceful-drain.ts'
import { DEFAULT_HTTP_LIMITS } from './limits.ts'
import { sendArtifact } from './send-artifact.ts'

const downloads = new Downloads(DEFAULT_HTTP_LIMITS)
const plain: DownloadPolicy = {
  conditions: [],
  ranges: 'none',
  connectionClose: true,
  headers: ({ md5 }) => ({ 'x-md5': md5, 'cache-control': 'no-store, no-transform' }),
}
const rich: DownloadPolicy = {
  validators: ({ sha256 }) => ({ etag: sha256Etag(sha256) }),
  conditions: ['if-none-match', 'if-range', 'if-match'],
  ranges: 'single',
  connectionClose: false,
  headers: () => ({ 'content-disposition': 'attachment; filename="a.bin"', 'cache-control': 'private' }),
  unsatisfiable: (_request, reply) => reply.send({ errors: ['range'] }),
}

describe('a download', () => {
  const body = randomBytes(1000)
  const artifact: DownloadArtifact = { sha256: 'ab12', sha1: 'cd', md5: 'ef', size: 1000 }
  const etag = '"sha256-ab12"'
  let app: FastifyInstance
  let port: number
  let blob: MemoryBlob
  let policy: DownloadPolicy
  let delivered: Promise<Delivery>
  let size: number

  beforeEach(async () => {
    blob = new MemoryBlob(body)
    policy = rich
    size = 1000
    app = fastify()
    let settle: (delivery: Delivery) => void = () => {}
    delivered = new Promise((resolve) => {
      settle = resolve
    })
    app.setErrorHandler((error, _request, reply) => {
      reply.code(500).send({ code: error instanceof OtaError ? error.code : String(error) })
    })
    app.get('/file', async (request, reply) => {
      const open = async () => blob
      settle(await sendArtifact(request, reply, { artifact: { ...artifact, size }, policy, downloads, open }))
    })
    port = Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port)
  })
  afterEach(() => app.close())

  const get = (...headers: string[]) => rawRequest(port, ['GET /file HTTP/1.1', 'Host: h', ...headers])

  test('is the whole file with exact length, and counts as delivered', async () => {
    const answer = await get('Accept-Encoding: gzip')
    expect(answer.status).toBe(200)
    expect(answer.body.equals(body)).toBe(true)
    expect([...answer.headers.keys()].sort()).toEqual([
      'accept-ranges',
      'cache-control',
      'connection',
      'content-disposition',
      'content-length',
      'content-type',
      'date',
      'etag',
      'keep-alive',
    ])
    expect(answer.headers.get('content-length')).toBe('1000')
    expect(answer.headers.get('content-type')).toBe('application/octet-stream')
    expect(answer.headers.get('etag')).toBe(etag)
    expect(await delivered).toEqual({ kind: 'complete', bytesSent: 1000, reachedEnd: true })
    expect(blob.closed).toBe(1)
  })

  test('leaves the connection usable for the next request', async () => {
    const client = await RawClient.connect(port)
    for (let round = 0; round < 3; round += 1) {
      client.send(['GET /file HTTP/1.1', 'Host: h'])
      expect((await client.answer()).body.equals(body)).toBe(true)
    }
    client.send(['GET /file HTTP/1.1', 'Host: h', '', 'GET /file HTTP/1.1', 'Host: h', 'Range: bytes=0-4'])
    expect((await client.answer()).body.equals(body)).toBe(true)
    expect((await client.answer()).body.equals(body.subarray(0, 5))).toBe(true)
    client.close()
  })

  test('without conditions and ranges ignores all of those headers and closes in lower case', async () => {
    policy = plain
    const client = await RawClient.connect(port)
    client.send(['GET /file HTTP/1.0', 'Host: h', 'Range: bytes=0-9', 'If-None-Match: *', 'Connection: keep-alive'])
    const answer = await client.answer()
    expect(answer.status).toBe(200)
    expect(answer.body.equals(body)).toBe(true)
    expect(answer.headers.get('connection')).toBe('close')
    expect(answer.headers.get('x-md5')).toBe('ef')
    for (const absent of ['etag', 'accept-ranges', 'transfer-encoding', 'content-encoding']) {
      expect(answer.headers.has(absent)).toBe(false)
    }
    await client.end()
  })

  test.each([
    ['bytes=900-', 'bytes 900-999/1000', [900, 1000], true],
    ['bytes=-10', 'bytes 990-999/1000', [990, 1000], true],
    ['bytes=0-9', 'bytes 0-9/1000', [0, 10], false],
  ] as const)('of %s is that part', async (range, contentRange, [start, end], reachedEnd) => {
    const answer = await get(`Range: ${range}`)
    expect(answer.status).toBe(206)
    expect(answer.headers.get('content-range')).toBe(contentRange)
    expect(answer.headers.get('etag')).toBe(etag)
    expect(answer.body.equals(body.subarray(start, end))).toBe(true)
    expect(await delivered).toEqual({ kind: 'complete', bytesSent: end - start, reachedEnd })
  })

  test.each(['bytes=0-1,5-6', 'lines=1-2', 'bytes=9-1'])('of %s is the whole file', async (range) => {
    const answer = await get(`Range: ${range}`)
    expect(answer.status).toBe(200)
    expect(answer.headers.has('content-range')).toBe(false)
    expect(answer.body.length).toBe(1000)
  })

  test('of a range past the end is refused in the shape of the protocol', async () => {
    const answer = await get('Range: bytes=1000-')
    expect(answer.status).toBe(416)
    expect(answer.headers.get('content-range')).toBe('bytes */1000')
    expect(JSON.parse(answer.body.toString())).toEqual({ errors: ['range'] })
    expect(await delivered).toEqual({ kind: 'unsatisfiable', bytesSent: 0 })
    expect(blob.closed).toBe(0)
  })

  test('goes on from a range only if the file is still the same', async () => {
    expect((await get('Range: bytes=10-', `If-Range: ${etag}`)).status).toBe(206)
    expect((await get('Range: bytes=10-', 'If-Range: "other"')).status).toBe(200)
  })

  test('of what the client has is 304, without body and without what describes one', async () => {
    const answer = await get(`If-None-Match: ${etag}`, 'Range: bytes=0-1')
    expect(answer.status).toBe(304)
    expect(answer.headers.get('etag')).toBe(etag)
    expect(answer.headers.get('cache-control')).toBe('private')
    expect(answer.headers.has('content-length')).toBe(false)
    expect(await delivered).toEqual({ kind: 'not-modified', bytesSent: 0 })
  })

  test('of another version than asked for is 412', async () => {
    const answer = await get('If-Match: "other"')
    expect(answer.status).toBe(412)
    expect(answer.body.length).toBe(0)
  })

  test('HEAD has the headers of GET, ignores Range and has no body', async () => {
    const client = await RawClient.connect(port)
    client.send(['HEAD /file HTTP/1.1', 'Host: h', 'Range: bytes=0-9', 'Connection: close'])
    const answer = await client.answer(false)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-length')).toBe('1000')
    expect(answer.headers.get('accept-ranges')).toBe('bytes')
    expect((await client.end()).length).toBe(0)
    expect(await delivered).toEqual({ kind: 'head', bytesSent: 0 })
    expect(blob.closed).toBe(1)
  })

  test('of an empty file is empty and complete', async () => {
    blob = new MemoryBlob(Buffer.alloc(0))
    size = 0
    const answer = await get()
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-length')).toBe('0')
    expect(await delivered).toEqual({ kind: 'complete', bytesSent: 0, reachedEnd: true })
  })

  test('of several ranges is one multipart body of exact length', async () => {
    policy = { ...rich, ranges: 'multi' }
    const answer = await get('Range: bytes=20-29,0-9')
    expect(answer.status).toBe(206)
    const boundary = /^multipart\/byteranges; boundary=(.+)$/.exec(answer.headers.get('content-type') ?? '')?.[1]
    const part = (start: number, end: number) =>
      Buffer.concat([
        Buffer.from(`content-type: application/octet-stream\r\ncontent-range: bytes ${start}-${end}/1000\r\n\r\n`),
        body.subarray(start, end + 1),
      ])
    const expected = Buffer.concat([
      Buffer.from(`--${boundary}\r\n`),
      part(0, 9),
      Buffer.from(`\r\n--${boundary}\r\n`),
      part(20, 29),
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ])
    expect(answer.body.equals(expected)).toBe(true)
    expect(await delivered).toMatchObject({ kind: 'complete', reachedEnd: false })
  })

  test('of too many ranges is the whole file', async () => {
    policy = { ...rich, ranges: 'multi', maxRanges: 2 }
    expect((await get('Range: bytes=0-0,2-2,4-4')).status).toBe(200)
  })

  test.each([999, 1001])('whose file has not the recorded size (%i) fails before the head', async (recorded) => {
    size = recorded
    const answer = await get()
    expect(answer.status).toBe(500)
    expect(JSON.parse(answer.body.toString())).toEqual({ code: 'blob-damaged' })
    expect(blob.closed).toBe(1)
  })

  test('whose first bytes cannot be read fails before the head', async () => {
    blob.failAt = 0
    const answer = await get()
    expect(answer.status).toBe(500)
    expect(JSON.parse(answer.body.toString())).toEqual({ code: 'blob-damaged' })
    expect(blob.closed).toBe(1)
  })

  test('that cannot be read to its end closes the connection, never ends short in silence', async () => {
    const large = randomBytes(600_000)
    blob = new MemoryBlob(large)
    size = large.length
    blob.failAt = 300_000
    await expect(get()).rejects.toThrow('Connection ended')
    expect(await delivered).toMatchObject({ kind: 'aborted', because: 'read-failed' })
    expect(blob.closed).toBe(1)
  })

  test('stops reading when the client goes away', async () => {
    blob = new MemoryBlob(Buffer.alloc(64 * 2 ** 20))
    size = 64 * 2 ** 20
    const client = await RawClient.connect(port)
    client.send(['GET /file HTTP/1.1', 'Host: h'])
    client.socket.once('data', () => client.close())
    expect(await delivered).toMatchObject({ kind: 'aborted', because: 'client-gone' })
    expect(blob.bytesRead).toBeLessThan(64 * 2 ** 20)
    expect(blob.closed).toBe(1)
  })

  test('is cut when the client takes nothing any more', async () => {
    blob = new MemoryBlob(Buffer.alloc(64 * 2 ** 20))
    size = 64 * 2 ** 20
    policy = { ...rich, idleTimeoutMs: 200 }
    const client = await RawClient.connect(port)
    client.socket.pause()
    client.send(['GET /file HTTP/1.1', 'Host: h'])
    expect(await delivered).toMatchObject({ kind: 'aborted', because: 'too-slow' })
    client.close()
  })

  test('is cut when it lasts too long', async () => {
    blob = new MemoryBlob(Buffer.alloc(64 * 2 ** 20))
    size = 64 * 2 ** 20
    policy = { ...rich, maxDurationMs: 200 }
    const client = await RawClient.connect(port)
    client.socket.pause()
    client.send(['GET /file HTTP/1.1', 'Host: h'])
    expect(await delivered).toMatchObject({ kind: 'aborted', because: 'too-long' })
    client.close()
  })

  test('of many megabytes arrives byte for byte, to several clients at once', async () => {
    const large = randomBytes(8 * 2 ** 20 + 13)
    blob = new MemoryBlob(large)
    size = large.length
    const answers = await Promise.all([get(), get(), get('Range: bytes=1000000-')])
    expect(answers[0]?.body.equals(large)).toBe(true)
    expect(answers[1]?.body.equals(large)).toBe(true)
    expect(answers[2]?.body.equals(large.subarray(1_000_000))).toBe(true)
  })

  test('ends with the hooks that count it, and is the last answer while the server drains', async () => {
    const other = fastify()
    const drain = prepareDrain(other)
    const counted = new Promise((resolve) => {
      other.addHook('onResponse', async (_request, reply) => resolve(reply.raw.statusCode))
    })
    let opened: () => void = () => {}
    const waiting = new Promise<void>((resolve) => {
      opened = resolve
    })
    other.get('/file', async (request, reply) => {
      const open = async () => {
        draining = drain.drain(10_000)
        opened()
        return blob
      }
      await sendArtifact(request, reply, { artifact, policy, downloads, open })
    })
    let draining: Promise<unknown> = Promise.resolve()
    const otherPort = Number(new URL(await other.listen({ port: 0, host: '127.0.0.1' })).port)
    const client = await RawClient.connect(otherPort)
    client.send(['GET /file HTTP/1.1', 'Host: h'])
    await waiting
    expect((await client.answer()).body.equals(body)).toBe(true)
    expect(await counted).toBe(200)
    await client.end()
    expect(await draining).toEqual({ finished: true })
    await other.close()
  })

  test('keeps headers that hooks have set', async () => {
    const other = fastify()
    other.addHook('onRequest', async (_request, reply) => {
      reply.header('x-request-id', 'r1')
    })
    other.get('/file', async (request, reply) => {
      await sendArtifact(request, reply, { artifact, policy, downloads, open: async () => blob })
    })
    const answer = await other.inject('/file')
    expect(answer.headers['x-request-id']).toBe('r1')
    expect(answer.rawPayload.equals(body)).toBe(true)
  })
})

class MemoryBlob implements OpenBlob {
  readonly size: number
  readonly #body: Buffer
  closed = 0
  bytesRead = 0
  /** Reads at or beyond this position fail. */
  failAt = Number.POSITIVE_INFINITY

  constructor(body: Buffer) {
    this.#body = body
    this.size = body.length
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    const end = Math.min(position + buffer.length, this.#body.length, this.failAt)
    if (position >= this.failAt) throw new Error('EIO')
    this.bytesRead += end - position
    return this.#body.copy(buffer, 0, position, end)
  }

  async close(): Promise<void> {
    this.closed += 1
  }
}
