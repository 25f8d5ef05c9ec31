import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { comparable, type Form, type Poll, PollFleet, PROTOCOLS, requestOf } from './poll-fleet.ts'
import { askOnce, Wire } from './wire.ts'

const EVERYWHERE: Readonly<Record<string, Form>> = {
  'over HTTP/1.0': { version: '1.0' },
  'over HTTP/1.0 that stays': { version: '1.0', headers: { connection: 'keep-alive' } },
  once: { headers: { connection: 'close' } },
  'with unknown headers': { headers: { 'x-unknown': '1', 'x-forwarded-for': '10.0.0.1', accept: 'text/html' } },
  'with a condition that no answer meets': { headers: { 'if-none-match': '"other"' } },
  'with a condition that any answer meets': { headers: { 'if-none-match': '*' } },
  'with an expectation': { headers: { expect: '100-continue' } },
  'with another expectation': { headers: { expect: 'miracles' } },
  'with a range': { headers: { range: 'bytes=0-1' } },
}

const OF_GET: Readonly<Record<string, Form>> = {
  'for its head alone': { method: 'HEAD' },
  'with a body of no length': { headers: { 'content-length': '0' } },
  'with a body': { headers: { 'content-type': 'application/json' }, body: '{}' },
  'without credentials': {
    headers: { 'x-access-token': '', 'apim-accesstoken': '', 'apim-signature': '', authorization: '' },
  },
}

const OF_POST: Readonly<Record<string, Form>> = {
  'with a charset': { headers: { 'content-type': 'application/json; charset=utf-8' } },
  'with a type in capitals': { headers: { 'content-type': 'Application/JSON' } },
  'with a type that is not taken': { headers: { 'content-type': 'text/plain' } },
  'without a type': { headers: { 'content-type': '' } },
  'without a token': { headers: { authorization: '' } },
  'with a token of nobody': { headers: { authorization: 'Bearer nobody' } },
  'with an empty body': { body: '' },
  'with blanks': { body: ' { "running" : { "main" : "1.0.0" } } ' },
  'that says something else': { body: '{"running":{"main":"1.0.0"},"battery":50}' },
  'in broken JSON': { body: '{"running"' },
  'of another form': { body: '{"running":1}' },
  // What is no UTF-8 and what stands in its place are not the same.
  'with a mark of replacement': { body: Buffer.from('{"attributes":{"site":"\ufffd"}}').toString('latin1') },
  'with bytes that are no text': { body: '{"attributes":{"site":"\xff\xff\xff"}}' },
  'with letters beyond ASCII': { body: Buffer.from('{"attributes":{"site":"Köln"}}').toString('latin1') },
  'that is too large': { body: `{"attributes":{"site":"${'x'.repeat(300_000)}"}}` },
  'in chunks': {
    headers: { 'content-length': '', 'transfer-encoding': 'chunked' },
    body: '9\r\n{"running\r\n12\r\n":{"main":"1.0.0"}\r\n1\r\n}\r\n0\r\n\r\n',
  },
}

const BARE_400 = 'HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n'

describe.each(PROTOCOLS)('a poll of %s', (protocol) => {
  let fleet: PollFleet
  let poll: Poll
  let port: number

  beforeAll(async () => {
    fleet = await PollFleet.open({ native: { callsPerMinute: 10_000 } })
    poll = fleet.polls[protocol]
    port = fleet.port
  })
  afterAll(() => fleet.server.close())

  test('is answered with the same bytes cold, warm and by the usual way', async () => {
    const before = await fleet.short(protocol)
    const answers: string[] = []
    for (let time = 0; time < 5; time++) answers.push(comparable(await askOnce(port, requestOf(poll))))
    answers.push(comparable(await askOnce(port, requestOf(poll, { isLong: true }))))
    expect(answers[0]).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(new Set(answers).size).toBe(1)
    expect((await fleet.short(protocol)) - before).toBeGreaterThanOrEqual(3)
  })

  const { method } = { native: { method: 'POST' } }[protocol as 'native'] ?? { method: 'GET' }
  const forms = { ...EVERYWHERE, ...(method === 'POST' ? OF_POST : OF_GET) }

  test.each(Object.entries(forms))('%s: the same bytes, cold, warm and by the usual way', async (_name, form) => {
    const answers: string[] = []
    for (let time = 0; time < 3; time++) {
      answers.push(comparable(await askOnce(port, requestOf(poll, form))))
      answers.push(comparable(await askOnce(port, requestOf(poll, { ...form, isLong: true }))))
    }
    expect([...new Set(answers)]).toHaveLength(1)
  })

  test('whose connection stays or ends as the usual way would have it', async () => {
    await askOnce(port, requestOf(poll))
    const ends = protocol === 'iotaap'
    for (const isLong of [false, true]) {
      const wire = await Wire.open(port)
      wire.write(requestOf(poll, { isLong }))
      const first = await wire.next()
      expect(first).toContain(ends ? '\r\nconnection: close\r\n' : '\r\nConnection: keep-alive\r\n')
      if (!ends) {
        wire.write(requestOf(poll, { isLong, headers: { connection: 'close' } }))
        expect(await wire.next()).toContain('\r\nConnection: close\r\n')
      }
      expect(await wire.end()).toBe('')
    }
  })

  test('is answered in its turn among others on one connection', async () => {
    const expected = comparable(await askOnce(port, requestOf(poll)))
    const wire = await Wire.open(port)
    const short = requestOf(poll)
    const long = requestOf(poll, { isLong: true })
    const slow = 'GET /readyz HTTP/1.1\r\nhost: godwit\r\n\r\n'
    const order = protocol === 'iotaap' ? [slow, slow, short] : [slow, short, long, short, slow, long, short, short]
    wire.write(order.join(''))
    for (const one of order)
      if (one === slow) expect(await wire.next()).toContain('{"status":"ready"}')
      else expect(comparable(await wire.next())).toBe(expected)
    wire.close()
  })

  test('that is followed by what is no HTTP is answered whole or not at all, and the connection ends', async () => {
    const whole = comparable(await askOnce(port, requestOf(poll)))
    await askOnce(port, requestOf(poll))
    for (const isLong of [false, true]) {
      const wire = await Wire.open(port)
      wire.write(`${requestOf(poll, { isLong })}\x30\x48no HTTP\r\n\r\n`)
      const everything = comparable(await wire.end())
      expect([whole, whole + BARE_400, BARE_400]).toContain(everything)
    }
  })
})

test('a check whose body comes later, in pieces, or never', async () => {
  const fleet = await PollFleet.open()
  const { native } = fleet.polls
  const expected = await askOnce(fleet.port, requestOf(native))
  await askOnce(fleet.port, requestOf(native))
  const request = requestOf(native)
  const end = request.indexOf('\r\n\r\n') + 4
  for (const cut of [end, end + 1, request.length - 1]) {
    const wire = await Wire.open(fleet.port)
    wire.write(request.slice(0, cut))
    // The server has seen the head when it answers somebody else who came later.
    await askOnce(fleet.port, 'GET /healthz HTTP/1.1\r\nhost: godwit\r\n\r\n')
    wire.write(request.slice(cut))
    expect(await wire.next()).toBe(expected)
    wire.close()
  }
  const gone = await Wire.open(fleet.port)
  gone.write(request.slice(0, -1))
  await askOnce(fleet.port, 'GET /healthz HTTP/1.1\r\nhost: godwit\r\n\r\n')
  gone.close()
  expect(await askOnce(fleet.port, request)).toBe(expected)
  expect(fleet.server.log()).not.toMatch(/"level":[56]0/)
  await fleet.server.close()
})
