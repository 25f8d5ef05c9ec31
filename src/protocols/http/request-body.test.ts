import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { RawClient, rawRequest } from '../../../test/support/raw-client.ts'
import { OtaError } from '../../core/errors.ts'
import { FilesystemBlobs } from '../../storage/blob/filesystem-blobs.ts'
import { rawBody } from './request-body.ts'

describe('a raw upload', () => {
  let root: string
  let blobs: FilesystemBlobs
  let app: FastifyInstance
  let port: number
  let failures: unknown[]
  let idleTimeoutMs: number

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'godwit-body-'))
    blobs = await FilesystemBlobs.open(root)
    failures = []
    idleTimeoutMs = 10_000
    app = fastify({ bodyLimit: 10 })
    app.addContentTypeParser('*', (_request, _payload, done) => done(null))
    app.setErrorHandler((error, _request, reply) => {
      failures.push(error)
      reply.code(400).send({ code: error instanceof OtaError ? error.code : String(error) })
    })
    app.put('/upload', async (request) => {
      const staged = await blobs.stage(rawBody(request.raw, { maxBytes: 1000, idleTimeoutMs }), { maxBytes: 1000 })
      await staged.discard()
      return staged.digests
    })
    port = Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port)
  })
  afterEach(async () => {
    expect(await readdir(join(root, 'tmp'))).toEqual([])
    await app.close()
    await rm(root, { recursive: true })
  })

  const head = (length: number) => [
    'PUT /upload HTTP/1.1',
    'Host: h',
    'Content-Type: application/octet-stream',
    `Content-Length: ${length}`,
  ]

  test('is staged whole', async () => {
    const body = Buffer.alloc(1000, 7)
    const answer = await rawRequest(port, head(1000), body)
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      size: 1000,
      sha256: createHash('sha256').update(body).digest('hex'),
    })
  })

  test('of nothing is empty', async () => {
    expect(JSON.parse((await rawRequest(port, head(0))).body.toString())).toMatchObject({ size: 0 })
  })

  test('announced too large is refused before its bytes, which are then read and dropped', async () => {
    const client = await RawClient.connect(port)
    client.send(head(3_000_000))
    expect(JSON.parse((await client.answer()).body.toString())).toEqual({ code: 'too-large' })
    client.socket.write(Buffer.alloc(3_000_000))
    client.send(head(3), 'abc')
    expect(JSON.parse((await client.answer()).body.toString())).toMatchObject({ size: 3 })
    client.close()
  })

  test('too large without announcement is refused on the way', async () => {
    const client = await RawClient.connect(port)
    const chunk = `3e9\r\n${'x'.repeat(1001)}\r\n`
    client.send(['PUT /upload HTTP/1.1', 'Host: h', 'Content-Type: a/b', 'Transfer-Encoding: chunked'], chunk + chunk)
    expect(JSON.parse((await client.answer()).body.toString())).toEqual({ code: 'too-large' })
    client.close()
  })

  test('that is cut off is invalid', async () => {
    const client = await RawClient.connect(port)
    client.send(head(1000), 'x'.repeat(999))
    await vi.waitFor(async () => expect(await readdir(join(root, 'tmp'))).toHaveLength(1))
    client.close()
    await vi.waitFor(() => expect(failures).toMatchObject([{ code: 'invalid' }]))
  })

  test('that stalls is cut', async () => {
    idleTimeoutMs = 100
    const client = await RawClient.connect(port)
    client.send(head(1000), 'x'.repeat(999))
    await client.end()
    await vi.waitFor(() => expect(failures).toMatchObject([{ code: 'invalid' }]))
  })
})
