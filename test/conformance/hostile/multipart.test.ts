import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Attempt } from '../isolation/case.ts'
import { API_CASES } from '../isolation/cases/api.ts'
import { ENOS_CASES } from '../isolation/cases/enos.ts'
import { IOTAAP_CASES } from '../isolation/cases/iotaap.ts'
import { SPOKE_ZONE_CASES } from '../isolation/cases/spoke-zone.ts'
import { expectRefusal, Victim } from './victim.ts'

const UPLOADS = {
  'management API': API_CASES['POST /api/godwit/v1/firmware#form'],
  IoTaaP: IOTAAP_CASES['POST /v1/ota/device'],
  'Spoke.Zone': SPOKE_ZONE_CASES['POST /api/v2/data-files/:id/file'],
  EnOS: ENOS_CASES['POST /connect-service/v2.1/ota-firmwares#create'],
} as const

type Upload = keyof typeof UPLOADS

const BOUNDARY = '----isolation'
const TYPE = `multipart/form-data; boundary=${BOUNDARY}`

let victim: Victim
beforeAll(async () => {
  victim = await Victim.start({ http: { bodyIdleTimeoutMs: 500 } })
})
afterAll(() => victim.close())
afterEach(() => victim.expectUnharmed())

/** The upload as its own client would send it. */
function good(upload: Upload): Attempt & { readonly text: string } {
  const { tenant, world } = victim
  const attempt = UPLOADS[upload]?.request(world.parties(tenant, tenant, tenant))
  if (!attempt?.body) throw new Error(`no upload ${upload}`)
  return { ...attempt, text: Buffer.from(attempt.body).toString('latin1') }
}

interface Wire {
  /** Header lines besides those of the upload; default Content-Length of the body. */
  readonly lines?: readonly string[]
  readonly type?: string | null
}

/** The upload's head with another body. */
function request(upload: Upload, body: string, { type = TYPE, lines }: Wire = {}): string {
  const { path, headers } = good(upload)
  const head = Object.entries(headers ?? {}).filter(([name]) => name !== 'content-type' && name !== 'idempotency-key')
  return [
    `POST ${path} HTTP/1.1`,
    'Host: test',
    ...head.map(([name, value]) => `${name}: ${value}`),
    ...(type === null ? [] : [`Content-Type: ${type}`]),
    ...(lines ?? [`Content-Length: ${Buffer.byteLength(body, 'latin1')}`]),
    'Connection: close',
    '',
    body,
  ].join('\r\n')
}

const file = (name: string, content = 'x') =>
  `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"; filename="f.bin"\r\n\r\n${content}\r\n`
const text = (name: string, content = 'x') =>
  `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${content}\r\n`
const END = `--${BOUNDARY}--\r\n`
const many = (count: number, part: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => part(index)).join('')

/** What arrives in place of the body; `whole` is the one that would be taken. */
const BODIES: Readonly<Record<string, (whole: string) => { body: string; wire?: Wire }>> = {
  'no boundary in the type': (body) => ({ body, wire: { type: 'multipart/form-data' } }),
  'another boundary': (body) => ({ body, wire: { type: 'multipart/form-data; boundary=other' } }),
  'an empty boundary': (body) => ({ body, wire: { type: 'multipart/form-data; boundary=' } }),
  'a boundary of 5,000 characters': (body) => ({
    body,
    wire: { type: `multipart/form-data; boundary=${'b'.repeat(5_000)}` },
  }),
  'another multipart type': (body) => ({ body, wire: { type: `multipart/mixed; boundary=${BOUNDARY}` } }),
  'no body at all': () => ({ body: '' }),
  'only the end': () => ({ body: END }),
  'no final boundary': (body) => ({ body: body.slice(0, -END.length) }),
  'cut in the middle of a part': (body) => ({ body: body.slice(0, body.length / 2) }),
  'cut in the middle of the last boundary': (body) => ({ body: body.slice(0, -6) }),
  'line feeds alone': (body) => ({ body: body.replaceAll('\r\n', '\n') }),
  'a part without a name': () => ({ body: `--${BOUNDARY}\r\ncontent-disposition: form-data\r\n\r\nx\r\n${END}` }),
  'a part without headers': () => ({ body: `--${BOUNDARY}\r\n\r\nx\r\n${END}` }),
  'empty names': () => ({ body: text('') + file('') + END }),
  'a nested form': () => ({
    body: `--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"\r\ncontent-type: multipart/mixed; boundary=in\r\n\r\n--in\r\n\r\nx\r\n--in--\r\n${END}`,
  }),
  'a part header of 64 KiB': () => ({
    body: `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${'n'.repeat(65_536)}"\r\n\r\nx\r\n${END}`,
  }),
  '500 headers in a part': () => ({
    body: `--${BOUNDARY}\r\n${many(500, (index) => `x-${index}: y\r\n`)}\r\nx\r\n${END}`,
  }),
  '1,000 text parts': () => ({ body: many(1_000, (index) => text(`n${index}`)) + END }),
  '1,000 file parts': () => ({ body: many(1_000, (index) => file(`n${index}`)) + END }),
  'the same names a hundred times': () => ({ body: many(100, () => text('version', 'a')) + END }),
  'names from the prototype': () => ({
    body: text('__proto__', '{"isAdmin":true}') + text('constructor') + text('toString') + file('__proto__') + END,
  }),
  'a text part of 1 MiB': () => ({ body: text('version', 'v'.repeat(2 ** 20)) + END }),
  'a path for a file name': () => ({
    body: `--${BOUNDARY}\r\ncontent-disposition: form-data; name="nothing"; filename="../../../../etc/passwd"\r\n\r\nx\r\n${END}`,
  }),
  garbage: () => ({ body: '\x00\xff\x17garbage\r\n'.repeat(200) }),
  'invalid UTF-8 in names': () => ({ body: text('\xff\xfe', '\xc3\x28') + END }),
}

describe.each(Object.keys(UPLOADS) as Upload[])('%s', (upload) => {
  it.each(Object.entries(BODIES))('%s is refused', async (_name, make) => {
    const whole = good(upload)
    const { body, wire } = make(whole.text)
    const { answers, rest } = await victim.attack(request(upload, body, wire))
    expect(rest).toBe('')
    expect(answers).toHaveLength(1)
    expectRefusal(answers[0], whole.path)
  })

  it.each(['text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'application/json', 'a', '/', null])(
    'the type %s is refused',
    async (type) => {
      const whole = good(upload)
      const { answers } = await victim.attack(request(upload, whole.text, { type }))
      expect(answers).toHaveLength(1)
      expectRefusal(answers[0], whole.path)
    },
  )

  it('a body longer than announced is cut there, and what follows is no request', async () => {
    const whole = good(upload)
    const { answers } = await victim.attack(request(upload, whole.text, { lines: ['Content-Length: 200'] }))
    expectRefusal(answers[0], whole.path)
    for (const answer of answers) expect(answer.status).toBeLessThan(500)
  })

  it('a body shorter than announced ends with the connection', async () => {
    const whole = good(upload)
    const lines = [`Content-Length: ${whole.text.length + 1_000}`]
    const { answers, ended } = await victim.attack(request(upload, whole.text.slice(0, -END.length), { lines }), {
      half: true,
    })
    expect(ended).not.toBe('open')
    if (answers[0]) expectRefusal(answers[0], whole.path)
  })

  it('an upload that stalls is given up', async () => {
    const whole = good(upload)
    const lines = [`Content-Length: ${whole.text.length + 1_000}`]
    const { answers, ended } = await victim.attack(request(upload, whole.text.slice(0, -END.length), { lines }))
    expect(ended).not.toBe('open')
    if (answers[0]) expectRefusal(answers[0], whole.path)
  })

  it('an upload that breaks off leaves nothing', async () => {
    const whole = good(upload)
    const lines = ['Content-Length: 50000000']
    const part = request(upload, whole.text.slice(0, -END.length) + 'y'.repeat(500_000), { lines })
    await victim.attack(part, { patienceMs: 100 })
  })

  it.each([
    ['a size that is no number', 'zz\r\nxx\r\n0\r\n\r\n'],
    ['a negative size', '-5\r\nxx\r\n0\r\n\r\n'],
    ['a size beyond all', `${'f'.repeat(40)}\r\nxx\r\n0\r\n\r\n`],
    ['no line end', '5\r\nhelloworld\r\n0\r\n\r\n'],
    ['an extension of 100 KiB', `5;${'x'.repeat(102_400)}\r\nhello\r\n0\r\n\r\n`],
  ])('chunks with %s are refused or closed', async (_name, body) => {
    const { path } = good(upload)
    const { answers, ended } = await victim.attack(request(upload, body, { lines: ['Transfer-Encoding: chunked'] }))
    expect(ended).not.toBe('open')
    for (const answer of answers) expectRefusal(answer, path)
  })

  it('chunks that never end are given up', async () => {
    const { path } = good(upload)
    const wire = request(upload, '5\r\nhello\r\n', { lines: ['Transfer-Encoding: chunked'] })
    const { answers, ended } = await victim.attack(wire)
    expect(ended).not.toBe('open')
    for (const answer of answers) expectRefusal(answer, path)
  })
})
