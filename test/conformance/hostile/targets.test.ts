import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { expectRefusal, Victim } from './victim.ts'

let victim: Victim
beforeAll(async () => {
  victim = await Victim.start()
})
afterAll(() => victim.close())
afterEach(() => victim.expectUnharmed())

/** Where a hostile segment is put, with the credentials of the owner, so that nothing but the path is wrong. */
const PLACES = {
  'management API device': (segment: string) => `/api/godwit/v1/devices/${segment}`,
  'management API file': (segment: string) => `/api/godwit/v1/firmware/${segment}/file`,
  'Spoke.Zone file': (segment: string) => `/api/v2/ota-files/${segment}/file`,
  'Spoke.Zone v1 file': (segment: string) => `/api/v1/deviceUser/read-only/models/firmware/${segment}`,
  'IoTaaP download': (segment: string) => `/v1/ota/device/download/${segment}`,
  'IoTaaP latest': (segment: string) => `/v1/ota/group/latest/${segment}`,
  'IoTaaP device': (segment: string) => `/v1/devices/${segment}`,
  'EnOS session': (segment: string) => `/auth/${segment}/dk`,
  'EnOS topic': (segment: string) => `/topic/sys/pk/${segment}/ota/device/inform`,
  'EnOS file': (segment: string) => `/multipart/sys/pk/${segment}/file/download`,
  'EnOS signed file': (segment: string) => `/multipart/signed/${segment}/x.bin`,
  'native artifact': (segment: string) => `/device/v1/artifacts/${segment}`,
  'the first segment': (segment: string) => `/${segment}`,
} as const

const SEGMENTS = {
  'a way up, encoded': '..%2f..%2f..%2fetc%2fpasswd',
  'a way up, encoded twice': '..%252f..%252fetc%252fpasswd',
  'a way up with backslashes': '..%5c..%5cetc%5cpasswd',
  'backslashes as they are': '..\\..\\etc\\passwd',
  'an encoded NUL': 'x%00y',
  'a broken encoding': '%zz',
  'half an encoding': 'x%',
  'invalid UTF-8, encoded': '%c3%28',
  'an overlong slash': '%c0%af',
  'a surrogate, encoded': '%ed%a0%80',
  'bytes beyond ASCII': '\xe4\xf6\xfc\xff',
  'an emoji, encoded': '%F0%9F%92%A9',
  dots: '...',
  'one dot, encoded': '%2e',
  '10,000 characters': 'a'.repeat(10_000),
  '1,500 encoded slashes': '%2f'.repeat(1_500),
  'a line break, encoded': 'x%0d%0aset-cookie:%20a=b',
  'a quote and a tag': '"%3Cscript%3Ealert(1)%3C/script%3E',
  'a statement': "x'%20or%20'1'='1",
  'a number beyond all': '9'.repeat(400),
  'a negative number': '-1',
  __proto__: '__proto__',
  'a semicolon': 'x;y=z',
  'a colon': ':id',
  'a star': '*',
} as const

/** Every credential at once: each protocol looks at its own. */
function credentials(): string[] {
  const { bearer, zoneToken } = victim.tenant
  return [`authorization: Bearer ${bearer}`, `x-access-token: ${zoneToken}`]
}

function get(target: string, method = 'GET'): string {
  return [`${method} ${target} HTTP/1.1`, 'Host: test', ...credentials(), 'Connection: close', '', ''].join('\r\n')
}

describe.each(Object.entries(PLACES))('%s', (_place, pathOf) => {
  it.each(Object.entries(SEGMENTS))('%s is refused', async (_name, segment) => {
    const path = pathOf(segment)
    for (const method of ['GET', 'HEAD', 'POST', 'DELETE']) {
      const { answers, rest, ended } = await victim.attack(get(path, method), { isHead: method === 'HEAD' })
      expect(rest, `${method} ${path}`).toBe('')
      expect(ended).toBe('closed')
      expect(answers).toHaveLength(1)
      if (method !== 'HEAD') expectRefusal(answers[0], path)
      expect(answers[0]?.status).toBeLessThan(500)
      expect([...(answers[0]?.headers.keys() ?? [])]).not.toContain('set-cookie')
    }
  })
})

describe('slashes and dots between segments', () => {
  it.each([
    ['//api/v2/ota-files', 200],
    ['/api//v2///ota-files', 200],
    ['/api/v2/ota-files/', 200],
    ['/./api/v2/ota-files', 404],
    ['/x/../api/v2/ota-files', 404],
    ['/api/v2/../godwit/v1/devices', 404],
    ['/api\\v2\\ota-files', 404],
    ['/API/V2/ota-files', 404],
    ['/api/v2/ota-files%2f', 404],
    ['/api/v2/ota-files#x', 200],
  ])('%s is answered %i', async (target, status) => {
    const { answers } = await victim.attack(get(target))
    expect(answers.map((answer) => answer.status)).toEqual([status])
    if (status !== 200) expectRefusal(answers[0], target)
  })
})

describe('request targets of other forms', () => {
  it.each([
    ['GET http://elsewhere/api/v2/ota-files', 200],
    ['GET http://user:secret@elsewhere:99/api/v2/ota-files', 200],
    ['GET https://elsewhere//api/v2/ota-files', 200],
    ['GET http://elsewhere', 302],
    ['GET http:///', 302],
    ['GET ftp://elsewhere/api/v2/ota-files', 404],
    ['GET elsewhere:80', 400],
    ['GET api/v2/ota-files', 400],
    ['GET ?x', 400],
    ['OPTIONS *', 404],
  ])('%s', async (line, status) => {
    const [method = '', target = ''] = line.split(' ')
    const { answers, ended } = await victim.attack(get(target, method))
    expect(ended).toBe('closed')
    expect(answers.map((answer) => answer.status)).toEqual([status])
  })

  it('CONNECT opens no tunnel', async () => {
    const { answers, ended } = await victim.attack('CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n')
    expect(ended).not.toBe('open')
    for (const answer of answers) expect(answer.status).toBeGreaterThanOrEqual(400)
  })

  it('an upgrade is not followed', async () => {
    const lines = ['GET /healthz HTTP/1.1', 'Host: test', 'Connection: Upgrade', 'Upgrade: websocket', '', '']
    const { answers } = await victim.attack(lines.join('\r\n'), { answers: 1 })
    expect(answers.map((answer) => answer.status)).toEqual([200])
  })
})
