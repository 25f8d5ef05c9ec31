import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RawClient, rawRequest } from '../../../test/support/raw-client.ts'
import { createClientErrors } from './client-error.ts'
import { firstSegmentDispatcher } from './dispatcher.ts'
import { claimsPaths, type Owner } from './route-owners.ts'

function owner(name: string, ...rules: string[]): Owner {
  return {
    name,
    claims: claimsPaths(...rules),
    notFound: (_request, reply) => reply.code(404).send(`${name} 404`),
    methodNotAllowed: (_request, reply, allowed) =>
      reply.code(405).header('allow', allowed.join(', ')).send(`${name} 405`),
    badRequest: (_request, reply) => reply.code(400).send(`${name} 400`),
    onError: (_error, _request, reply) => reply.code(500).send(`${name} 500`),
  }
}

describe('the dispatcher', () => {
  let app: FastifyInstance
  let port: number
  let counted: string[]
  let lines: unknown[]
  let now: number
  /** Lets the slow answer end. */
  let finish: () => void

  beforeEach(async () => {
    counted = []
    lines = []
    now = 0
    const dispatcher = firstSegmentDispatcher(
      [owner('one', 'v1'), owner('two', 'api/v2', 'POST login'), owner('tenants', '*/controller')],
      owner('ours'),
    )
    const clientErrors = createClientErrors({
      count: (code) => counted.push(code),
      now: () => now,
      debug: (facts) => lines.push(facts),
    })
    app = fastify({ ...dispatcher.serverOptions, clientErrorHandler: clientErrors.handler })
    dispatcher.attach(app)
    app.get('/v1/echo/:id', (request) => request.params)
    app.get('/v1/query', (request) => request.query)
    app.get('/v1/boom', () => {
      throw new Error('boom')
    })
    app.get('/v1/slow', (_request, reply) => {
      reply.hijack()
      reply.raw.writeHead(200, { 'content-length': 4 })
      reply.raw.write('ab')
      finish = () => reply.raw.end('cd')
    })
    app.register(async (host) => {
      host.setErrorHandler((_error, _request, reply) => reply.code(418).send('own'))
      host.post('/api/v2/things', (request) => request.body)
    })
    app.get('/api/v2/things', () => [])
    port = Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port)
  })
  afterEach(() => app.close())

  const ask = async (line: string, ...more: string[]) => {
    const answer = await rawRequest(port, [`${line} HTTP/1.1`, 'Host: h', ...more])
    return `${answer.status} ${answer.body}`
  }

  test.each([
    ['GET /v1/nothing', '404 one 404'],
    ['GET //v1//nothing/', '404 one 404'],
    ['GET /api/v2/nothing', '404 two 404'],
    ['GET /api/nothing', '404 ours 404'],
    ['POST /login', '404 two 404'],
    ['GET /login', '404 ours 404'],
    ['GET /acme/controller/v1', '404 tenants 404'],
    ['GET /', '404 ours 404'],
    ['PROPFIND /v1/echo/1', '405 one 405'],
    ['OPTIONS /v1/nothing', '404 one 404'],
    ['DELETE /api/v2/things', '405 two 405'],
    ['GET /v1/%zz', '400 one 400'],
    ['GET /v1/echo/%zz', '400 one 400'],
    ['GET /%zz', '400 ours 400'],
    [`GET /v1/echo/${'x'.repeat(1025)}`, '404 one 404'],
    ['GET /v1/boom', '500 one 500'],
    ['GET http://else.where//v1/nothing', '404 one 404'],
  ])('%s is answered %s', async (line, expected) => {
    expect(await ask(line)).toBe(expected)
  })

  test.each([
    ['GET //v1/echo/1', '200 {"id":"1"}'],
    ['GET /v1/echo/1/', '200 {"id":"1"}'],
    ['GET /v1/echo/a%2Fb', '200 {"id":"a/b"}'],
    ['GET //v1/query?u=enos-connect://x//y', '200 {"u":"enos-connect://x//y"}'],
  ])('%s reaches its route: %s', async (line, expected) => {
    expect(await ask(line)).toBe(expected)
  })

  test('405 names the methods that exist, HEAD among them', async () => {
    const answer = await rawRequest(port, ['DELETE /api/v2/things HTTP/1.1', 'Host: h'])
    expect(answer.headers.get('allow')).toBe('GET, HEAD, POST')
  })

  test('HEAD of a missing path is 404 without a body', async () => {
    const client = await RawClient.connect(port)
    client.send(['HEAD /v1/nothing HTTP/1.1', 'Host: h', 'Connection: close'])
    expect((await client.answer(false)).status).toBe(404)
    expect((await client.end()).length).toBe(0)
  })

  test('404 and 405 come before any complaint about the body', async () => {
    const body = (line: string, type: string) =>
      rawRequest(port, [`${line} HTTP/1.1`, 'Host: h', `Content-Type: ${type}`, 'Content-Length: 3'], '{x}')
    expect((await body('POST /v1/nothing', 'application/json')).status).toBe(404)
    expect((await body('POST /v1/nothing', 'strange/type')).status).toBe(404)
    expect((await body('PUT /api/v2/things', 'application/json')).status).toBe(405)
  })

  test('a plugin answers its own errors', async () => {
    const answer = await rawRequest(
      port,
      ['POST /api/v2/things HTTP/1.1', 'Host: h', 'Content-Type: application/json', 'Content-Length: 1'],
      '{',
    )
    expect(`${answer.status} ${answer.body}`).toBe('418 own')
  })

  const mqtt = Buffer.from('\x30\x48\x00\x3a/user/devices/0123456789abcdef01234567/status{"code":201}', 'latin1')

  test('MQTT in place of HTTP gets a bare 400 and the end of the connection', async () => {
    const client = await RawClient.connect(port)
    client.socket.write(mqtt)
    expect((await client.end()).toString()).toBe(
      'HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n',
    )
    expect(counted).toEqual(['HPE_INVALID_METHOD'])
    expect(JSON.stringify(lines)).not.toContain('devices')
    expect(await ask('GET /v1/echo/1')).toBe('200 {"id":"1"}')
  })

  test('MQTT after an answer on a kept connection is answered the same way', async () => {
    const client = await RawClient.connect(port)
    client.send(['GET /v1/echo/1 HTTP/1.1', 'Host: h'])
    expect((await client.answer()).status).toBe(200)
    client.socket.write(mqtt)
    expect((await client.end()).toString()).toMatch(/^HTTP\/1\.1 400 /)
  })

  test('nothing is written into the middle of an answer', async () => {
    const client = await RawClient.connect(port)
    client.send(['GET /v1/slow HTTP/1.1', 'Host: h'])
    client.socket.once('data', () => client.socket.write(mqtt))
    expect((await client.end()).toString()).not.toContain('400')
    finish()
  })

  test('a header too large is 431, an unknown method 400', async () => {
    const large = await rawRequest(port, ['GET /v1/echo/1 HTTP/1.1', 'Host: h', `X: ${'x'.repeat(20_000)}`])
    expect(large.status).toBe(431)
    expect(large.headers.get('connection')).toBe('close')
    expect((await rawRequest(port, ['FLASH /v1/echo/1 HTTP/1.1', 'Host: h'])).status).toBe(400)
  })

  test('what is not HTTP is counted each time and logged once a minute', async () => {
    for (now of [0, 1_000, 59_999, 60_000]) {
      const client = await RawClient.connect(port)
      client.socket.write(mqtt)
      await client.end()
    }
    expect(counted.length).toBe(4)
    expect(lines).toEqual([
      { code: 'HPE_INVALID_METHOD', since: 1 },
      { code: 'HPE_INVALID_METHOD', since: 3 },
    ])
  })
})
