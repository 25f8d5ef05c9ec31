import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { jumpingClock } from '../../../test/support/jumping-clock.ts'
import { json, type RawRequest, rawHttpServer, reply } from '../../../test/support/raw-http-server.ts'
import { EnosBackoffice } from './enos-backoffice.ts'
import { encryptionOf, signatureOf } from './enos-signing.ts'

const NOW = 1_700_000_000_000
const KEYS = { appKey: '11111111-2222-4333-8444-555555555555', appSecret: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee' }
const ENVELOPE = { code: 0, msg: 'OK', requestId: '28da9093-400f-4eb1-8cdc-83e4ec77070d', data: { firmwareId: 'f1' } }

/** Answers tokens, then what `business` says; tokens are numbered. */
function gateway(business: (request: RawRequest) => Buffer = () => json('200 OK', ENVELOPE)) {
  let tokens = 0
  return rawHttpServer((request) => {
    if (!request.path.startsWith('/apim-token-service/')) return { bytes: business(request) }
    tokens += 1
    const data = { accessToken: `tok${tokens}`, expire: 7200 }
    return { bytes: json('200 OK', { status: 0, msg: 'SUCCESS', business: 'apim-token-service', data }) }
  })
}

const program = (url: string, clock = jumpingClock(NOW)): EnosBackoffice =>
  new EnosBackoffice({ url, orgId: 'o 1', ...KEYS, clock })

describe('EnosBackoffice', () => {
  it('[enos 2.2] [enos 2.3] fetches a token and signs the decoded query', async () => {
    const host = await gateway()
    const backoffice = program(host.url)
    expect(await backoffice.getFirmware('a+b')).toEqual({
      kind: 'ok',
      data: ENVELOPE.data,
      requestId: ENVELOPE.requestId,
      status: 200,
    })
    backoffice.close()
    const [token, call] = host.requests
    expect([token?.method, token?.path]).toEqual(['POST', '/apim-token-service/v2.0/token/get'])
    expect(JSON.parse(token?.body.toString() ?? '')).toEqual({
      appKey: KEYS.appKey,
      encryption: encryptionOf(KEYS, NOW),
      timestamp: NOW,
    })
    expect([call?.method, call?.path]).toEqual([
      'GET',
      '/connect-service/v2.1/ota-firmwares?action=get&orgId=o%201&firmwareId=a%2Bb',
    ])
    expect(call?.header('apim-accesstoken')).toBe('tok1')
    expect(call?.header('apim-timestamp')).toBe(String(NOW + 1))
    const query = [
      ['action', 'get'],
      ['orgId', 'o 1'],
      ['firmwareId', 'a+b'],
    ] as const
    expect(call?.header('apim-signature')).toBe(
      signatureOf({ query }, { accessToken: 'tok1', timestamp: NOW + 1, appSecret: KEYS.appSecret }),
    )
  })

  it('signs the bytes of a JSON body, and never with the same timestamp', async () => {
    const host = await gateway()
    const backoffice = program(host.url)
    const job = { upgradeScope: { type: 'total' } }
    await backoffice.call({ api: 'ota-jobs', action: 'create', body: job })
    await backoffice.call({ api: 'ota-jobs', action: 'start', method: 'POST', query: [['jobId', 'j1']] })
    backoffice.close()
    const [, create, start] = host.requests
    const query = [
      ['action', 'create'],
      ['orgId', 'o 1'],
    ] as const
    expect(create?.header('apim-signature')).toBe(
      signatureOf(
        { query, body: Buffer.from(JSON.stringify(job)) },
        { accessToken: 'tok1', timestamp: NOW + 1, appSecret: KEYS.appSecret },
      ),
    )
    expect([start?.method, start?.header('content-length'), start?.header('content-type')]).toEqual([
      'POST',
      '0',
      undefined,
    ])
    expect(start?.header('apim-timestamp')).toBe(String(NOW + 2))
  })

  it('[enos 3.4] uploads with the signature over the query alone', async () => {
    const host = await gateway()
    const backoffice = program(host.url)
    const file = Buffer.from('bytes')
    await backoffice.createFirmware({ name: 'HC', version: '2.0', file, productKey: 'pk1', fileName: 'hc.zip' })
    backoffice.close()
    const upload = host.requests[1]
    const query = [
      ['action', 'create'],
      ['orgId', 'o 1'],
      ['productKey', 'pk1'],
    ] as const
    expect(upload?.header('apim-signature')).toBe(
      signatureOf({ query }, { accessToken: 'tok1', timestamp: NOW + 1, appSecret: KEYS.appSecret }),
    )
    const boundary = /^multipart\/form-data; boundary=(.+)$/.exec(upload?.header('content-type') ?? '')?.[1] ?? '?'
    const [, metadata, part, end] = (upload?.body.toString() ?? '').split(`--${boundary}`)
    expect(JSON.parse(metadata?.split('\r\n\r\n')[1] ?? '')).toMatchObject({
      name: { defaultValue: 'HC', i18nValue: {} },
      signMethod: 'sha256',
      sign: createHash('sha256').update(file).digest('hex'),
    })
    expect(part).toContain('name="file"; filename="hc.zip"')
    expect(part?.endsWith('\r\n\r\nbytes\r\n')).toBe(true)
    expect(end).toBe('--\r\n')
  })

  it('replaces an expired token once, and one whose time is over beforehand', async () => {
    const host = await gateway((request) =>
      request.header('apim-accesstoken') === 'tok1'
        ? json('200 OK', { code: 1203, msg: 'token expired', requestId: 'r', data: null })
        : json('200 OK', ENVELOPE),
    )
    const clock = jumpingClock(NOW)
    const backoffice = program(host.url, clock)
    expect(await backoffice.getFirmware('f1')).toMatchObject({ kind: 'ok' })
    clock.advance(7_190_000)
    expect(await backoffice.getFirmware('f1')).toMatchObject({ kind: 'ok' })
    expect(host.requests.filter(({ path }) => path.endsWith('/token/get'))).toHaveLength(3)
    backoffice.close()
  })

  it.each([
    [
      'a refusal',
      json('200 OK', { code: 24404, msg: 'Firmware not found', requestId: 'r', data: null }),
      { kind: 'refused', code: 24404 },
    ],
    ['HTML', reply('502 Bad Gateway', [], '<html>'), { kind: 'broken' }],
    ['an envelope without requestId', json('200 OK', { code: 0, msg: 'OK', data: {} }), { kind: 'broken' }],
  ])('answers %s as a value', async (_what, bytes, expected) => {
    const host = await gateway(() => bytes)
    const backoffice = program(host.url)
    expect(await backoffice.getFirmware('f1')).toMatchObject(expected)
    backoffice.close()
  })

  it('passes on what the token service refuses', async () => {
    const host = await rawHttpServer(() => ({
      bytes: json('200 OK', { status: 1003, msg: 'wrong', business: 'apim-token-service', data: null }),
    }))
    const backoffice = program(host.url)
    expect(await backoffice.getToken()).toEqual({ kind: 'refused', status: 1003, message: 'wrong' })
    expect(await backoffice.getFirmware('f1')).toMatchObject({ kind: 'refused', code: 1003 })
    backoffice.close()
  })
})
