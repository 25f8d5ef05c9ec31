import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RawClient } from '../../../test/support/raw-client.ts'
import { createClientErrors } from './client-error.ts'
import { DEFAULT_HTTP_LIMITS } from './limits.ts'
import { attachLimits, parserLimits } from './server-limits.ts'

describe('limits of the server', () => {
  const limits = { ...DEFAULT_HTTP_LIMITS, headerTimeoutMs: 100, bodyIdleTimeoutMs: 100, connections: 2 }
  let app: FastifyInstance
  let port: number

  beforeEach(async () => {
    const clientErrors = createClientErrors({ count: () => {}, now: () => 0, debug: () => {} })
    app = fastify({ http: parserLimits(limits), requestTimeout: 0, clientErrorHandler: clientErrors.handler })
    attachLimits(app, limits)
    app.post('/json', (request) => request.body)
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
