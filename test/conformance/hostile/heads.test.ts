import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { RawClient } from '../../support/raw-client.ts'
import { expectRefusal, Victim } from './victim.ts'

let victim: Victim
beforeAll(async () => {
  victim = await Victim.start()
})
afterAll(() => victim.close())
afterEach(() => victim.expectUnharmed())

const OWNERS = [
  '/api/godwit/v1/me',
  '/v1/devices',
  '/api/v2/ota-files',
  '/connect-service/v2.1/ota-firmwares',
  '/device/v1/wait',
  '/nobody',
]

function wire(lines: readonly string[], body = ''): string {
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

const statuses = (exchange: { answers: readonly { status: number }[] }) => exchange.answers.map(({ status }) => status)

describe('heads that are too large', () => {
  it.each([
    ['one header of 17 KiB', ['GET /healthz HTTP/1.1', 'Host: test', `x-large: ${'y'.repeat(17 * 1024)}`]],
    ['one header of 1 MiB', ['GET /healthz HTTP/1.1', 'Host: test', `x-large: ${'y'.repeat(2 ** 20)}`]],
    ['a target of 20 KiB', [`GET /${'a'.repeat(20_480)} HTTP/1.1`, 'Host: test']],
    [
      '2,000 headers',
      ['GET /healthz HTTP/1.1', 'Host: test', ...Array.from({ length: 2_000 }, (_, n) => `x-h-${n}: y`)],
    ],
    ['a header name of 17 KiB', ['GET /healthz HTTP/1.1', 'Host: test', `${'n'.repeat(17 * 1024)}: y`]],
  ])('%s: 431', async (_name, lines) => {
    const exchange = await victim.attack(wire(lines))
    expect(exchange.ended).not.toBe('open')
    expect(statuses(exchange)).toEqual([431])
  })

  it('many small headers within the limit are no fault', async () => {
    const lines = ['GET /healthz HTTP/1.1', 'Host: test', ...Array.from({ length: 900 }, (_, n) => `h${n}: y`)]
    expect(statuses(await victim.attack(wire([...lines, 'Connection: close'])))).toEqual([200])
  })
})

describe('heads that are not HTTP', () => {
  it.each([
    ['two lengths that differ', ['POST /login HTTP/1.1', 'Host: test', 'Content-Length: 2', 'Content-Length: 3'], '{}'],
    ['the same length twice', ['POST /login HTTP/1.1', 'Host: test', 'Content-Length: 2', 'Content-Length: 2'], '{}'],
    ['a list of lengths', ['POST /login HTTP/1.1', 'Host: test', 'Content-Length: 2, 2'], '{}'],
    ['a negative length', ['POST /login HTTP/1.1', 'Host: test', 'Content-Length: -2'], '{}'],
    ['a length in hex', ['POST /login HTTP/1.1', 'Host: test', 'Content-Length: 0x2'], '{}'],
    ['a length beyond all', ['POST /login HTTP/1.1', 'Host: test', `Content-Length: ${'9'.repeat(30)}`], '{}'],
    [
      'length and chunks',
      ['POST /login HTTP/1.1', 'Host: test', 'Content-Length: 5', 'Transfer-Encoding: chunked'],
      '0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n',
    ],
    [
      'chunks and length',
      ['POST /login HTTP/1.1', 'Host: test', 'Transfer-Encoding: chunked', 'Content-Length: 5'],
      '0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n',
    ],
    [
      'two codings',
      ['POST /login HTTP/1.1', 'Host: test', 'Transfer-Encoding: chunked', 'Transfer-Encoding: identity'],
      '0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n',
    ],
    ['a coding nobody knows', ['POST /login HTTP/1.1', 'Host: test', 'Transfer-Encoding: xchunked'], '0\r\n\r\n'],
    ['a folded header', ['GET /healthz HTTP/1.1', 'Host: test', 'x-folded: a', ' b'], ''],
    ['a blank before the colon', ['GET /healthz HTTP/1.1', 'Host : test'], ''],
    ['a header without a colon', ['GET /healthz HTTP/1.1', 'Host: test', 'nothing'], ''],
    ['a NUL in a header', ['GET /healthz HTTP/1.1', 'Host: test', 'x: a\0b'], ''],
    ['a line feed alone in a header', ['GET /healthz HTTP/1.1', 'Host: test', 'x: a\nGET /smuggled HTTP/1.1'], ''],
    ['a lower-case method', ['get /healthz HTTP/1.1', 'Host: test'], ''],
    ['a method nobody knows', ['STEAL /healthz HTTP/1.1', 'Host: test'], ''],
    ['no Host', ['GET /healthz HTTP/1.1'], ''],
    ['another version', ['GET /healthz HTTP/3.0', 'Host: test'], ''],
  ])('%s: 400 and the end', async (_name, lines, body) => {
    const exchange = await victim.attack(wire(lines, body), { half: true })
    expect(exchange.ended).not.toBe('open')
    expect(exchange.rest).toBe('')
    expect(statuses(exchange)).toEqual([400])
  })

  it.each([
    ['TRACE', 'TRACE /healthz HTTP/1.1'],
    ['PROPFIND', 'PROPFIND /healthz HTTP/1.1'],
    ['QUERY', 'QUERY /healthz HTTP/1.1'],
  ])('%s is a method of nothing here', async (_name, line) => {
    const exchange = await victim.attack(wire([line, 'Host: test', 'x-secret: 1', 'Connection: close']))
    expect(exchange.answers).toHaveLength(1)
    expect([400, 404, 405]).toContain(exchange.answers[0]?.status)
    expect(exchange.answers[0]?.body).not.toContain('x-secret')
  })

  it.each(OWNERS)('%s: other methods are refused in the shape of who answers there', async (path) => {
    for (const method of ['TRACE', 'OPTIONS', 'PUT', 'DELETE', 'PATCH', 'PROPFIND']) {
      const { answers } = await victim.attack(wire([`${method} ${path} HTTP/1.1`, 'Host: test', 'Connection: close']))
      expect(answers).toHaveLength(1)
      if (answers[0]?.body !== '') expectRefusal(answers[0], path)
      expect(answers[0]?.status).toBeGreaterThanOrEqual(400)
    }
  })

  it.each([
    ['MQTT CONNECT', '\x10\x1e\x00\x04MQTT\x04\xc2\x00\x3c\x00\x03dev\x00\x03usr\x00\x06secret'],
    ['MQTT PUBLISH', `\x30\x48\x00\x3a/user/devices/${'d'.repeat(24)}/update-response{"code":201}`],
    ['TLS ClientHello', `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${'\x5a'.repeat(507)}`],
    ['HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00'],
    ['SSH', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['zeros', '\0'.repeat(4_096)],
    ['line breaks without end', '\r\n'.repeat(20_000)],
  ])('%s first, and behind an answer: the end', async (_name, bytes) => {
    const first = await victim.attack(bytes, { half: true })
    expect(first.ended).not.toBe('open')
    for (const answer of first.answers) expect([400, 431]).toContain(answer.status)

    const healthy = ['GET /healthz HTTP/1.1', 'Host: test']
    const together = await victim.attack(wire(healthy) + bytes, { half: true })
    expect(together.ended).not.toBe('open')
    for (const answer of together.answers) expect([200, 400, 431]).toContain(answer.status)

    const client = await RawClient.connect(victim.port)
    client.send(healthy)
    expect((await client.answer()).status).toBe(200)
    client.socket.end(Buffer.from(bytes, 'latin1'))
    expect((await client.end()).toString('latin1')).toMatch(/^(HTTP\/1\.1 4(00|31) .*\r\n(.*\r\n)*)?$/)
    expect(victim.world.server.log()).not.toContain('update-response')
  })
})

describe('unusual but right', () => {
  it('HTTP/1.0 without Host is answered, and the connection ends', async () => {
    const exchange = await victim.attack('GET /healthz HTTP/1.0\r\n\r\n')
    expect(exchange.ended).toBe('closed')
    expect(statuses(exchange)).toEqual([200])
  })

  it('pipelined requests are answered in their order', async () => {
    const paths = ['/healthz', '/nobody', '/api/v2/ota-files', '/v1/nobody', '/readyz', '/healthz']
    const all = paths.map((path) => wire([`GET ${path} HTTP/1.1`, 'Host: test'])).join('')
    const exchange = await victim.attack(all, { answers: paths.length })
    expect(statuses(exchange)).toEqual([200, 404, 401, 404, 200, 200])
  })

  it('100 pipelined refusals with bodies are all answered', async () => {
    const one = wire(
      ['POST /login HTTP/1.1', 'Host: test', 'Content-Type: application/json', 'Content-Length: 2'],
      '{}',
    )
    const exchange = await victim.attack(one.repeat(100), { answers: 100 })
    expect(new Set(statuses(exchange))).toEqual(new Set([401]))
  })

  it('a Host that is no host is not repeated in links', async () => {
    for (const host of ['a b', 'evil.example/x', '"><script>', 'a'.repeat(300), '[::1', '%00']) {
      const { answers } = await victim.attack(wire(['GET /docs HTTP/1.1', `Host: ${host}`, 'Connection: close']))
      expect(answers[0]?.status).toBe(200)
    }
  })

  it('Expect: 100-continue is answered before the body', async () => {
    const head = [
      'POST /login HTTP/1.1',
      'Host: test',
      'Content-Type: application/json',
      'Content-Length: 2',
      'Expect: 100-continue',
    ]
    const exchange = await victim.attack(wire(head, '{}'), { answers: 2 })
    expect(statuses(exchange)).toEqual([100, 401])
  })
})
