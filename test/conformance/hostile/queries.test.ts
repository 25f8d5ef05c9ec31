import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { signedHeaders } from '../isolation/enos-signing.ts'
import { expectRefusal, Victim } from './victim.ts'

let victim: Victim
beforeAll(async () => {
  victim = await Victim.start()
})
afterAll(() => victim.close())
afterEach(() => victim.expectUnharmed())

async function get(target: string, headers: readonly string[] = []) {
  const { bearer, zoneToken } = victim.tenant
  const lines = [
    `GET ${target} HTTP/1.1`,
    'Host: test',
    ...(headers.some((line) => line.startsWith('authorization')) ? [] : [`authorization: Bearer ${bearer}`]),
    `x-access-token: ${zoneToken}`,
    ...headers,
  ]
  const { answers, rest } = await victim.attack([...lines, 'Connection: close', '', ''].join('\r\n'))
  expect(rest).toBe('')
  const [answer] = answers
  if (!answer) throw new Error(`${target} was not answered`)
  return answer
}

describe('ranges', () => {
  const whole = () => victim.tenant.image('1.0.0').length
  const file = () => `/api/godwit/v1/firmware/${victim.tenant.firmware.firmware.id}/file`

  it.each([
    ['1,000 ranges', `bytes=${Array.from({ length: 1_000 }, (_, n) => `${n}-${n}`).join()}`, 200],
    ['1,000 overlapping ranges', `bytes=${'0-,'.repeat(1_000)}`, 200],
    ['empty ranges', 'bytes=,,,', 200],
    ['no range', 'bytes=', 200],
    ['a huge first byte', `bytes=${'9'.repeat(300)}-`, 416],
    ['a huge last byte', `bytes=0-${'9'.repeat(300)}`, 206],
    ['a huge suffix', `bytes=-${'9'.repeat(300)}`, 206],
    ['a suffix of nothing', 'bytes=-0', 416],
    ['a negative first byte', 'bytes=-5-10', 200],
    ['an inverted range', 'bytes=10-5', 200],
    ['a fraction', 'bytes=0.5-2', 200],
    ['hex', 'bytes=0x0-0x2', 200],
    ['another unit', 'lines=0-5', 200],
    ['words', 'bytes=first-last', 200],
    ['a range of 15 KiB', `bytes=0-${' '.repeat(15_000)}9`, 200],
    ['2^53 and beyond', 'bytes=9007199254740993-9007199254740995', 416],
  ])('%s', async (_name, range, status) => {
    const answer = await get(file(), [`Range: ${range}`])
    expect(answer.status).toBe(status)
    if (status === 416) {
      expectRefusal(answer, file())
      expect(answer.headers.get('content-range')).toBe(`bytes */${whole()}`)
    } else expect(answer.body.length).toBe(Number(answer.headers.get('content-length')))
    if (status === 200) expect(answer.body.length).toBe(whole())
  })

  it.each([
    ['if-none-match', `${'"x",'.repeat(3_000)}"y"`],
    ['if-none-match', '"unclosed'],
    ['if-match', 'W/'],
    ['if-range', 'Thu, 99 Nonsense'],
    ['if-modified-since', 'yesterday'],
  ])('%s: %s is no harm', async (name, value) => {
    const answer = await get(file(), [`${name}: ${value}`, 'Range: bytes=0-9'])
    expect([200, 206, 304, 412]).toContain(answer.status)
  })
})

const PARAMETERS = {
  'an array': 'limit[]=1&limit[]=2&cursor[]=x',
  'an object': 'limit[a]=1&limit[__proto__][x]=1',
  'the prototype': '__proto__[limit]=1&constructor[prototype][limit]=1&__proto__=x',
  'the same name twice': 'limit=1&limit=2',
  'names alone': 'limit&cursor&search',
  'empty values': 'limit=&cursor=&offset=',
  'no names': '=1&=2&&&===',
  'a negative number': 'limit=-1&offset=-1',
  'a fraction': 'limit=1.5&offset=1.5',
  'a number beyond all': `limit=${'9'.repeat(400)}&offset=${'9'.repeat(400)}`,
  'NaN and Infinity': 'limit=NaN&offset=Infinity',
  'hex, octal, exponents': 'limit=0x10&offset=1e3',
  'a broken encoding': 'limit=%zz&search=%&cursor=%c3%28',
  'a NUL': 'search=%00&searchTerm=%00&search_value=%00',
  'half a surrogate pair': 'search=%ed%a0%80&searchTerm=%ed%a0%80',
  'bytes beyond ASCII': 'search=\xe4\xff&searchTerm=\xe4\xff',
  wildcards: 'search=%25%25%5f&searchTerm=%25_&search_value=%25_',
  'an expression of catastrophe': `search=${'(a%2B)%2B'.repeat(200)}&searchTerm=${'(a%2B)%2B'.repeat(200)}`,
  'a statement': "search=x'%20union%20select%201--&sort=version;drop%20table%20devices&order=asc,1",
  'a foreign cursor': `cursor=${Buffer.from('asc:-1').toString('base64url')}`,
  'a cursor beyond all': `cursor=${Buffer.from(`asc:${'9'.repeat(16)}`).toString('base64url')}`,
  'a cursor of garbage': 'cursor=%F0%9F%92%A9',
  'a question mark more': '?limit=1?x',
} as const

const LISTS = {
  'management API devices': '/api/godwit/v1/devices',
  'management API firmware': '/api/godwit/v1/firmware',
  'management API events': '/api/godwit/v1/events',
  'management API updates': '/api/godwit/v1/updates',
  'Spoke.Zone list': '/api/v2/ota-files',
  'Spoke.Zone v1 list': '/api/v1/deviceUser/read-only/models/firmware',
  'IoTaaP devices': '/v1/devices',
  'IoTaaP OTAs': '/v1/ota/device',
  'IoTaaP latest': '/v1/ota/device/latest/nobody',
  'EnOS calls': '/connect-service/v2.1/ota-firmwares',
  'EnOS files': '/multipart/sys/pk/dk/file/download',
  'native wait': '/device/v1/wait',
  'nobody’s': '/nobody',
} as const

describe.each(Object.entries(LISTS))('parameters of %s', (_name, path) => {
  it.each(Object.entries(PARAMETERS))('%s: an answer below 500', async (_parameter, query) => {
    const answer = await get(`${path}?${query}`, path.startsWith('/v1') ? [iotaap()] : [])
    if (answer.status !== 200) expectRefusal(answer, path)
    if (answer.status === 200 && path.startsWith('/connect')) expectRefusal(answer, path)
  })

  it.each([
    ['3,000 short', (n: number) => `p=${n % 10}`, 3_000],
    ['1,000 different', (n: number) => `p${n}=${n}`, 1_000],
  ])('%s parameters: an answer below 500', async (_parameter, one, count) => {
    const query = Array.from({ length: count }, (_, n) => one(n)).join('&')
    const answer = await get(`${path}?${query}`, path.startsWith('/v1') ? [iotaap()] : [])
    if (answer.status !== 200) expectRefusal(answer, path)
  })

  it('10,000 parameters do not fit into a head', async () => {
    const answer = await get(`${path}?${Array.from({ length: 10_000 }, (_, n) => `p${n}=1`).join('&')}`)
    expect(answer.status).toBe(431)
  })
})

function iotaap(): string {
  return `authorization: Bearer ${victim.tenant.iotaapJwt}`
}

describe('EnOS expressions and pages', () => {
  it.each([
    ['10,000 conditions', { expression: Array.from({ length: 10_000 }, () => 'isVerified = true').join(' AND ') }],
    ['10,000 values', { expression: `productKey in (${Array.from({ length: 10_000 }, (_, n) => `'p${n}'`).join()})` }],
    ['10,000 parentheses', { expression: `${'('.repeat(10_000)}isVerified = true${')'.repeat(10_000)}` }],
    ['an unclosed string', { expression: "productKey = 'x" }],
    ['a statement', { expression: "productKey = 'x'; drop table devices" }],
    ['a field of the prototype', { expression: "constructor = 'x'" }],
    ['a field __proto__', { expression: "__proto__ = 'x'" }],
    ['a wildcard storm', { expression: `name like '${'%'.repeat(5_000)}'` }],
    ['a page beyond all', { pagination: { pageNo: 1e15, pageSize: 200 } }],
    ['a page number as text', { pagination: { pageNo: '9'.repeat(400), pageSize: '10' } }],
    ['a negative page', { pagination: { pageNo: -1, pageSize: -1 } }],
    ['a list for a page', { pagination: [] }],
    ['a sorter for a page', { pagination: { pageNo: 1, pageSize: 10, sorters: [{ field: '__proto__', order: 'x' }] } }],
  ])('%s: an answer', async (_name, body) => {
    const { tenant, world } = victim
    const query = { action: 'search', orgId: `${tenant.mark}-org-id` }
    const text = JSON.stringify(body)
    const headers = signedHeaders({
      token: tenant.accessToken,
      secret: tenant.secrets.accessSecret,
      query,
      body: text,
      timestamp: world.timestamp(),
    })
    const reply = await world.send('POST', {
      path: `/connect-service/v2.1/ota-firmwares?${new URLSearchParams(query)}`,
      headers,
      body: text,
    })
    expect(reply.status, reply.text).toBe(200)
    expect(reply.text).toMatch(/^\{"code":(0|99400|99404),/)
  })
})
