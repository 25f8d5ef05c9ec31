import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { jumpingClock } from '../../../test/support/jumping-clock.ts'
import { json, type RawReply, type RawRequest, rawHttpServer, reply } from '../../../test/support/raw-http-server.ts'
import { SpokeZoneDevice, type SpokeZoneDeviceOptions } from './spoke-zone-device.ts'
import { SpokeZoneV1Device } from './spoke-zone-v1-device.ts'

const NOW = Date.UTC(2026, 0, 5)
const FILE = Buffer.alloc(100_000, 'display firmware ')
const SHA256 = createHash('sha256').update(FILE).digest('hex')
const ETAG = `"sha256-${SHA256}"`
const LIST = '/api/v2/ota-files?module=display-app&isActive=1'

const tokenFor = (hoursLeft: number): string => {
  const payload = Buffer.from(JSON.stringify({ exp: NOW / 1000 + hoursLeft * 3600 })).toString('base64url')
  return `eyJhbGciOiJIUzI1NiJ9.${payload}.sig${hoursLeft}`
}
const TOKEN = tokenFor(100)

const listed = (id: string, version: string, rest: object = {}): object => ({
  id,
  version,
  module: 'display-app',
  isActive: true,
  modelId: 7,
  moduleId: 11,
  releaseNotes: '',
  sha256: SHA256,
  size: FILE.length,
  ...rest,
})
const LISTED = [listed('12345', '1.2.3'), listed('67890', '1.10.0'), listed('67891', '1.9.0')]

/** The file as the contract has it: one Range, If-Range, 416. */
function fileReply(request: RawRequest, file: Buffer = FILE): RawReply {
  const headers = [`ETag: ${ETAG}`, 'Accept-Ranges: bytes', 'Content-Type: application/octet-stream']
  const from = /^bytes=([0-9]+)-$/.exec(request.header('range') ?? '')?.[1]
  if (from === undefined || (request.header('if-range') ?? ETAG) !== ETAG)
    return { bytes: reply('200 OK', headers, file) }
  const rest = file.subarray(Number(from))
  const range = `Content-Range: bytes ${from}-${file.length - 1}/${file.length}`
  return { bytes: reply('206 Partial Content', [...headers, range], rest) }
}

function server(answers: { list?: () => Buffer; file?: (request: RawRequest) => RawReply; login?: () => Buffer } = {}) {
  return rawHttpServer((request) => {
    if (request.path === '/loginDevice') return { bytes: answers.login?.() ?? json('400 Bad Request', { errors: [] }) }
    if (request.path.endsWith('/file')) return (answers.file ?? fileReply)(request)
    return { bytes: answers.list?.() ?? json('200 OK', LISTED) }
  })
}

function options(url: string, more: Partial<SpokeZoneDeviceOptions> = {}): SpokeZoneDeviceOptions {
  return {
    url,
    credentials: { token: TOKEN, cpuId: 'c-1', uuid: 'u-1' },
    module: 'display-app',
    version: '1.2.3',
    retryScheduleMs: [],
    clock: jumpingClock(NOW),
    timeouts: { connectMs: 5_000, headMs: 5_000, bodyMs: 5_000 },
    ...more,
  }
}

const device = (url: string, more: Partial<SpokeZoneDeviceOptions> = {}): SpokeZoneDevice =>
  new SpokeZoneDevice(options(url, more))

describe('an update', () => {
  it('[spoke-zone 3] lists its module’s active files, takes the highest version and verifies it', async () => {
    const host = await server()
    const display = device(host.url)
    const outcome = await display.run()
    expect(outcome).toMatchObject({ kind: 'updated', version: '1.10.0', sha256: SHA256, size: 100_000, downloads: 1 })
    expect(display.flash.runningBytes()).toEqual(FILE)
    expect(host.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      `GET ${LIST}`,
      'GET /api/v2/ota-files/67890/file',
    ])
    for (const request of host.requests) {
      expect(request.header('x-access-token')).toBe(TOKEN)
      expect(request.header('authorization')).toBeUndefined()
    }
    expect(await display.run()).toMatchObject({ kind: 'up-to-date', version: '1.10.0', downloads: 0 })
  })

  it.each<[string, unknown, object]>([
    ['an empty list', [], { kind: 'nothing' }],
    ['inactive files alone', [listed('1', '9.0.0', { isActive: false })], { kind: 'nothing' }],
    ['another module’s', [listed('1', '9.0.0', { module: 'can-controller1' })], { kind: 'nothing' }],
    ['older versions', [listed('1', '1.2.2')], { kind: 'up-to-date' }],
    ['a version that is no SemVer', [listed('1', 'spring')], { kind: 'nothing' }],
    ['a prerelease of what runs', [listed('1', '1.2.3-rc.1')], { kind: 'up-to-date' }],
    ['numeric ids', [{ ...listed('1', '1.3.0'), id: 67890 }], { kind: 'updated', version: '1.3.0' }],
    ['no digests', [listed('1', '1.3.0', { sha256: undefined, size: undefined })], { kind: 'updated' }],
    ['another digest', [listed('1', '1.3.0', { sha256: '0'.repeat(64) })], { kind: 'failed', code: 'sha256-mismatch' }],
    ['another size', [listed('1', '1.3.0', { size: 99 })], { kind: 'failed', code: 'size-mismatch' }],
    ['an envelope', { items: LISTED }, { kind: 'failed', code: 'bad-list' }],
    ['isActive as a number', [listed('1', '1.3.0', { isActive: 1 })], { kind: 'failed', code: 'bad-list' }],
    ['v1 names', [{ firmware_id: '1', version_number: '2.0.0', isActive: true }], { kind: 'failed', code: 'bad-list' }],
  ])('given %s', async (_what, list, expected) => {
    const host = await server({ list: () => json('200 OK', list) })
    expect(await device(host.url).run()).toMatchObject(expected)
  })

  it.each<[string, RawReply, object]>([
    ['404', { bytes: json('404 Not Found', { errors: [] }) }, { code: 404 }],
    [
      'chunked',
      { bytes: reply('200 OK', ['Transfer-Encoding: chunked'], '1\r\nx\r\n0\r\n\r\n') },
      { code: 'no-length' },
    ],
    ['without length', { bytes: 'HTTP/1.1 200 OK\r\n\r\nabc', end: true }, { code: 'no-length' }],
    [
      'short, whenever it is asked for',
      { bytes: reply('200 OK', ['Content-Length: 100000'], 'abc'), end: true },
      { code: 'broken' },
    ],
    ['of other bytes', { bytes: reply('200 OK', [], Buffer.alloc(100_000)) }, { code: 'sha256-mismatch' }],
    ['a redirect', { bytes: reply('302 Found', ['Location: http://127.0.0.1:1/']) }, { code: 302 }],
    ['a part nobody asked for', { bytes: reply('206 Partial Content', [], FILE) }, { code: 'bad-range' }],
  ])('refuses a file that is %s', async (_what, file, expected) => {
    const host = await server({ file: () => file })
    const display = device(host.url)
    expect(await display.run()).toMatchObject({ kind: 'failed', version: '1.2.3', ...expected })
    expect(display.flash.running).toBeUndefined()
  })
})

describe('a broken download', () => {
  it('[spoke-zone 4.13] goes on by Range under the same ETag', async () => {
    let first = true
    const host = await server({
      file: (request) => {
        const whole = fileReply(request)
        if (!first) return whole
        first = false
        return { bytes: Buffer.from(whole.bytes).subarray(0, 60_000), end: true }
      },
    })
    const display = device(host.url)
    expect(await display.run()).toMatchObject({ kind: 'updated', downloads: 2, sha256: SHA256 })
    const [, , resumed] = host.requests
    const got = Number(/^bytes=([0-9]+)-$/.exec(resumed?.header('range') ?? '')?.[1])
    expect(got).toBeGreaterThan(0)
    expect(got).toBeLessThan(60_000)
    expect(resumed?.header('if-range')).toBe(ETAG)
    expect(display.flash.runningBytes()).toEqual(FILE)
  })

  it('is cut by the device itself at the byte that was asked for', async () => {
    const host = await server()
    expect(await device(host.url, { cutAt: 12_345 }).run()).toMatchObject({ kind: 'updated', downloads: 2 })
    expect(host.requests[2]?.header('range')).toBe('bytes=12345-')
  })

  it('takes the time that its speed asks for, resumption included', async () => {
    const clock = jumpingClock(NOW)
    const host = await server()
    expect(await device(host.url, { bytesPerSecond: 50_000, cutAt: 40_000, clock }).run()).toMatchObject({
      downloads: 2,
    })
    expect(clock.now() - NOW).toBeGreaterThanOrEqual(1_999)
  })

  it('starts over when the server sends the whole file again', async () => {
    const host = await server({ file: () => ({ bytes: reply('200 OK', [`ETag: ${ETAG}`], FILE) }) })
    expect(await device(host.url, { cutAt: 500 }).run()).toMatchObject({
      kind: 'updated',
      downloads: 2,
      sha256: SHA256,
    })
  })

  it('starts over without Range when told to', async () => {
    const host = await server()
    expect(await device(host.url, { cutAt: 500, resume: false }).run()).toMatchObject({ kind: 'updated', downloads: 2 })
    expect(host.requests[2]?.header('range')).toBeUndefined()
  })

  it.each([
    ['that starts elsewhere', 'bytes 499-99999/100000', FILE.subarray(499)],
    ['of another file', 'bytes 500-99999/100001', FILE.subarray(500)],
    ['of another length', 'bytes 500-99999/100000', FILE.subarray(501)],
    ['without a range', 'bytes */100000', FILE.subarray(500)],
  ])('refuses a part %s', async (_what, contentRange, part) => {
    const host = await server({
      file: (request) =>
        request.header('range') === undefined
          ? fileReply(request)
          : { bytes: reply('206 Partial Content', [`Content-Range: ${contentRange}`, `ETag: ${ETAG}`], part) },
    })
    expect(await device(host.url, { cutAt: 500 }).run()).toMatchObject({ kind: 'failed', code: 'bad-range' })
  })
})

describe('[spoke-zone 5] tokens', () => {
  const unauthenticated = json('401 Unauthorized', { errors: [{ type: 'unauthenticated' }] })

  it('renews with the initial token after a 401, and repeats the request once', async () => {
    const fresh = tokenFor(167)
    let refused = 0
    const host = await rawHttpServer((request) => {
      if (request.path === '/loginDevice') return { bytes: json('201 Created', { token: fresh }) }
      if (request.header('x-access-token') !== fresh) {
        refused += 1
        return { bytes: unauthenticated }
      }
      return request.path.endsWith('/file') ? fileReply(request) : { bytes: json('200 OK', LISTED) }
    })
    const display = device(host.url)
    expect(await display.run()).toMatchObject({ kind: 'updated' })
    expect([refused, display.logins]).toEqual([1, 1])
    const login = host.requests[1]
    expect(login?.method).toBe('POST')
    expect(login?.header('x-access-token')).toBeUndefined()
    expect(JSON.parse(login?.body.toString() ?? '')).toEqual({ token: TOKEN, cpu_id: 'c-1', uuid: 'u-1' })
  })

  it('takes a second 401 as final', async () => {
    const host = await server({
      list: () => unauthenticated,
      login: () => json('201 Created', { token: tokenFor(167) }),
    })
    expect(await device(host.url).run()).toMatchObject({ kind: 'failed', code: 401 })
    expect(host.requests.map(({ path }) => path)).toEqual([LIST, '/loginDevice', LIST])
  })

  it('fails when the renewal is refused', async () => {
    const host = await server({ list: () => unauthenticated })
    expect(await device(host.url).run()).toMatchObject({ kind: 'failed', code: 400 })
  })

  it('has no way to renew without cpu_id and uuid', async () => {
    const host = await server({ list: () => unauthenticated })
    expect(await device(host.url, { credentials: { token: TOKEN } }).run()).toMatchObject({ kind: 'failed', code: 401 })
    expect(host.requests).toHaveLength(1)
  })

  it.each([
    [13, 0],
    [12, 1],
    [-5, 1],
  ])('with %i hours left asks for %i renewals before the list', async (hoursLeft, logins) => {
    const host = await server({ login: () => json('201 Created', { token: tokenFor(167) }) })
    const display = device(host.url, { credentials: { token: tokenFor(hoursLeft), cpuId: 'c-1', uuid: 'u-1' } })
    expect(await display.run()).toMatchObject({ kind: 'updated' })
    expect(display.logins).toBe(logins)
    expect(host.requests[0]?.path).toBe(logins === 0 ? LIST : '/loginDevice')
  })

  it('logs in at start as the SDK does, and keeps its token when it is still valid', async () => {
    const host = await server({ login: () => json('200 OK', { status: 'ok', message: 'Token is still valid' }) })
    const display = device(host.url, { loginAtStart: true })
    expect(await display.run()).toMatchObject({ kind: 'updated' })
    expect(await display.run()).toMatchObject({ kind: 'up-to-date' })
    expect(display.logins).toBe(1)
    expect(host.requests[1]?.header('x-access-token')).toBe(TOKEN)
  })
})

describe('[spoke-zone 5] retries', () => {
  it.each(['503 Busy', '500 Oops', '429 Slow Down'])('wait 15, 30 and 60 s after %s', async (status) => {
    let answered = 0
    const clock = jumpingClock(NOW)
    const host = await server({
      list: () => {
        answered += 1
        return answered < 4 ? json(status, {}) : json('200 OK', LISTED)
      },
    })
    expect(await device(host.url, { retryScheduleMs: [15_000, 30_000, 60_000], clock }).run()).toMatchObject({
      kind: 'updated',
    })
    expect(clock.slept).toEqual([15_000, 30_000, 60_000])
  })

  it('give up after the fourth attempt, also where nobody listens', async () => {
    const host = await server()
    await host.close()
    const clock = jumpingClock(NOW)
    expect(await device(host.url, { retryScheduleMs: [15_000, 30_000, 60_000], clock }).run()).toMatchObject({
      kind: 'failed',
      code: 'connect',
    })
    expect(clock.slept).toHaveLength(3)
  })

  it('do not happen after 403', async () => {
    const clock = jumpingClock(NOW)
    const host = await server({ list: () => json('403 Forbidden', {}) })
    expect(await device(host.url, { retryScheduleMs: [1], clock }).run()).toMatchObject({ kind: 'failed', code: 403 })
    expect(clock.slept).toEqual([])
  })
})

describe('[spoke-zone 3.D] v1', () => {
  const FIRMWARE = '/api/v1/deviceUser/read-only/models/firmware'
  const v1 = (id: string, version: string, module = 'display-app'): object => {
    const { id: _id, version: _version, ...rest } = { id: '', version: '', ...listed('', '') }
    return { firmware_id: id, version_number: version, ...rest, module }
  }

  it('reads the old names and paths, and picks its module itself', async () => {
    const host = await rawHttpServer((request) =>
      request.path === FIRMWARE
        ? { bytes: json('200 OK', [v1('67890', '1.3.0'), v1('70001', '9.0.0', 'can-controller1')]) }
        : fileReply(request),
    )
    const display = new SpokeZoneV1Device(options(host.url))
    expect(display.protocol).toBe('spoke-zone-v1')
    expect(await display.run()).toMatchObject({ kind: 'updated', version: '1.3.0', sha256: SHA256 })
    expect(host.requests.map(({ path }) => path)).toEqual([FIRMWARE, `${FIRMWARE}/67890`])
  })

  it('cannot read a v2 list', async () => {
    const host = await rawHttpServer(() => ({ bytes: json('200 OK', LISTED) }))
    expect(await new SpokeZoneV1Device(options(host.url)).run()).toMatchObject({ kind: 'failed', code: 'bad-list' })
  })
})
