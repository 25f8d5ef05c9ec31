import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { jumpingClock } from '../../../test/support/jumping-clock.ts'
import { type RawReply, type RawRequest, rawHttpServer, reply } from '../../../test/support/raw-http-server.ts'
import type { DeviceEvent } from '../device.ts'
import { HashOnlyFlash } from '../flash.ts'
import { esp32Image } from '../images/esp32-image.ts'
import { IotaapEsp32, type IotaapEsp32Options } from './iotaap-esp32.ts'

const DEVICE = { id: '5e1b57808711f904f5df4bad', token: 'FSXuSmJRiJ4v' }
const GROUP = { id: '5e24a2d05cde30ff0a1ed6aa', token: '0123456789abcdef' }
const LATEST = `/v1/ota/device/latest/${DEVICE.id}`
const IMAGE = esp32Image({ version: '1.2.7', project: 'magnolia', size: 40_000 })
const PATIENT = { connectMs: 5_000, latestHeadMs: 5_000, downloadHeadMs: 5_000, stallMs: 5_000 }
const IMPATIENT_AT_LATEST = { timeouts: { latestHeadMs: 100, stallMs: 100 } }
const IMPATIENT_AT_DOWNLOAD = { timeouts: { downloadHeadMs: 100, stallMs: 100 } }
const CLOSE = 'Connection: close'

const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex')
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const ended = (bytes: Uint8Array): RawReply => ({ bytes, end: true })
const latest = (body: string, headers: readonly string[] = [CLOSE]): RawReply => ended(reply('200 OK', headers, body))
const offer = latest('{"ver":"1.2.7"}')
const goodDownload = ended(
  reply('200 OK', [CLOSE, `x-MD5: ${md5(IMAGE)}`, `x-SHA256: ${sha256(IMAGE)}`, 'x-version: 1.2.7'], IMAGE),
)

/** Answers latest and download requests, on the device's and the group's paths alike. */
function server(onLatest: RawReply | undefined, onDownload: RawReply | undefined = goodDownload) {
  return rawHttpServer((request: RawRequest) => (request.path.includes('/latest/') ? onLatest : onDownload))
}

function device(url: string, options: Partial<IotaapEsp32Options> = {}): IotaapEsp32 {
  return new IotaapEsp32({ url, device: DEVICE, version: '1.0.0', timeouts: PATIENT, ...options })
}

describe('an update', () => {
  it('[iotaap 4.4] sends exactly the requests of the client and boots the new image', async () => {
    const host = await server(offer)
    const events: DeviceEvent[] = []
    const esp = device(host.url, { onEvent: (event) => events.push(event) })
    const outcome = await esp.run()

    expect(outcome).toMatchObject({
      kind: 'updated',
      version: '1.2.7',
      sha256: sha256(IMAGE),
      size: 40_000,
      downloads: 1,
    })
    expect(outcome.responses).toEqual([201])
    expect(esp.flash.runningBytes()).toEqual(Buffer.from(IMAGE))
    expect(events.map(({ phase }) => phase).filter((phase, at, all) => phase !== all[at - 1])).toEqual([
      'checking',
      'offered',
      'downloading',
      'verifying',
      'installing',
      'rebooted',
    ])

    const hostHeader = `Host: ${host.url.slice('http://'.length)}`
    const [asked, downloaded] = host.requests
    expect([asked?.method, asked?.path, asked?.version]).toEqual(['GET', LATEST, 'HTTP/1.1'])
    expect(asked?.headers).toEqual([
      hostHeader,
      'User-Agent: ESP32HTTPClient',
      'Connection: keep-alive',
      'Accept-Encoding: identity;q=1,chunked;q=0.1,*;q=0',
    ])
    expect([downloaded?.path, downloaded?.version, downloaded?.connection]).toEqual([
      `/v1/ota/device/download/${DEVICE.id}${DEVICE.token}`,
      'HTTP/1.0',
      1,
    ])
    expect(downloaded?.headers).toEqual([
      hostHeader,
      'User-Agent: ESP32-http-Update',
      'Connection: close',
      'Cache-Control: no-cache',
      expect.stringMatching(/^x-ESP32-STA-MAC: 34:85:18(:[0-9A-F]{2}){3}$/),
      expect.stringMatching(/^x-ESP32-AP-MAC: 34:85:18(:[0-9A-F]{2}){3}$/),
      'x-ESP32-free-space: 1310720',
      'x-ESP32-sketch-size: 16384',
      expect.stringMatching(/^x-ESP32-sketch-md5: [0-9a-f]{32}$/),
      expect.stringMatching(/^x-ESP32-sketch-sha256: [0-9A-F]{64}$/),
      'x-ESP32-chip-size: 4194304',
      'x-ESP32-sdk-version: v4.4.4',
      'x-ESP32-mode: sketch',
    ])
  })

  it('stays on the next check, and tells the new sketch with the next download', async () => {
    let version = '1.2.7'
    const host = await rawHttpServer(({ path }) =>
      path.includes('/latest/') ? latest(JSON.stringify({ ver: version })) : goodDownload,
    )
    const esp = device(host.url)
    await esp.run()
    expect(await esp.run()).toMatchObject({ kind: 'up-to-date', code: 202, downloads: 0, responses: [202] })
    version = '1.2.8'
    // [iotaap R4] a version that is not the compiled-in one is flashed again and again
    for (let round = 0; round < 2; round += 1) {
      const outcome = await esp.run()
      expect(outcome).toMatchObject({ kind: 'updated', version: '1.2.7' })
      expect(outcome.detail).toContain('calls itself 1.2.7')
    }
    const last = host.requests.at(-1)
    expect(last?.header('x-ESP32-sketch-md5')).toBe(md5(IMAGE))
    expect(last?.header('x-ESP32-sketch-sha256')).toBe(Buffer.from(IMAGE.subarray(-32)).toString('hex').toUpperCase())
  })

  it('doubles the slash of a base address that ends with one', async () => {
    const host = await server(offer)
    await device(`${host.url}/`).run()
    expect(host.requests.map(({ path }) => path.slice(0, 8))).toEqual(['//v1/ota', '//v1/ota'])
  })

  it('mode (a): asks only the group’s paths', async () => {
    const host = await server(offer)
    expect(await device(host.url, { group: GROUP }).run()).toMatchObject({ kind: 'updated' })
    expect(host.requests.map(({ path }) => path)).toEqual([
      `/v1/ota/group/latest/${GROUP.id}`,
      `/v1/ota/group/download/${GROUP.id}${GROUP.token}`,
    ])
  })

  it('closes the connection itself when the reply says so, without waiting for the server', async () => {
    const host = await rawHttpServer(() => ({ bytes: reply('404 Not Found', [CLOSE], '{}') }))
    await device(host.url).run()
    await expect.poll(() => host.endedByClient).toBe(1)
  })

  it('takes its time where it is slow', async () => {
    const host = await server(offer)
    const clock = jumpingClock(0)
    await device(host.url, { bytesPerSecond: 10_000, clock }).run()
    expect(clock.now()).toBeCloseTo(4_000)
  })

  it('keeps only digests in a flash that hashes', async () => {
    const host = await server(offer)
    const outcome = await device(host.url, { flash: new HashOnlyFlash() }).run()
    expect(outcome).toMatchObject({ kind: 'updated', version: '1.2.7', sha256: sha256(IMAGE) })
  })
})

describe('[iotaap 4.5] the latest reply', () => {
  it.each<[string, RawReply, object, Partial<IotaapEsp32Options>?]>([
    ['the same version', latest('{"ver":"1.0.0"}'), { kind: 'up-to-date', code: 202, downloads: 0, responses: [202] }],
    ['an older version', latest('{"ver":"0.9.0"}'), { kind: 'updated', downloads: 1, responses: [201] }],
    ['one byte more', latest('{"ver":"v1.0.0"}'), { kind: 'updated', downloads: 1 }],
    ['a number', latest('{"ver":1}'), { kind: 'updated', downloads: 1 }],
    ['an empty object', latest('{}'), { kind: 'updated', downloads: 1 }],
    ['null', latest('{"ver":null}'), { kind: 'updated', downloads: 1 }],
    ['no JSON', latest('<html>'), { kind: 'updated', downloads: 1 }],
    ['a byte order mark', latest('\ufeff{"ver":"1.0.0"}'), { kind: 'updated', downloads: 1 }],
    ['an empty body', latest(''), { kind: 'updated', downloads: 1 }],
    [
      '404',
      ended(reply('404 Not Found', [CLOSE], '{"message":"No such device"}')),
      { kind: 'nothing', responses: [203] },
    ],
    ['500', ended(reply('500 Oops', [CLOSE], '{}')), { kind: 'failed', code: 203, downloads: 0, responses: [203] }],
    ['a redirect', ended(reply('302 Found', [CLOSE, 'Location: /v1'])), { kind: 'failed', code: 203, downloads: 0 }],
    ['silence', { bytes: '' }, { kind: 'failed', code: 203, downloads: 0 }, IMPATIENT_AT_LATEST],
    ['no HTTP', ended(Buffer.from('hello\r\n\r\n')), { kind: 'failed', code: 203, downloads: 0 }],
    [
      'a short body',
      ended(reply('200 OK', [CLOSE, 'Content-Length: 99'], '{"ver":')),
      { kind: 'failed', code: 'blocked' },
    ],
    [
      'a stalled body',
      { bytes: reply('200 OK', [CLOSE, 'Content-Length: 99'], '{') },
      { kind: 'failed', code: 'blocked' },
      IMPATIENT_AT_LATEST,
    ],
    [
      'a chunked body',
      ended(reply('200 OK', [CLOSE, 'Transfer-Encoding: chunked'], 'f\r\n{"ver":"1.2.7"}\r\n0\r\n\r\n')),
      { kind: 'failed', code: 'blocked', downloads: 0 },
    ],
  ])('with %s', async (_what, onLatest, expected, options) => {
    const host = await server(onLatest)
    expect(await device(host.url, options).run()).toMatchObject(expected)
  })

  it.each([
    [107, 'up-to-date'],
    [108, 'updated'],
  ])('with %i characters of version fits the document or reads as none', async (length, kind) => {
    const version = '9'.repeat(length)
    const host = await server(latest(JSON.stringify({ ver: version })))
    expect(await device(host.url, { version }).run()).toMatchObject({ kind })
  })

  it('cannot come from a server that is not there', async () => {
    const host = await server(offer)
    await host.close()
    expect(await device(host.url).run()).toMatchObject({ kind: 'failed', code: 203, downloads: 0 })
  })
})

describe('[iotaap 4.5] the download reply', () => {
  const withHeaders = (...headers: string[]): RawReply => ended(reply('200 OK', [CLOSE, ...headers], IMAGE))
  const status = (line: string, body: Uint8Array | string = ''): RawReply => ended(reply(line, [CLOSE], body))
  const damaged = Uint8Array.from(IMAGE, (byte, at) => (at === 20_000 ? byte ^ 1 : byte))

  it.each<[string, RawReply, object, Partial<IotaapEsp32Options>?]>([
    ['without MD5', withHeaders(), { kind: 'updated' }],
    ['without length', ended(Buffer.from(`HTTP/1.1 200 OK\r\n${CLOSE}\r\n\r\n`)), { code: -101 }],
    ['chunked', withHeaders('Transfer-Encoding: chunked'), { code: -101 }],
    ['of length 0', status('200 OK'), { code: -101 }],
    ['longer than the slot', withHeaders('Content-Length: 1310721'), { code: -100 }],
    [
      'longer than the small slot, on a large board',
      withHeaders('Content-Length: 1310721'),
      { code: 'blocked' },
      { board: '16MB' },
    ],
    ['with another first byte', status('200 OK', Buffer.from('MZ, not an image')), { code: -106 }],
    ['with the MD5 of other bytes', withHeaders(`x-MD5: ${md5(damaged)}`), { code: 7 }],
    ['with an upper-case MD5', withHeaders(`x-MD5: ${md5(IMAGE).toUpperCase()}`), { code: 7 }],
    [
      'with an upper-case MD5, later core',
      withHeaders(`x-MD5: ${md5(IMAGE).toUpperCase()}`),
      { kind: 'updated' },
      { core: '2.0.x' },
    ],
    ['with an MD5 cut short', withHeaders(`x-MD5: ${md5(IMAGE).slice(1)}`), { code: -105 }],
    ['with the SHA-256 of other bytes', withHeaders(`x-SHA256: ${sha256(damaged)}`), { kind: 'updated' }],
    [
      'with the SHA-256 of other bytes, newest core',
      withHeaders(`x-SHA256: ${sha256(damaged)}`),
      { code: 'sha256-mismatch' },
      { core: '3.x' },
    ],
    ['that boots nothing', status('200 OK', damaged), { code: 9 }],
    ['that boots nothing, unchecked', status('200 OK', damaged), { kind: 'updated' }, { verifyImage: false }],
    ['304', status('304 Not Modified'), { kind: 'nothing', code: 304 }],
    ['204', status('204 No Content'), { code: -104 }],
    ['204, newest core', status('204 No Content'), { kind: 'nothing' }, { core: '3.x' }],
    ['404', status('404 Not Found', '{}'), { code: -102 }],
    ['403', status('403 Forbidden', '{}'), { code: -103 }],
    ['401', status('401 Unauthorized', '{}'), { code: -104 }],
    ['206', status('206 Partial Content', IMAGE), { code: -104 }],
    ['301', ended(reply('301 Moved', [CLOSE, 'Location: https://elsewhere.example/'])), { code: -104 }],
    ['500', status('500 Oops', '{}'), { code: -104 }],
    ['short', ended(reply('200 OK', [CLOSE, 'Content-Length: 40000'], IMAGE.subarray(0, 20_000))), { code: 'blocked' }],
    [
      'stalled',
      { bytes: reply('200 OK', [CLOSE, 'Content-Length: 40000'], IMAGE.subarray(0, 20_000)) },
      { code: 'blocked' },
      IMPATIENT_AT_DOWNLOAD,
    ],
    ['silent', { bytes: '' }, { code: -11 }, IMPATIENT_AT_DOWNLOAD],
    ['that never begins', ended(Buffer.of()), { code: -5 }],
    ['that is no HTTP', ended(Buffer.from('hello\r\n\r\n')), { code: -7 }],
  ])('%s', async (_what, onDownload, expected, options) => {
    const host = await server(offer, onDownload)
    const esp = device(host.url, options)
    const outcome = await esp.run()
    expect(outcome).toMatchObject({ kind: 'failed', downloads: 1, ...expected })
    if (outcome.kind === 'updated') return
    expect(outcome.responses).toEqual([201, 203])
    expect(esp.version).toBe('1.0.0')
    expect(esp.flash.running).toBeUndefined()
  })

  it('[iotaap 4.3] after a faulty MD5, core 2.0.0 updates only after a reboot', async () => {
    let md5Header = 'x-MD5: short'
    const host = await rawHttpServer(({ path }) => (path.includes('/latest/') ? offer : withHeaders(md5Header)))
    const esp = device(host.url)
    await esp.run()
    md5Header = `x-MD5: ${md5(IMAGE)}`
    expect(await esp.run()).toMatchObject({ kind: 'failed', code: 0, downloads: 0 })
    esp.reboot()
    expect(await esp.run()).toMatchObject({ kind: 'updated' })
  })

  it('[iotaap 4.4] newest cores send BASE-MAC before STA-MAC', async () => {
    const host = await server(offer)
    await device(host.url, { core: '3.x' }).run()
    expect(host.requests[1]?.headers[4]).toMatch(/^x-ESP32-BASE-MAC: /)
    expect(host.requests[1]?.headers[5]).toMatch(/^x-ESP32-STA-MAC: /)
  })
})

describe('[iotaap 4.4] a latest reply that does not close', () => {
  const keptOpen: RawReply = { bytes: reply('200 OK', ['Connection: keep-alive'], '{"ver":"1.2.7"}') }

  it.each(['Connection: keep-alive', 'Connection: Close', 'Connection: keep-alive, close', 'X-None: 1'])(
    'with %s downloads on the same socket',
    async (header) => {
      const host = await server({ bytes: reply('200 OK', [header], '{"ver":"1.2.7"}') })
      expect(await device(host.url).run()).toMatchObject({ kind: 'updated' })
      expect(host.requests.map(({ connection }) => connection)).toEqual([0, 0])
    },
  )

  it('mode (b): downloads on the same socket by force', async () => {
    const host = await server({ bytes: reply('200 OK', [CLOSE], '{"ver":"1.2.7"}') })
    expect(await device(host.url).run({ mode: 'poll' })).toMatchObject({ kind: 'updated' })
    expect(host.requests.map(({ connection }) => connection)).toEqual([0, 0])
  })

  it('mode (c): sends raw MQTT down the socket and fails', async () => {
    const host = await server(keptOpen)
    const esp = device(host.url, { mqttUser: 'warpuser' })
    const outcome = await esp.run({ mode: 'triggered' })
    expect(outcome).toMatchObject({ kind: 'failed', code: -104, responses: [201, 203] })
    const topic = `/warpuser/devices/${DEVICE.id}/update-response`
    expect(topic).toHaveLength(58)
    expect(host.junk[0]?.slice(0, 74)).toBe(`\x30\x48\x00\x3a${topic}{"code":201}`)
    expect(await esp.run()).toMatchObject({ kind: 'updated' })
  })

  it('mode (d): sends raw MQTT down the socket and downloads on a new one', async () => {
    const host = await server(keptOpen)
    expect(await device(host.url).run({ mode: 'triggered-new-socket' })).toMatchObject({ kind: 'updated' })
    expect(host.requests.map(({ connection }) => connection)).toEqual([0, 1])
    await expect.poll(() => host.junk.length).toBe(1)
  })

  it.each(['poll', 'triggered'] as const)(
    'mode %s by force into a closed connection fails, the next check succeeds',
    async (mode) => {
      const host = await server(offer)
      const esp = device(host.url)
      expect(await esp.run({ mode })).toMatchObject({ kind: 'failed' })
      expect(await esp.run()).toMatchObject({ kind: 'updated' })
    },
  )
})
