import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { type RawReply, rawHttpServer, reply } from '../../../test/support/raw-http-server.ts'
import { IotaapEsp8266, type IotaapEsp8266Options } from './iotaap-esp8266.ts'

const DEVICE = { id: '5e1b57808711f904f5df4bad', token: 'FSXuSmJRiJ4v' }
const IMAGE = Buffer.concat([Buffer.of(0xe9, 1, 2, 0x40), Buffer.alloc(9_000, 'sketch')])
const PACKED = gzipSync(IMAGE)
const PATIENT = { connectMs: 5_000, latestHeadMs: 5_000, downloadHeadMs: 5_000, stallMs: 5_000 }
const md5 = createHash('md5').update(IMAGE).digest('hex')

const closing = (status: string, headers: readonly string[], body: string | Uint8Array): RawReply => ({
  bytes: reply(status, ['Connection: close', ...headers], body),
  end: true,
})
const offer = closing('200 OK', [], '{"ver":"1.2.7"}')

function server(onDownload: RawReply) {
  return rawHttpServer(({ path }) => (path.includes('/latest/') ? offer : onDownload))
}

function device(url: string, options: Partial<IotaapEsp8266Options> = {}): IotaapEsp8266 {
  return new IotaapEsp8266({ url, device: DEVICE, version: '1.0.0', timeouts: PATIENT, ...options })
}

describe('[iotaap 4.6] ESP8266', () => {
  it('sends exactly the requests of its libraries', async () => {
    const host = await server(closing('200 OK', [`x-MD5: ${md5.toUpperCase()}`], IMAGE))
    const esp = device(host.url)
    expect(await esp.run()).toMatchObject({ kind: 'updated', version: '1.2.7', downloads: 1, size: IMAGE.length })
    expect(esp.flash.runningBytes()).toEqual(IMAGE)

    const hostHeader = `Host: ${host.url.slice('http://'.length)}`
    const [asked, downloaded] = host.requests
    expect(asked?.version).toBe('HTTP/1.1')
    expect(asked?.headers).toEqual([
      hostHeader,
      'User-Agent: ESP8266HTTPClient',
      'Accept-Encoding: identity;q=1,chunked;q=0.1,*;q=0',
      'Connection: keep-alive',
      'Content-Length: 0',
    ])
    expect(downloaded?.version).toBe('HTTP/1.0')
    expect(downloaded?.headers.map((line) => line.split(':')[0])).toEqual([
      'Host',
      'User-Agent',
      'Connection',
      ...['Chip-ID', 'STA-MAC', 'AP-MAC', 'free-space', 'sketch-size', 'sketch-md5'].map((name) => `x-ESP8266-${name}`),
      ...['chip-size', 'sdk-version', 'mode', 'version'].map((name) => `x-ESP8266-${name}`),
      'Content-Length',
    ])
    expect(downloaded?.header('x-ESP8266-mode')).toBe('sketch')
    expect(downloaded?.header('x-ESP8266-version')).toBe('1.0.0')
  })

  it.each<[string, RawReply, object]>([
    ['a packed image', closing('200 OK', [], PACKED), { kind: 'updated' }],
    ['another first byte', closing('200 OK', [], 'MZ'), { kind: 'failed', code: -106 }],
    ['a wrong MD5', closing('200 OK', [`x-MD5: ${'0'.repeat(32)}`], IMAGE), { kind: 'failed', code: 7 }],
    ['401', closing('401 Unauthorized', [], ''), { kind: 'failed', code: -108 }],
    ['404', closing('404 Not Found', [], '{}'), { kind: 'failed', code: -102 }],
    ['304', closing('304 Not Modified', [], ''), { kind: 'nothing' }],
    ['no length', { bytes: 'HTTP/1.1 200 OK\r\n\r\n', end: true }, { kind: 'failed', code: -101 }],
  ])('takes %s', async (_what, onDownload, expected) => {
    const host = await server(onDownload)
    expect(await device(host.url).run()).toMatchObject(expected)
  })

  it.each<[string, RawReply, object]>([
    ['x-version', closing('200 OK', ['x-version: 1.2.7'], IMAGE), { kind: 'version', version: '1.2.7' }],
    ['no x-version', closing('200 OK', [], IMAGE), { kind: 'failed', code: -109 }],
    ['404', closing('404 Not Found', ['x-version: 1.2.7'], '{}'), { kind: 'failed', code: -102 }],
  ])('mode version answered with %s', async (_what, onDownload, expected) => {
    const host = await server(onDownload)
    expect(await device(host.url).serverVersion()).toMatchObject(expected)
    expect(host.requests[0]?.header('x-ESP8266-mode')).toBe('version')
  })

  it('asks by mode version and downloads only another one', async () => {
    const host = await server(closing('200 OK', ['x-version: 1.2.7'], IMAGE))
    const esp = device(host.url, { ask: 'version' })
    expect(await esp.run()).toMatchObject({ kind: 'updated', version: '1.2.7' })
    expect(await esp.run()).toMatchObject({ kind: 'up-to-date', downloads: 0 })
    expect(host.requests.map((request) => request.header('x-ESP8266-mode'))).toEqual(['version', 'sketch', 'version'])
  })
})
