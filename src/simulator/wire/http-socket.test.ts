import { once } from 'node:events'
import { createServer } from 'node:net'
import { setImmediate as immediate } from 'node:timers/promises'
import { createServer as createTlsServer } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { type RawReply, rawHttpServer, reply } from '../../../test/support/raw-http-server.ts'
import { TEST_CERTIFICATE } from '../../../test/support/test-certificate.ts'
import type { HttpRequest } from './http-message.ts'
import { HttpSession } from './http-session.ts'
import { exchange, HttpSocket } from './http-socket.ts'
import { httpTarget, splitLink, type TlsTrust } from './http-target.ts'

const GET: HttpRequest = {
  method: 'GET',
  path: '/a%zz//b?c d',
  version: 'HTTP/1.0',
  headers: [
    ['X-odd', '1'],
    ['host', 'h'],
  ],
}
const LIMITS = { headTimeoutMs: 5_000, bodyTimeoutMs: 5_000 }
const IMPATIENT = { headTimeoutMs: 100, bodyTimeoutMs: 100 }

async function open(url: string, tls?: TlsTrust): Promise<HttpSocket> {
  const socket = await HttpSocket.open(httpTarget(url, tls), 1_000)
  if ('kind' in socket) throw new Error(socket.detail)
  return socket
}

async function ask(answer: RawReply, request: HttpRequest = GET, limits = LIMITS) {
  const host = await rawHttpServer(() => answer)
  const socket = await open(host.url)
  const result = await exchange(socket, request, { ...limits, maxBodyBytes: 1_000 })
  socket.close()
  return result
}

describe('a request', () => {
  it('goes out byte by byte as it was written', async () => {
    const received: Buffer[] = []
    const server = createServer((socket) => {
      socket.on('data', (chunk) => {
        received.push(chunk)
        socket.end('HTTP/1.1 204 No Content\r\n\r\n')
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = address !== null && typeof address === 'object' ? address.port : 0
    const socket = await open(`http://127.0.0.1:${port}`)
    await exchange(socket, { ...GET, method: 'POST', body: Buffer.of(0, 255) }, LIMITS)
    socket.close()
    server.close()
    const head = 'POST /a%zz//b?c d HTTP/1.0\r\nX-odd: 1\r\nhost: h\r\n\r\n'
    expect(Buffer.concat(received)).toEqual(Buffer.concat([Buffer.from(head), Buffer.of(0, 255)]))
  })
})

describe('a reply', () => {
  it('is recorded with its head’s bytes, spelling and order', async () => {
    const bytes = 'HTTP/1.1 200 Fine So Far\r\nb-B:  1 \r\nA: \r\nb-b: 2\r\nCONTENT-length: 2\r\n\r\nhi'
    const result = await ask({ bytes })
    if (result.kind !== 'reply') throw new Error(result.detail)
    expect(Buffer.from(result.head.bytes).toString()).toBe(bytes.slice(0, -2))
    expect(result.head).toMatchObject({
      version: 'HTTP/1.1',
      status: 200,
      reason: 'Fine So Far',
      headers: [
        ['b-B', '1'],
        ['A', ''],
        ['b-b', '2'],
        ['CONTENT-length', '2'],
      ],
    })
    expect(result.head.timeToFirstByteMs).toBeGreaterThan(0)
    expect(Buffer.from(result.body).toString()).toBe('hi')
  })

  it.each<[string, RawReply, string, HttpRequest?]>([
    ['by length', { bytes: reply('200 OK', [], 'hello') }, 'hello'],
    [
      'in chunks',
      { bytes: reply('200 OK', ['Transfer-Encoding: chunked'], '3;x=1\r\nhel\r\n2\r\nlo\r\n0\r\nT: 1\r\n\r\n') },
      'hello',
    ],
    ['until the end', { bytes: 'HTTP/1.1 200 OK\r\n\r\nhello', end: true }, 'hello'],
    ['without a body, by status', { bytes: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n' }, ''],
    [
      'without a body, by method',
      { bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n' },
      '',
      { ...GET, method: 'HEAD' },
    ],
  ])('is read %s', async (_what, answer, body, request) => {
    const result = await ask(answer, request)
    expect(result.kind === 'reply' ? Buffer.from(result.body).toString() : result).toBe(body)
  })

  it.each<[string, RawReply, string]>([
    ['silence', { bytes: '' }, 'head-timeout'],
    ['half a head', { bytes: 'HTTP/1.1 200 OK\r\nA: b\r\n' }, 'head-timeout'],
    ['an early end', { bytes: 'HTTP/1.1 200 OK\r\n', end: true }, 'closed-before-head'],
    ['a reset', { bytes: '', reset: true }, 'closed-before-head'],
    ['another protocol', { bytes: 'SSH-2.0-server\r\n\r\n' }, 'malformed-head'],
    ['a header line without a colon', { bytes: 'HTTP/1.1 200 OK\r\nabc\r\n\r\n' }, 'malformed-head'],
    ['an endless head', { bytes: `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(40_000)}` }, 'malformed-head'],
    ['two lengths', { bytes: reply('200 OK', ['Content-Length: 1', 'Content-Length: 2'], 'ab') }, 'malformed-head'],
    ['a length that is none', { bytes: reply('200 OK', ['Content-Length: +2'], 'ab') }, 'malformed-head'],
    [
      'a length beside a coding',
      { bytes: reply('200 OK', ['Content-Length: 5', 'Transfer-Encoding: chunked'], '0\r\n\r\n') },
      'malformed-head',
    ],
    ['a short body', { bytes: reply('200 OK', ['Content-Length: 9'], 'abc'), end: true }, 'short-body'],
    ['a stalled body', { bytes: reply('200 OK', ['Content-Length: 9'], 'abc') }, 'body-timeout'],
    ['a body beyond its limit', { bytes: reply('200 OK', [], 'x'.repeat(1_001)) }, 'body-too-large'],
    ['a bad chunk', { bytes: reply('200 OK', ['Transfer-Encoding: chunked'], 'xyz\r\n') }, 'malformed-body'],
    [
      'an overlong chunk',
      { bytes: reply('200 OK', ['Transfer-Encoding: chunked'], '1\r\nabc\r\n0\r\n\r\n') },
      'malformed-body',
    ],
    [
      'an unfinished coding',
      { bytes: reply('200 OK', ['Transfer-Encoding: chunked'], '3\r\nabc\r\n'), end: true },
      'short-body',
    ],
  ])('of %s is a failure as a value', async (_what, answer, fault) => {
    const limits = fault.endsWith('-timeout') ? IMPATIENT : LIMITS
    expect(await ask(answer, GET, limits)).toMatchObject({ kind: 'wire-failure', fault })
  })

  it('streams to a sink that may stop, with the bytes counted', async () => {
    const host = await rawHttpServer(() => ({ bytes: reply('200 OK', [], Buffer.alloc(5_000_000)) }))
    let taken = 0
    const socket = await open(host.url)
    const result = await exchange(socket, GET, {
      ...LIMITS,
      sinkFor: () => (chunk) => {
        taken += chunk.length
        return taken < 1_000_000
      },
    })
    socket.cut()
    expect(result).toMatchObject({ kind: 'wire-failure', fault: 'stopped', bodyBytes: taken })
    expect(taken).toBeLessThan(3_000_000)
  })
})

it('a slow sink holds the server back', async () => {
  const host = await rawHttpServer(() => ({ bytes: reply('200 OK', [], Buffer.alloc(20_000_000)) }))
  const socket = await open(host.url)
  const unread: number[] = []
  await exchange(socket, GET, {
    ...LIMITS,
    sinkFor: () => async () => {
      await expect.poll(() => socket.unreadBytes, { interval: 1 }).toBeGreaterThan(200_000)
      for (let turn = 0; turn < 200; turn += 1) await immediate()
      unread.push(socket.unreadBytes)
      return false
    },
  })
  socket.cut()
  expect(unread).toHaveLength(1)
  expect(unread[0]).toBeLessThan(1_000_000)
})

describe('a connection', () => {
  it('knows whether the server has ended it, and writes into it all the same', async () => {
    const host = await rawHttpServer(({ path }) => ({ bytes: reply('200 OK', []), end: path === '/end' }))
    const socket = await open(host.url)
    await exchange(socket, { ...GET, path: '/stay' }, LIMITS)
    expect(await socket.waitForServerEnd(50)).toBe(false)
    await exchange(socket, { ...GET, path: '/end' }, LIMITS)
    expect(await socket.waitForServerEnd(1_000)).toBe(true)
    expect(socket.serverEnded).toBe(true)
    socket.writeRaw(Buffer.from('0'))
    await expect.poll(() => host.junk).toEqual(['0'])
    socket.close()
  })

  it('that nobody accepts is a failure', async () => {
    const host = await rawHttpServer(() => undefined)
    await host.close()
    expect(await HttpSocket.open(httpTarget(host.url), 1_000)).toMatchObject({ kind: 'wire-failure', fault: 'connect' })
  })

  it('trusts the authority it carries and no other', async () => {
    const server = createTlsServer(TEST_CERTIFICATE, (socket) => {
      socket.on('error', () => socket.destroy())
      socket.on('data', () => socket.end(reply('200 OK', [], 'secret')))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const url = `https://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`
    expect(await HttpSocket.open(httpTarget(url), 1_000)).toMatchObject({ kind: 'wire-failure', fault: 'connect' })
    for (const trust of [{ ca: TEST_CERTIFICATE.cert }, { verify: false }]) {
      const socket = await open(url, trust)
      const result = await exchange(socket, GET, LIMITS)
      expect(result.kind === 'reply' ? Buffer.from(result.body).toString() : result).toBe('secret')
      socket.close()
    }
    server.close()
  })
})

describe('HttpSession', () => {
  const get = (path: string): HttpRequest => ({ method: 'GET', path, version: 'HTTP/1.1', headers: [['Host', 'h']] })

  it('keeps its connection, reopens it after a close, and repeats what died on a reused one', async () => {
    let dropNext = false
    const host = await rawHttpServer(({ path }) => {
      if (dropNext) {
        dropNext = false
        return { bytes: '', end: true }
      }
      return { bytes: reply('200 OK', path === '/close' ? ['Connection: close'] : []) }
    })
    const session = new HttpSession(httpTarget(host.url), { connectMs: 5_000, headMs: 5_000, bodyMs: 5_000 })
    for (const path of ['/a', '/b', '/close', '/c'])
      expect(await session.request(get(path))).toMatchObject({ kind: 'reply' })
    dropNext = true
    expect(await session.request(get('/d'))).toMatchObject({ kind: 'reply' })
    session.close()
    dropNext = true
    expect(await session.request(get('/e'))).toMatchObject({ fault: 'closed-before-head' })
    session.close()
    expect(host.requests.map(({ connection, path }) => `${connection}${path}`)).toEqual([
      '0/a',
      '0/b',
      '0/close',
      '1/c',
      '1/d',
      '2/d',
      '3/e',
    ])
  })
})

describe('httpTarget', () => {
  it.each([
    ['http://ota.example', { host: 'ota.example', port: 80, secure: false, prefix: '', hostHeader: 'ota.example' }],
    ['https://ota.example/', { port: 443, secure: true, prefix: '/', hostHeader: 'ota.example' }],
    ['http://ota.example:443//x', { port: 443, secure: false, prefix: '//x', hostHeader: 'ota.example' }],
    ['https://ota.example:8443', { port: 8443, hostHeader: 'ota.example:8443' }],
    ['http://[::1]:8080', { host: '::1', hostHeader: '[::1]:8080' }],
  ])('reads %s', (address, expected) => {
    expect(httpTarget(address)).toMatchObject(expected)
  })

  it.each(['ota.example', 'ftp://ota.example', 'http://user@ota.example', 'http://ota.example?x=1', ''])(
    'refuses "%s"',
    (address) => {
      expect(() => httpTarget(address)).toThrow(TypeError)
    },
  )

  it('splits links without touching their query', () => {
    expect(splitLink('http://h:81/a//b?x=%2F&y=1#z')).toMatchObject({
      target: { host: 'h', port: 81 },
      path: '/a//b?x=%2F&y=1',
    })
    expect(splitLink('https://h?x').path).toBe('/?x')
  })
})
