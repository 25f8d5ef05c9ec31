import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { TEST_CERTIFICATE } from '../../../test/support/test-certificate.ts'
import { HttpWebhookSender, type HttpWebhookSenderOptions } from './http-webhook-sender.ts'

const closing: Array<() => unknown> = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

function sender(options: Partial<HttpWebhookSenderOptions> = {}): HttpWebhookSender {
  const made = new HttpWebhookSender({ allowPrivate: true, version: '1.2.3', ...options })
  closing.push(() => made.close())
  return made
}

async function listen(server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  closing.push(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

interface Got {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** A receiver that keeps what it gets. */
async function receiver(answer: RequestListener = (_request, response) => response.writeHead(204).end()) {
  const got: Got[] = []
  const port = await listen(
    createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      const { method, url, headers } = request
      got.push({ method, url, headers, body: Buffer.concat(chunks).toString() })
      answer(request, response)
    }),
  )
  return { got, port, url: `http://127.0.0.1:${port}/hook?token=x` }
}

function post(url: string, more: { timeoutMs?: number } = {}) {
  return {
    url,
    headers: { 'content-type': 'application/json', 'webhook-id': 'x' },
    body: '{"ä":1}',
    timeoutMs: 5000,
    ...more,
  }
}

describe('a delivery over HTTP', () => {
  it('is one POST with the headers and the bytes that were given', async () => {
    const { got, url, port } = await receiver()
    expect(await sender().send(post(url))).toEqual({ kind: 'answered', status: 204 })
    expect(got).toEqual([
      {
        method: 'POST',
        url: '/hook?token=x',
        headers: {
          host: `127.0.0.1:${port}`,
          'content-type': 'application/json',
          'content-length': '8',
          'webhook-id': 'x',
          'user-agent': 'Godwit/1.2.3 (webhooks)',
          connection: 'keep-alive',
        },
        body: '{"ä":1}',
      },
    ])
  })

  it('follows no redirect', async () => {
    const target = await receiver()
    const { url } = await receiver((_request, response) => response.writeHead(307, { location: target.url }).end())
    expect(await sender().send(post(url))).toEqual({ kind: 'answered', status: 307 })
    expect(target.got).toEqual([])
  })

  it.each([
    ['120', 120],
    ['0', undefined],
    ['soon', undefined],
    [new Date(Date.now() + 60_000).toUTCString(), expect.closeTo(60, -1)],
    [new Date(Date.now() - 60_000).toUTCString(), undefined],
  ])('passes on Retry-After: %s', async (header, seconds) => {
    const { url } = await receiver((_request, response) => response.writeHead(503, { 'retry-after': header }).end())
    const answer = await sender().send(post(url))
    expect(answer).toEqual({
      kind: 'answered',
      status: 503,
      ...(seconds !== undefined && { retryAfterSeconds: seconds }),
    })
  })

  it('keeps the connection for the next one, and takes a new one when it was closed meanwhile', async () => {
    const sockets = new Set<Socket>()
    const { got, url } = await receiver((request, response) => {
      sockets.add(request.socket)
      response.writeHead(200).end('thank you')
    })
    const one = sender()
    await one.send(post(url))
    await one.send(post(url))
    expect(sockets.size).toBe(1)
    for (const socket of sockets) socket.destroy()
    expect(await one.send(post(url))).toEqual({ kind: 'answered', status: 200 })
    expect(sockets.size).toBe(2)
    expect(got).toHaveLength(3)
  })

  it('ends a connection whose answer does not end', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const { url } = await receiver((_request, response) => {
      response.on('close', resolve)
      response.writeHead(200)
      const flood = () => {
        if (!response.destroyed) response.write('x'.repeat(16_384), flood)
      }
      flood()
    })
    expect(await sender().send(post(url))).toEqual({ kind: 'answered', status: 200 })
    await promise
  })

  it('fails in time when nobody answers', async () => {
    const port = await listen(createTcpServer(() => {}))
    const before = performance.now()
    const answer = await sender().send(post(`http://127.0.0.1:${port}/`, { timeoutMs: 200 }))
    expect(answer).toEqual({ kind: 'failed', reason: 'it did not answer within 0.2 s' })
    expect(performance.now() - before).toBeLessThan(3000)
  })

  it('fails in time when the name is never found', async () => {
    const resolve = () => new Promise<never>(() => {})
    const answer = await sender({ resolve }).send(post('http://slow.example.test/', { timeoutMs: 100 }))
    expect(answer).toEqual({ kind: 'failed', reason: 'it did not answer within 0.1 s' })
  })

  it('says what went wrong, and nothing of the address', async () => {
    const port = await listen(createTcpServer((socket) => socket.destroy()))
    const talking = await listen(createTcpServer((socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n')))
    const unused = await listen(createTcpServer(() => {}))
    await closing.pop()?.()
    const unknown = () => Promise.reject(Object.assign(new Error('getaddrinfo secret.example'), { code: 'ENOTFOUND' }))
    const reason = async (url: string, options = {}) => {
      const answer = await sender(options).send(post(url))
      return answer.kind === 'failed' ? answer.reason : answer
    }
    expect(await reason(`http://127.0.0.1:${unused}/secret`)).toBe('the connection was refused')
    expect(await reason(`http://127.0.0.1:${port}/secret`)).toBe('the connection was closed before it answered')
    expect(await reason(`http://127.0.0.1:${talking}/secret`)).toBe('it does not speak HTTP')
    expect(await reason(`https://127.0.0.1:${talking}/secret`)).toMatch(/TLS|could not be reached \(\w+\)/)
    expect(await reason('http://secret.example/', { resolve: unknown })).toBe('the name of the host is not known')
    expect(await reason('http://secret.example/', { resolve: async () => [] })).toBe(
      'the name of the host is not known',
    )
  })

  it('refuses a certificate that nobody known has signed', async () => {
    const port = await listen(createTlsServer(TEST_CERTIFICATE, (_request, response) => response.end()))
    const answer = await sender().send(post(`https://127.0.0.1:${port}/`))
    expect(answer).toMatchObject({ kind: 'failed', reason: expect.stringMatching(/could not be reached \([A-Z_]+\)/) })
  })
})

describe('private addresses', () => {
  const refused = { kind: 'failed', reason: expect.stringContaining('private or local') }

  it.each([
    'http://127.0.0.1:9/',
    'http://localhost:9/',
    'http://0x7f.1/',
    'http://2130706433/',
    'http://[::1]/',
    'http://[::ffff:10.0.0.1]/',
    'https://169.254.169.254/latest/meta-data',
    'http://192.168.1.1/',
  ])('%s gets nothing', async (url) => {
    expect(await sender({ allowPrivate: false }).send(post(url))).toEqual(refused)
  })

  it.each([
    ['http://10.0.0.1/', true],
    ['http://[fd00::1]/', true],
    ['http://93.184.215.14/', false],
    ['http://intern.example/', false],
  ])('%s is refused before it is tried: %s', (url, isRefused) => {
    expect(sender({ allowPrivate: false }).refusalOf(new URL(url)) !== undefined).toBe(isRefused)
    expect(sender({ allowPrivate: true }).refusalOf(new URL(url))).toBeUndefined()
  })

  it('are refused behind a name, also when only one of its addresses is such', async () => {
    const addresses = [
      { address: '93.184.215.14', family: 4 },
      { address: '10.0.0.7', family: 4 },
    ]
    const resolve = async () => addresses
    expect(await sender({ allowPrivate: false, resolve }).send(post('http://intern.example/'))).toEqual(refused)
  })

  it('cannot be slipped in after the check: the connection goes where the check looked', async () => {
    const { got, port } = await receiver()
    let lookups = 0
    const resolve = async () => {
      lookups += 1
      return [{ address: '127.0.0.1', family: 4 }]
    }
    const answer = await sender({ resolve }).send(post(`http://name.that.exists.nowhere.test:${port}/`))
    expect(answer).toEqual({ kind: 'answered', status: 204 })
    expect(lookups).toBe(1)
    expect(got[0]?.headers.host).toBe(`name.that.exists.nowhere.test:${port}`)
  })
})
