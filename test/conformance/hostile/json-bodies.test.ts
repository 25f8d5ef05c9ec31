import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { JSON_ENDPOINTS } from './json-endpoints.ts'
import type { WireAnswer } from './raw-exchange.ts'
import { expectRefusal, Victim } from './victim.ts'

let victim: Victim
beforeAll(async () => {
  victim = await Victim.start()
})
afterAll(() => victim.close())
afterEach(() => victim.expectUnharmed())

/** Bytes of a body, as latin1. `member` is one that the route reads. */
const BODIES: Readonly<Record<string, (member: string) => string>> = {
  nothing: () => '',
  'an opening brace': () => '{',
  'half a string': (member) => `{"${member}":"x`,
  'text behind the end': (member) => `{"${member}":"x"} x`,
  'single quotes': (member) => `{'${member}':'x'}`,
  'no JSON at all': () => '<xml/>',
  null: () => 'null',
  true: () => 'true',
  'a number': () => '1e999',
  'a string': () => '"x"',
  'an array': () => '[]',
  'an array of objects': (member) => `[{"${member}":"x"}]`,
  '100,000 arrays in each other': () => '['.repeat(100_000) + ']'.repeat(100_000),
  '100,000 objects in each other': () => `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
  'a deep value of a member': (member) => `{"${member}":${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
  'more than 1 MiB': (member) => `{"${member}":"${'x'.repeat(2 ** 20)}"}`,
  '900 KiB of members': () => `{${Array.from({ length: 60_000 }, (_, index) => `"m${index}":${index}`).join(',')}}`,
  'an object for text': (member) => `{"${member}":{"$gt":""}}`,
  'an array for text': (member) => `{"${member}":["x","y"]}`,
  'a number beyond all for text': (member) => `{"${member}":123456789012345678901234567890e99}`,
  'the same member twice': (member) => `{"${member}":"x","${member}":["y"]}`,
  'a member __proto__': (member) => `{"${member}":{},"__proto__":{"isAdministrator":true,"${member}":"x"}}`,
  'a member constructor': (member) => `{"${member}":{},"constructor":{"prototype":{"isAdministrator":true}}}`,
  'invalid UTF-8': (member) => `{"${member}":{"\xff\xfe":"\xc3\x28"}}`,
  'a byte order mark': (member) => `\xef\xbb\xbf{"${member}":[]}`,
  'UTF-16': (member) => [...`{"${member}":"x"}`].map((letter) => `${letter}\0`).join(''),
  'half a surrogate pair': (member) => `{"${member}":{"a":"\\ud800"}}`,
  'a NUL': (member) => `{"${member}":{"a":"\\u0000"}}`,
}

describe.each(Object.entries(JSON_ENDPOINTS))('%s', (_name, endpoint) => {
  it.each(Object.entries(BODIES))('%s is no harm', async (_body, make) => {
    const { method, path, headers, member } = endpoint
    const { tenant, world } = victim
    const body = make(member)
    // A signature covers the bytes; what cannot be signed as text is refused for its signature.
    const text = Buffer.from(body, 'latin1').toString('utf8')
    const head = { 'content-type': 'application/json', ...headers?.(tenant, text, world.timestamp()) }
    const { answers, rest } = await victim.attack(
      [
        `${method} ${path(tenant)} HTTP/1.1`,
        'Host: test',
        ...Object.entries(head).map(([header, value]) => `${header}: ${value}`),
        `Content-Length: ${body.length}`,
        'Connection: close',
        '',
        body,
      ].join('\r\n'),
    )
    expect(rest).toBe('')
    expect(answers).toHaveLength(1)
    expectAnswer(answers[0], path(tenant))
  })
})

it('members of the prototype give nobody more rights', () => {
  expect(Object.hasOwn(Object.prototype, 'isAdministrator')).toBe(false)
  expect(({} as Record<string, unknown>)['isAdministrator']).toBeUndefined()
})

/** Refused, or taken without any effect: some protocols ignore what they do not know. */
function expectAnswer(answer: WireAnswer | undefined, path: string): void {
  const isLenient = /^\/(v1\/devices|connect-service|device\/v1\/(check|reports))\b/.test(path)
  if (isLenient && answer?.status === 200) return
  expectRefusal(answer, path)
}
