import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { ApiClient, segment } from './api-client.ts'

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void

const closing: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function clientOf(handler: Handler, path = ''): Promise<ApiClient> {
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const piece of request) body += piece
    handler(request, response, body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return new ApiClient({ server: new URL(`http://127.0.0.1:${port}${path}`), token: 'gdw_t', organisation: 'acme' })
}

it('sends token, organisation, revision and query, below the path of the server', async () => {
  let seen: unknown
  const client = await clientOf((request, response, body) => {
    const { authorization, 'godwit-organisation': organisation, 'if-match': ifMatch } = request.headers
    seen = { method: request.method, url: request.url, authorization, organisation, ifMatch, body }
    response.end('{"id":"5e"}')
  }, '/ota')
  const query = { all: true, none: undefined, text: 'a b' }
  const answer = await client.send('PATCH', `/devices/${segment('a/b')}`, { body: { name: 'x' }, query, ifRevision: 7 })
  expect(answer).toEqual({ id: '5e' })
  expect(seen).toEqual({
    method: 'PATCH',
    url: '/ota/api/godwit/v1/devices/a%2Fb?all=true&text=a+b',
    authorization: 'Bearer gdw_t',
    organisation: 'acme',
    ifMatch: '"7"',
    body: '{"name":"x"}',
  })
})

it('repeats a creation whose connection broke, under the same idempotency key', async () => {
  const keys: unknown[] = []
  const client = await clientOf((request, response) => {
    keys.push(request.headers['idempotency-key'])
    if (keys.length === 1) request.socket.resetAndDestroy()
    else response.writeHead(201).end('{"id":"5e"}')
  })
  expect(await client.create('/products', { body: { key: 'panel' } })).toEqual({ id: '5e' })
  expect(keys).toHaveLength(2)
  expect(new Set(keys).size).toBe(1)
})

it('repeats no change whose connection broke', async () => {
  let calls = 0
  const client = await clientOf((request) => {
    calls += 1
    request.socket.resetAndDestroy()
  })
  await expect(client.send('PATCH', '/devices/a', { body: {} })).rejects.toThrow(/closed the connection/)
  expect(calls).toBe(1)
})

it('streams an upload with its length', async () => {
  const client = await clientOf((request, response, body) => {
    const { 'content-length': length, 'transfer-encoding': encoding, 'content-type': type } = request.headers
    response.end(JSON.stringify({ length, encoding, type, body }))
  })
  async function* pieces() {
    yield Buffer.from('abc')
    yield Buffer.from('def')
  }
  const upload = { body: pieces(), size: 6, type: 'application/octet-stream' }
  expect(await client.upload('/firmware', upload)).toEqual({
    length: '6',
    type: 'application/octet-stream',
    body: 'abcdef',
  })
})

it('tells why an upload was refused, although the server closed while it was sent', async () => {
  const server = createServer((_request, response) => {
    response.writeHead(413, { connection: 'close' }).end('{"title":"Too large","detail":"2 GiB at most"}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => new Promise((resolve) => server.close(resolve)))
  const { port } = server.address() as AddressInfo
  const client = new ApiClient({ server: new URL(`http://127.0.0.1:${port}`) })
  async function* endless() {
    for (let index = 0; index < 1_000; index += 1) yield Buffer.alloc(2 ** 16)
  }
  const upload = { body: endless(), size: 1_000 * 2 ** 16, type: 'application/octet-stream' }
  await expect(client.upload('/firmware', upload)).rejects.toThrow('Too large: 2 GiB at most')
})

it('says when nothing answers', async () => {
  const client = await clientOf(() => undefined)
  for (const close of closing.splice(0)) await close()
  await expect(client.get('/me')).rejects.toThrow(
    /nothing answers at http:\/\/127\.0\.0\.1:\d+; is the server running\?/,
  )
})

it('says when somebody else answers', async () => {
  const client = await clientOf((_request, response) => response.end('<html>hello</html>'))
  await expect(client.get('/me')).rejects.toThrow(/did not answer as Godwit does/)
})
