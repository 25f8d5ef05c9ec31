import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/core/event/event.ts'
import { blobPath } from '../../src/storage/blob/blob-path.ts'
import { configFor, type Planted, plant, withCore } from '../support/installation.ts'
import { findNginx, type Nginx, startNginx } from '../support/nginx.ts'
import { type RawAnswer, RawClient, rawRequest } from '../support/raw-client.ts'
import { login, ROOT, type SpawnedServer, spawnServer } from '../support/spawn-server.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

/** nginx's own address: the one that Godwit trusts. A direct client comes from 127.0.0.1, which it does not. */
const PROXY = '127.0.0.2'
const TOKEN = 'a-native-token-of-forty-characters-00000'
const SIZE = 3_000_000

const found = findNginx()

describe.skipIf('skip' in found)('behind nginx, which sends the bytes', () => {
  let data: TemporaryFolder
  let folder: TemporaryFolder
  let planted: Planted
  let server: SpawnedServer
  let nginx: Nginx
  let operator: Record<string, string>
  let artifact: string
  let etag: string

  beforeAll(async () => {
    data = await temporaryFolder()
    folder = await temporaryFolder()
    planted = await plant(configFor(data.path), SIZE)
    await withCore(configFor(data.path), async (core) => {
      const scope = { actor: SYSTEM, organisation: planted.organisation }
      const credentials = [{ scheme: 'native', secret: TOKEN }]
      await core.devices.create(scope, { key: 'gateway', product: 1, credentials })
      for (const device of ['gateway', 'truck-17']) await core.assignments.assign(scope, { device }, RELEASE)
    })
    artifact = `/device/v1/artifacts/${planted.sha256}`
    etag = `"sha256-${planted.sha256}"`
    server = await spawnServer({
      data: data.path,
      args: ['--log', 'fatal'],
      env: { GODWIT_ACCEL_PREFIX: '/godwit-blobs/', GODWIT_TRUSTED_PROXIES: PROXY },
    })
    const site = siteFor(new URL(server.url).host, join(data.path, 'blobs'))
    nginx = await startNginx('path' in found ? found.path : '', folder.path, site)
    operator = { ...(await login(nginx.url)), 'godwit-organisation': 'acme' }
    await check()
  })
  afterAll(async () => {
    await nginx?.stop()
    await server?.kill9()
    await data.remove()
    await folder.remove()
  })

  const check = () =>
    fetch(`${nginx.url}/device/v1/check`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ running: { main: '0.9.0' } }),
    })
  const portOf = (url: string) => Number(new URL(url).port)
  const request = (url: string, lines: readonly string[]): Promise<RawAnswer> =>
    rawRequest(portOf(url), [...lines, 'Host: ota.example', 'Connection: close'])
  const get = (headers: readonly string[] = [], url = nginx.url) =>
    request(url, [`GET ${artifact} HTTP/1.1`, `Authorization: Bearer ${TOKEN}`, ...headers])
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`${nginx.url}/metrics`, { headers: operator })).text()
    return Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1] ?? 0)
  }
  const handedOver = () => metric('godwit_downloads_total\\{outcome="handed-over"\\}')

  it('sends a whole file with all that Godwit says of it, and Godwit sends no byte', async () => {
    const [before, bytes] = [await handedOver(), await metric('godwit_download_bytes_total')]
    const answer = await get()
    expect(answer.status).toBe(200)
    expect(answer.body.equals(planted.bytes)).toBe(true)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-length': String(SIZE),
      'content-type': 'application/octet-stream',
      'cache-control': 'private, no-transform',
      'accept-ranges': 'bytes',
      'repr-digest': `sha-256=:${createHash('sha256').update(planted.bytes).digest('base64')}:`,
      etag,
    })
    for (const absent of ['x-accel-redirect', 'last-modified', 'transfer-encoding', 'content-encoding'])
      expect(answer.headers.has(absent)).toBe(false)
    expect(await handedOver()).toBe(before + 1)
    expect(await metric('godwit_download_bytes_total')).toBe(bytes)
  })

  it.each([
    ['bytes=1000000-', 1_000_000, SIZE - 1],
    ['bytes=0-99', 0, 99],
    ['bytes=-10', SIZE - 10, SIZE - 1],
  ])('sends the range %s', async (range, start, end) => {
    const before = await handedOver()
    const answer = await get([`Range: ${range}`])
    expect([answer.status, answer.headers.get('content-range')]).toEqual([206, `bytes ${start}-${end}/${SIZE}`])
    expect(answer.body.equals(planted.bytes.subarray(start, end + 1))).toBe(true)
    expect(answer.headers.get('etag')).toBe(etag)
    expect(await handedOver()).toBe(before + 1)
  })

  it('leaves to Godwit what the two would answer differently', async () => {
    const before = await handedOver()
    expect((await get([`If-None-Match: ${etag}`])).status).toBe(304)
    expect((await get(['If-None-Match: "other"'])).body.equals(planted.bytes)).toBe(true)
    expect((await get(['If-Match: "other"'])).status).toBe(412)
    expect((await get([`If-Match: ${etag}`, 'Range: bytes=0-9'])).body.equals(planted.bytes.subarray(0, 10))).toBe(true)
    expect((await get([`If-Range: ${etag}`, 'Range: bytes=0-9'])).status).toBe(206)
    expect((await get(['If-Range: "other"', 'Range: bytes=0-9'])).body.length).toBe(SIZE)
    expect((await get(['If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT'])).status).toBe(200)
    const beyond = await get([`Range: bytes=${SIZE}-`])
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, `bytes */${SIZE}`])
    expect(JSON.parse(beyond.body.toString())).toMatchObject({ code: 'range-not-satisfiable' })
    const several = await get(['Range: bytes=0-9,20-29'])
    expect(several.headers.get('content-type')).toMatch(/^multipart\/byteranges/)
    const client = await RawClient.connect(portOf(nginx.url))
    client.send([`HEAD ${artifact} HTTP/1.1`, 'Host: h', `Authorization: Bearer ${TOKEN}`, 'Connection: close'])
    const head = await client.answer(false)
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(SIZE)])
    client.close()
    expect(await handedOver()).toBe(before)
  })

  it('is not reached from outside: neither the place of the files nor a way around', async () => {
    const file = blobPath(planted.sha256)
    for (const path of [
      `/godwit-blobs/${file}`,
      `//godwit-blobs/${file}`,
      `/godwit-blobs/%2e%2e/master.key`,
      `/x/../godwit-blobs/${file}`,
      `/%67odwit-blobs/${file}`,
      '/godwit-blobs/',
    ])
      expect([path, (await request(nginx.url, [`GET ${path} HTTP/1.1`])).status]).toEqual([path, 404])
    const foreign = await request(nginx.url, [`GET ${artifact} HTTP/1.1`, 'Authorization: Bearer wrong'])
    expect(foreign.status).toBe(401)
  })

  it('takes no word of a client: its own headers bring nothing about', async () => {
    const before = await handedOver()
    const lies = [
      `X-Accel-Redirect: /godwit-blobs/${blobPath(planted.sha256)}`,
      'X-Forwarded-For: 127.0.0.2',
      'X-Sendfile-Type: X-Accel-Redirect',
      'X-Accel-Mapping: /=/godwit-blobs/',
    ]
    // Straight to Godwit, from an address that it does not trust: the bytes, and no place.
    const direct = await get(lies, server.url)
    expect(direct.body.equals(planted.bytes)).toBe(true)
    expect(direct.headers.has('x-accel-redirect')).toBe(false)
    // Through nginx to something else: still just that.
    const other = await request(nginx.url, ['GET /healthz HTTP/1.1', ...lies])
    expect(JSON.parse(other.body.toString())).toEqual({ status: 'ok' })
    const without = await request(nginx.url, [`GET ${artifact} HTTP/1.1`, ...lies])
    expect(without.status).toBe(401)
    expect(await handedOver()).toBe(before)
  })

  it('sees the last byte of what silent devices fetch: IoTaaP goes through Godwit, closed and with its headers', async () => {
    const before = await handedOver()
    const path = `/v1/ota/device/download/${planted.deviceId}${planted.iotaapToken}`
    const answer = await rawRequest(portOf(nginx.url), [`GET ${path} HTTP/1.1`, 'Host: ota.example'])
    expect(answer.body.equals(planted.bytes)).toBe(true)
    expect(answer.headers.get('connection')).toBe('close')
    expect(answer.headers.get('x-md5')).toBe(createHash('md5').update(planted.bytes).digest('hex'))
    expect(await handedOver()).toBe(before)
    await expect.poll(async () => (await updatesOf('truck-17')).map(({ state }) => state)).toEqual(['downloaded'])
  })

  it('moves the update of a device that reports by itself to downloading, and no further', async () => {
    await get()
    expect((await updatesOf('gateway')).map(({ state }) => state)).toEqual(['downloading'])
  })

  it('gives operators a firmware, uploaded through it, with its name', async () => {
    const bytes = randomBytes(1_500_000)
    const upload = await fetch(`${nginx.url}/api/godwit/v1/firmware?product=panel&version=9.0.0`, {
      method: 'POST',
      headers: { ...operator, 'content-type': 'application/octet-stream' },
      body: new Uint8Array(bytes),
    })
    expect(upload.status).toBe(201)
    const { id } = (await upload.json()) as { id: string }
    const before = await handedOver()
    const reply = await fetch(`${nginx.url}/api/godwit/v1/firmware/${id}/file`, { headers: operator })
    expect(Buffer.from(await reply.arrayBuffer()).equals(bytes)).toBe(true)
    expect(reply.headers.get('content-disposition')).toContain('filename="9.0.0.bin"')
    expect(reply.headers.get('x-content-type-options')).toBe('nosniff')
    expect(await handedOver()).toBe(before + 1)
  })

  it('sends nothing of a file whose size is not the recorded one', async () => {
    truncateSync(join(data.path, 'blobs', blobPath(planted.sha256)), 1_000)
    const answer = await get()
    expect(answer.status).toBe(500)
    expect(JSON.parse(answer.body.toString())).toMatchObject({ code: 'blob-damaged' })
  })

  async function updatesOf(device: string): Promise<Array<{ state: string }>> {
    const reply = await fetch(`${nginx.url}/api/godwit/v1/updates?device=${device}`, { headers: operator })
    return ((await reply.json()) as { items: Array<{ state: string }> }).items
  }
})

const RELEASE = { product: 'panel', version: '1.0.0' }

/** The example as it stands, but for places and the address that nginx comes from. */
function siteFor(upstream: string, blobs: string): string {
  const changes = [
    ['server 127.0.0.1:8080;', `server ${upstream};`],
    ['listen 80;', `listen LISTEN; proxy_bind ${PROXY};`],
    ['alias /var/lib/godwit/blobs/;', `alias ${blobs}/;`],
  ] as const
  return changes.reduce(
    (text, [from, to]) => {
      expect(text.split(from).length).toBe(2)
      return text.replace(from, to)
    },
    readFileSync(join(ROOT, 'examples/nginx/godwit.conf'), 'utf8'),
  )
}
