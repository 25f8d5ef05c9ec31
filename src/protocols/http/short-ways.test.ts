import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Agent, createServer as createTlsServer, request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RawClient, rawRequest } from '../../../test/support/raw-client.ts'
import { TEST_CERTIFICATE } from '../../../test/support/test-certificate.ts'
import { readyAnswer } from './ready-answer.ts'
import { SHORT_BODY_BYTES, ShortWays } from './short-ways.ts'

describe('short ways', () => {
  let server: Server
  let ways: ShortWays
  let port: number
  /** What was asked of the short way. */
  let asked: string[]
  let counted: unknown[]

  beforeEach(async () => {
    asked = []
    counted = []
    ways = new ShortWays()
    ways.add({ protocol: 'p', method: 'GET', path: '/get', answer: ({ url }) => said('get', String(url)) })
    ways.add({ protocol: 'p', method: 'GET', path: '/below/', answer: ({ url }) => said('below', String(url)) })
    ways.add({ protocol: 'q', method: 'POST', path: '/post', answer: (_request, body) => said('post', body) })
    server = createServer(usual)
    ways.attach(server, (protocol) => (status, seconds) => counted.push([protocol, status, typeof seconds]))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  async function usual(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.end(`usual ${request.method} ${request.url} ${await text(request)}`)
  }

  function said(way: string, what: string) {
    asked.push(`${way} ${what}`)
    if (what.includes('throw')) throw new Error('no way')
    return what.includes('nothing') ? undefined : readyAnswer(200, ['x-way', way], `short ${what}`)
  }

  const ask = async (line: string, body = '', ...headers: string[]) => {
    const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`, 'Content-Type: application/json']
    const client = await RawClient.connect(port)
    // Head and body in one piece.
    client.socket.write([`${line} HTTP/1.1`, 'Host: h', ...length, ...headers, '', body].join('\r\n'))
    const answer = await client.answer()
    client.close()
    return answer.body.toString()
  }

  test.each([
    ['GET /get', '', 'short /get'],
    ['GET /get?a=/b', '', 'short /get?a=/b'],
    ['GET /below/this', '', 'short /below/this'],
    ['POST /post', '{"a":"ü"}', 'short {"a":"ü"}'],
    ['POST /post?a', '1', 'short 1'],
  ])('%s is answered, and counted', async (line, body, expected) => {
    expect(await ask(line, body)).toBe(expected)
    expect(counted).toEqual([[line.startsWith('POST') ? 'q' : 'p', 200, 'number']])
  })

  test.each([
    ['GET /get/', ''],
    ['GET /gets', ''],
    ['GET //get', ''],
    ['GET /GET', ''],
    ['GET /below', ''],
    ['POST /get', ''],
    ['GET /get', '{}'],
    ['GET /post', ''],
    ['POST /post', ''],
    ['POST /post', `"${'x'.repeat(SHORT_BODY_BYTES)}"`],
  ])('%s %s is not asked for', async (line, body) => {
    expect(await ask(line, body)).toBe(`usual ${line} ${body}`)
    expect(asked).toEqual([])
  })

  test.each([
    ['GET /get', '', 'Expect: 100-continue'],
    ['GET /get', '', 'Content-Length: 0'],
    ['POST /post', '1', 'Expect: 100-continue'],
  ])('%s %s with %s is not asked for', async (line, body, header) => {
    await ask(line, body, header)
    expect(asked).toEqual([])
  })

  test.each([
    ['GET /get?nothing', ''],
    ['GET /get?throw', ''],
    ['POST /post', '"nothing"'],
    ['POST /post', '"throw"'],
  ])('%s %s without a ready answer is left to the usual way, as it came', async (line, body) => {
    expect(await ask(line, body)).toBe(`usual ${line} ${body}`)
    expect(asked).toHaveLength(1)
    expect(counted).toEqual([])
  })

  test('bytes that are no text are not asked for, and come to the usual way as they were', async () => {
    const body = Buffer.from('"\xff"', 'latin1')
    const lines = ['POST /post HTTP/1.1', 'Host: h', 'Content-Length: 3', 'Content-Type: application/json']
    expect((await rawRequest(port, lines, body)).body.toString()).toBe('usual POST /post "\ufffd"')
    expect(asked).toEqual([])
  })

  test('a body that comes after its head is the usual way’s', async () => {
    const client = await RawClient.connect(port)
    const begun = new Promise((resolve) => server.once('request', resolve))
    client.send(['POST /post HTTP/1.1', 'Host: h', 'Content-Length: 1', 'Content-Type: application/json'])
    await begun
    client.socket.write('1')
    expect((await client.answer()).body.toString()).toBe('usual POST /post 1')
    expect(asked).toEqual([])
    client.close()
  })

  test('when they have ended, the usual way answers everything', async () => {
    ways.end()
    expect(await ask('GET /get')).toBe('usual GET /get ')
    expect(await ask('POST /post', '1')).toBe('usual POST /post 1')
  })

  test('one connection takes many of them, short and usual', async () => {
    const client = await RawClient.connect(port)
    for (let time = 0; time < 5; time++) {
      const body = time % 2 === 0 ? '"short"' : '"nothing"'
      const head = `POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\nContent-Type: application/json`
      client.socket.write(`${head}\r\n\r\n${body}`)
      expect((await client.answer()).body.toString()).toBe(
        time % 2 === 0 ? `short ${body}` : `usual POST /post ${body}`,
      )
    }
    client.close()
  })

  test('over TLS, where the whole request is read before anybody looks at it', async () => {
    const { cert, key } = TEST_CERTIFICATE
    const tls = createTlsServer({ cert, key }, usual)
    ways.attach(tls, () => () => undefined)
    await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve))
    const { port: tlsPort } = tls.address() as AddressInfo
    const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false })
    const post = async (body: string) => {
      const headers = { 'content-type': 'application/json', 'content-length': body.length }
      const call = httpsRequest({ port: tlsPort, agent, method: 'POST', path: '/post', headers }).end(body)
      const [reply] = (await once(call, 'response')) as [IncomingMessage]
      return text(reply)
    }
    expect(await post('"short"')).toBe('short "short"')
    expect(await post('"nothing"')).toBe('usual POST /post "nothing"')
    expect(await post('"short"')).toBe('short "short"')
    agent.destroy()
    tls.close()
  })
})
