import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Update } from '../../../src/core/update/update.ts'
import { fillEgress } from '../../support/full-egress.ts'
import { RawClient } from '../../support/raw-client.ts'
import { STORAGES } from '../../support/storages.ts'
import {
  downloadPath,
  type Iotaap,
  imageOf,
  json,
  latestPath,
  md5,
  ND_PLUS,
  NG_PLUS,
  PATIENTLY,
  sha256,
  startIotaap,
  type Tenant,
  untilClosed,
  type Wire,
  whole,
} from './fixture.ts'

/** What a board sends with a download, header for header. [iotaap 4.4] */
const esp32 = (sketchMd5: string) => [
  'Host: ota.example.com',
  'User-Agent: ESP32-http-Update',
  'Connection: close',
  'Cache-Control: no-cache',
  'x-ESP32-STA-MAC: 34:85:18:41:EB:78',
  'x-ESP32-AP-MAC: 34:85:18:41:EB:79',
  'x-ESP32-free-space: 1310720',
  'x-ESP32-sketch-size: 4096',
  `x-ESP32-sketch-md5: ${sketchMd5}`,
  `x-ESP32-sketch-sha256: ${'A'.repeat(64)}`,
  'x-ESP32-chip-size: 4194304',
  'x-ESP32-sdk-version: v4.4.4',
  'x-ESP32-mode: sketch',
]
const OTHER_MD5 = 'd41d8cd98f00b204e9800998ecf8427e'

describe.each(STORAGES)('IoTaaP downloads over $name', ({ open }) => {
  let iotaap: Iotaap
  let acme: Tenant
  let device: Wire
  const image = imageOf('1.2.7')

  beforeAll(async () => {
    iotaap = await startIotaap({ storage: await open() })
    acme = iotaap.tenant
    device = await acme.device()
    await acme.deploy('device', { to: device, version: '1.2.7', image })
  })
  afterAll(() => iotaap.close())

  const updatesOf = async (to: Wire): Promise<Update[]> => {
    const { devices, updates } = iotaap.server.core.deps.storage.management
    const found = await devices.findById(acme.organisation.serial, to._id)
    return updates.list({ organisation: acme.organisation.serial, device: found?.serial ?? 0 }, { limit: 100 })
  }
  const statesOf = async (to: Wire) => (await updatesOf(to)).map(({ state }) => state)

  test('row 33: HTTP/1.0 with all headers of a board gets the file with its length and digests', async () => {
    const answer = await untilClosed(iotaap.port, [`GET ${downloadPath(device)} HTTP/1.0`, ...esp32(OTHER_MD5)])
    expect(answer.status).toBe(200)
    expect(answer.body.equals(image)).toBe(true)
    expect(answer.rest.length).toBe(0)
    expect(Object.fromEntries([...answer.headers].filter(([name]) => name !== 'date'))).toEqual({
      'content-length': '4096',
      connection: 'close',
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment; filename="firmware.bin"',
      'x-md5': md5(image),
      'x-sha256': sha256(image),
      'x-version': '1.2.7',
      'cache-control': 'no-store, no-transform',
    })
  })

  test('where no download can be begun now it is 503, in the words of a failure, and nothing has moved', async () => {
    const fresh = await acme.device()
    await acme.deploy('device', { to: fresh, version: '1.2.7', image })
    const before = await statesOf(fresh)
    const giveBack = fillEgress(iotaap.server)
    const answer = await untilClosed(iotaap.port, [`GET ${downloadPath(fresh)} HTTP/1.0`, ...esp32(OTHER_MD5)])
    expect([answer.status, answer.headers.get('connection')]).toEqual([503, 'close'])
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(30)
    expect(JSON.parse(answer.body.toString())).toEqual({ message: 'Internal server error', error: 'too many requests' })
    expect(await statesOf(fresh)).toEqual(before)
    giveBack()
    const later = await untilClosed(iotaap.port, [`GET ${downloadPath(fresh)} HTTP/1.0`, ...esp32(OTHER_MD5)])
    expect(later.status).toBe(200)
  })

  test('row 34: whatever is wrong with the secret is the miss of latest, byte for byte', async () => {
    const nothing = await acme.device()
    const miss = whole(await iotaap.get('/v1/ota/device/latest/ffffffffffffffffffffffff'))
    const wrong = device.token.startsWith('A') ? 'B' : 'A'
    for (const secret of [
      `${device._id}${wrong}${device.token.slice(1)}`,
      `${device._id}${device.token.slice(0, 11)}`,
      `${device._id}${device.token}A`,
      device._id,
      device.token,
      `${'f'.repeat(24)}${device.token}`,
      `${device._id.toUpperCase()}${device.token}`,
      `${nothing._id}${nothing.token}`,
      'x'.repeat(3_000),
    ]) {
      const answer = await untilClosed(iotaap.port, [`GET /v1/ota/device/download/${secret} HTTP/1.0`, 'Host: ota'])
      expect(json(answer)).toEqual(ND_PLUS)
      expect(whole(answer)).toEqual(miss)
    }
  })

  test.each(['..%2f..%2fetc', '%zz', '%00', '..%2f..%2fetc%2fpasswd', '%2e%2e', '%c3%28'])(
    'row 35: %s is a miss',
    async (secret) => {
      const answer = await iotaap.get(`/v1/ota/device/download/${secret}`)
      expect(whole(answer)).toEqual(whole(await iotaap.get('/v1/ota/device/latest/ffffffffffffffffffffffff')))
    },
  )

  test('row 36: a group downloads with its own token on its own route', async () => {
    const group = await acme.group()
    const groupImage = imageOf('5.0.0')
    await acme.deploy('group', { to: group, version: '5.0.0', image: groupImage })
    const answer = await untilClosed(iotaap.port, [`GET ${downloadPath(group, 'group')} HTTP/1.0`, ...esp32(OTHER_MD5)])
    expect(answer.status).toBe(200)
    expect(answer.body.equals(groupImage)).toBe(true)
    expect(answer.headers.get('x-version')).toBe('5.0.0')
    expect(json(await iotaap.get(`/v1/ota/group/download/${group._id}${device.token}`))).toEqual(NG_PLUS)
    expect(json(await iotaap.get(downloadPath(group, 'device')))).toEqual(ND_PLUS)
    expect(json(await iotaap.get(`/v1/ota/group/download/${group._id}${'A'.repeat(16)}`))).toEqual(NG_PLUS)
  })

  test.each([
    ['Range: bytes=0-9'],
    ['If-None-Match: *'],
    ['Accept-Encoding: gzip'],
    ['If-Modified-Since: Mon, 01 Jan 2040 00:00:00 GMT'],
  ])('row 37: %s is ignored', async (header) => {
    const answer = await iotaap.get(downloadPath(device), [header])
    expect(answer.status).toBe(200)
    expect(answer.body.equals(image)).toBe(true)
    for (const absent of ['content-encoding', 'content-range', 'accept-ranges', 'etag', 'last-modified', 'vary'])
      expect(answer.headers.has(absent)).toBe(false)
  })

  test('HEAD has the headers of GET, no body, and starts nothing', async () => {
    const to = await acme.device()
    await acme.deploy('device', { to, version: '1.2.7', image })
    const head = await untilClosed(iotaap.port, [`HEAD ${downloadPath(to)} HTTP/1.1`, 'Host: ota'])
    expect(head.status).toBe(200)
    expect(head.rest.length).toBe(0)
    expect(await statesOf(to)).toEqual([])
    const get = await iotaap.get(downloadPath(to))
    const headers = ({ headers }: { headers: ReadonlyMap<string, string> }) =>
      [...headers].filter(([name]) => name !== 'date')
    expect(headers(head)).toEqual(headers(get))
  })

  test('row 39: a deploy during a slow download changes nothing for it', async () => {
    const to = await acme.device()
    const [old, fresh] = [imageOf('1.0.0', 'old', 6 * 2 ** 20), imageOf('1.0.1')]
    await acme.deploy('device', { to, version: '1.0.0', image: old })
    const client = await RawClient.connect(iotaap.port)
    client.send([`GET ${downloadPath(to)} HTTP/1.0`, 'Host: ota'])
    await new Promise((resolve) => client.socket.once('data', resolve))
    client.socket.pause()
    expect((await acme.deploy('device', { to, version: '1.0.1', image: fresh })).status).toBe(201)
    const next = await iotaap.get(downloadPath(to))
    expect(next.headers.get('x-version')).toBe('1.0.1')
    expect(next.body.equals(fresh)).toBe(true)
    client.socket.resume()
    const slow = await client.answer()
    expect(slow.headers.get('x-version')).toBe('1.0.0')
    expect(slow.body.equals(old)).toBe(true)
    client.close()
  })

  test('row 40: 20 deploys and downloads at once never mix', async () => {
    const to = await acme.device()
    const images = new Map(Array.from({ length: 20 }, (_, index) => [`1.0.${index}`, imageOf(`1.0.${index}`)]))
    await acme.deploy('device', { to, version: '1.0.0', image: images.get('1.0.0') ?? image })
    const deploys = [...images].map(([version, bytes]) => acme.deploy('device', { to, version, image: bytes }))
    const downloads = Array.from({ length: 20 }, () => iotaap.get(downloadPath(to)))
    for (const answer of await Promise.all(deploys)) expect(answer.status).toBe(201)
    for (const answer of await Promise.all(downloads)) {
      expect(answer.status).toBe(200)
      expect(answer.headers.get('x-md5')).toBe(createHash('md5').update(answer.body).digest('hex'))
      expect(answer.body.equals(images.get(answer.headers.get('x-version') ?? '') ?? image)).toBe(true)
    }
    const atRest = await iotaap.get(downloadPath(to))
    expect(json(await iotaap.get(latestPath(to)))).toEqual({ ver: atRest.headers.get('x-version') })
    const { otas } = (await acme.call('GET', `/v1/ota/device?search_value=${to._id}`)).json
    expect(otas).toMatchObject([{ version: atRest.headers.get('x-version') }])
  })

  test('row 40: 20 downloads of one device at once all get the file, with one update open at most', async () => {
    const to = await acme.device()
    await acme.deploy('device', { to, version: '1.2.7', image })
    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => iotaap.get(downloadPath(to))))
      for (const answer of answers) {
        expect(answer.status).toBe(200)
        expect(answer.body.equals(image)).toBe(true)
      }
    }
    const open = (await statesOf(to)).filter((state) => state === 'downloading' || state === 'downloaded')
    expect(open.length).toBe(1)
  })

  test('row 44: an ESP8266 gets the same, in mode version too', async () => {
    for (const mode of ['sketch', 'version']) {
      const answer = await untilClosed(iotaap.port, [
        `GET ${downloadPath(device)} HTTP/1.0`,
        'Host: ota.example.com',
        'User-Agent: ESP8266-http-Update',
        'Connection: close',
        'x-ESP8266-Chip-ID: 123456',
        'x-ESP8266-STA-MAC: 34:85:18:41:EB:78',
        'x-ESP8266-AP-MAC: 34:85:18:41:EB:79',
        'x-ESP8266-free-space: 2621440',
        'x-ESP8266-sketch-size: 4096',
        `x-ESP8266-sketch-md5: ${OTHER_MD5}`,
        'x-ESP8266-chip-size: 4194304',
        'x-ESP8266-sdk-version: 2.2.2-dev',
        `x-ESP8266-mode: ${mode}`,
        'Content-Length: 0',
      ])
      expect(answer.status).toBe(200)
      expect(answer.headers.get('x-md5')).toBe(md5(image))
      expect(answer.headers.get('x-version')).toBe('1.2.7')
      expect(answer.body.equals(image)).toBe(true)
    }
  })

  test('row 50: a board that fetches what it runs is recorded once for each file', async () => {
    const to = await acme.device()
    await acme.deploy('device', { to, version: '1.2.8', image })
    const events = async (id: string) => {
      const { management } = iotaap.server.core.deps.storage
      const filter = { organisation: acme.organisation.serial, subjectId: id }
      const all = await management.events.list(filter, { limit: 100 })
      return all.filter(({ type }) => type.endsWith('.version-mismatch'))
    }
    const download = (path: string, sketch: string) =>
      untilClosed(iotaap.port, [`GET ${path} HTTP/1.0`, ...esp32(sketch)])
    expect((await download(downloadPath(to), OTHER_MD5)).status).toBe(200)
    expect(await events(to._id)).toEqual([])
    expect((await download(downloadPath(to), md5(image))).status).toBe(200)
    expect((await download(downloadPath(to), md5(image))).status).toBe(200)
    await expect
      .poll(() => events(to._id), PATIENTLY)
      .toMatchObject([{ type: 'device.version-mismatch', details: { version: '1.2.8', md5: md5(image) } }])
    const group = await acme.group()
    await acme.deploy('group', { to: group, version: '1.2.8', image })
    expect((await download(downloadPath(group, 'group'), md5(image))).status).toBe(200)
    await expect.poll(() => events(group._id), PATIENTLY).toMatchObject([{ type: 'group.version-mismatch' }])
  })

  describe('what is known of an update over HTTP alone', () => {
    const fetchWhole = async (to: Wire) => {
      expect((await iotaap.get(downloadPath(to))).status).toBe(200)
      await expect.poll(async () => (await statesOf(to)).at(-1), PATIENTLY).toBe('downloaded')
    }

    test('a later latest and no download within a minute: succeeded', async () => {
      const { clock, core } = iotaap.server
      const to = await acme.device()
      await acme.deploy('device', { to, version: '1.2.7', image })
      await iotaap.get(latestPath(to))
      expect(await statesOf(to)).toEqual([])
      await fetchWhole(to)
      clock.advance(3_600_000)
      await core.updates.settleQuiet()
      expect(await statesOf(to)).toEqual(['downloaded'])
      expect((await iotaap.get(latestPath(to))).status).toBe(200)
      clock.advance(59_000)
      await core.updates.settleQuiet()
      expect(await statesOf(to)).toEqual(['downloaded'])
      clock.advance(1_000)
      await core.updates.settleQuiet()
      expect(await statesOf(to)).toEqual(['succeeded'])
      expect(json(await iotaap.get(latestPath(to)))).toEqual({ ver: '1.2.7' })
      expect(await statesOf(to)).toEqual(['succeeded'])
    })

    test('the same bytes fetched again: failed, and the next attempt begins', async () => {
      const to = await acme.device()
      await acme.deploy('device', { to, version: '1.2.7', image })
      await fetchWhole(to)
      await iotaap.get(latestPath(to))
      iotaap.server.clock.advance(1_000)
      await fetchWhole(to)
      expect(await updatesOf(to)).toMatchObject([
        { state: 'failed', attempt: 1, reason: 'the same bytes were fetched again' },
        { state: 'downloaded', attempt: 2 },
      ])
    })

    test('a download long after a quiet latest does not undo the success', async () => {
      const to = await acme.device()
      await acme.deploy('device', { to, version: '1.2.7', image })
      await fetchWhole(to)
      await iotaap.get(latestPath(to))
      iotaap.server.clock.advance(21_600_000)
      await fetchWhole(to)
      expect(await updatesOf(to)).toMatchObject([
        { state: 'succeeded', attempt: 1 },
        { state: 'downloaded', attempt: 1 },
      ])
    })

    test('a newer deploy takes the place of what was downloaded', async () => {
      const to = await acme.device()
      await acme.deploy('device', { to, version: '1.2.7', image })
      await fetchWhole(to)
      await acme.deploy('device', { to, version: '1.2.8' })
      await iotaap.get(latestPath(to))
      await fetchWhole(to)
      expect(await statesOf(to)).toEqual(['superseded', 'downloaded'])
    })

    test('a transfer that breaks off stays open and is simply repeated', async () => {
      const to = await acme.device()
      await acme.deploy('device', { to, version: '1.2.7', image: imageOf('1.2.7', 'large', 8 * 2 ** 20) })
      const client = await RawClient.connect(iotaap.port)
      client.send([`GET ${downloadPath(to)} HTTP/1.0`, 'Host: ota'])
      await new Promise((resolve) => client.socket.once('data', resolve))
      client.close()
      await expect.poll(() => statesOf(to), PATIENTLY).toEqual(['downloading'])
      await fetchWhole(to)
      expect(await updatesOf(to)).toMatchObject([{ state: 'downloaded', attempt: 1 }])
    })
  })
})
