import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SYSTEM } from '../../../src/core/event/event.ts'
import { RawClient, rawRequest } from '../../support/raw-client.ts'
import { STORAGES } from '../../support/storages.ts'
import { bytesOf } from '../../support/test-core.ts'
import {
  downloadPath,
  type Iotaap,
  imageOf,
  json,
  latestPath,
  ND_PLUS,
  NG_PLUS,
  startIotaap,
  type Tenant,
  untilClosed,
  type Wire,
  whole,
} from './fixture.ts'

/** The request of a board, header for header. [iotaap 4.4] */
const ESP32 = [
  'Host: ota.example.com',
  'User-Agent: ESP32HTTPClient',
  'Connection: keep-alive',
  'Accept-Encoding: identity;q=1,chunked;q=0.1,*;q=0',
]

describe.each(STORAGES)('IoTaaP latest over $name', ({ open }) => {
  let iotaap: Iotaap
  let acme: Tenant
  let device: Wire

  beforeAll(async () => {
    iotaap = await startIotaap({ storage: await open() })
    acme = iotaap.tenant
    device = await acme.device()
    await acme.deploy('device', { to: device, version: '1.2.7' })
  })
  afterAll(() => iotaap.close())

  const firmware = async () => {
    const { management } = iotaap.server.core.deps.storage
    const [newest] = await management.firmware.list(
      { organisation: acme.organisation.serial },
      { limit: 1, order: 'desc' },
    )
    return newest?.id ?? ''
  }

  test('row 27: 200 with its length, in one write, and the end although the board asked to stay', async () => {
    const client = await RawClient.connect(iotaap.port)
    const chunks: Buffer[] = []
    client.socket.on('data', (chunk) => chunks.push(chunk))
    client.send([`GET ${latestPath(device)} HTTP/1.1`, ...ESP32])
    const answer = await client.answer()
    expect((await client.end()).length).toBe(0)
    expect(chunks).toHaveLength(1)
    expect(answer.statusLine).toBe('HTTP/1.1 200 OK')
    expect(answer.body.toString()).toBe('{"ver":"1.2.7"}')
    expect(answer.headers.get('connection')).toBe('close')
    expect(answer.headers.get('content-length')).toBe('15')
    expect([...answer.headers.keys()].sort()).toEqual(['connection', 'content-length', 'content-type', 'date'])
    client.close()
  })

  test('row 28: every miss is the same, byte for byte', async () => {
    const nothing = await acme.device()
    const frozen = await iotaap.newTenant('frozen')
    const withheld = await frozen.device()
    await frozen.deploy('device', { to: withheld, version: '1.0.0' })
    await iotaap.server.core.organisations.update(frozen.scope, { frozen: true })
    const disabled = await acme.device()
    await acme.deploy('device', { to: disabled, version: '1.0.0' })
    await iotaap.server.core.devices.update(acme.scope, disabled._id, { status: 'disabled' })
    const withdrawn = await acme.device()
    await acme.deploy('device', { to: withdrawn, version: '1.0.0' })
    await iotaap.server.core.firmware.update(acme.scope, await firmware(), { withdrawn: true })
    const ids = [
      'ffffffffffffffffffffffff',
      'xyz',
      device._id.toUpperCase(),
      `${device._id}0`,
      nothing._id,
      withheld._id,
      disabled._id,
      withdrawn._id,
      'x'.repeat(2_000),
    ]
    const answers = await Promise.all(
      ids.map((id) => untilClosed(iotaap.port, [`GET /v1/ota/device/latest/${id} HTTP/1.1`, ...ESP32])),
    )
    for (const answer of answers) {
      expect(answer.statusLine).toBe('HTTP/1.1 404 Not Found')
      expect(answer.body.toString()).toBe(JSON.stringify(ND_PLUS))
      expect(answer.headers.get('connection')).toBe('close')
      expect(whole(answer)).toEqual(whole(answers[0] ?? answer))
    }
  })

  test('row 28: a frozen server offers nothing, and offers it again when it is thawed', async () => {
    const { organisations } = iotaap.server.core
    await organisations.freezeServer(SYSTEM, true)
    expect((await iotaap.get(latestPath(device))).status).toBe(404)
    await organisations.freezeServer(SYSTEM, false)
    expect((await iotaap.get(latestPath(device))).status).toBe(200)
  })

  test('row 29: the group of a device row changes nothing on the device route', async () => {
    const member = await acme.device()
    const group = await acme.group()
    await acme.call('PUT', `/v1/devices/${member._id}`, { body: { group: group._id } })
    await acme.deploy('group', { to: group, version: '2.0.0' })
    const answer = await iotaap.get(latestPath(member))
    expect(answer.status).toBe(404)
    expect(json(answer)).toEqual(ND_PLUS)
    expect(json(await iotaap.get(latestPath(group, 'group')))).toEqual({ ver: '2.0.0' })
  })

  test('row 30: more slashes, a slash at the end and a query make no difference', async () => {
    const expected = whole(await iotaap.get(latestPath(device)))
    for (const path of [
      `//v1/ota/device/latest/${device._id}`,
      `///v1//ota/device//latest/${device._id}`,
      `${latestPath(device)}/`,
      `${latestPath(device)}?x=1`,
      `${latestPath(device)}/?x=%zz`,
      `http://ota.example.com${latestPath(device)}`,
    ])
      expect(whole(await iotaap.get(path))).toEqual(expected)
  })

  test('row 31: group latest', async () => {
    const group = await acme.group()
    expect(json(await iotaap.get(latestPath(group, 'group')))).toEqual(NG_PLUS)
    await acme.deploy('group', { to: group, version: '3.1.4' })
    const answer = await untilClosed(iotaap.port, [`GET ${latestPath(group, 'group')} HTTP/1.1`, ...ESP32])
    expect(answer).toMatchObject({ status: 200 })
    expect(answer.headers.get('connection')).toBe('close')
    expect(answer.body.toString()).toBe('{"ver":"3.1.4"}')
    const misses = await Promise.all(
      ['ffffffffffffffffffffffff', device._id, 'xyz', '%zz'].map((id) =>
        untilClosed(iotaap.port, [`GET /v1/ota/group/latest/${id} HTTP/1.1`, ...ESP32]),
      ),
    )
    for (const miss of misses) {
      expect(json(miss)).toEqual(NG_PLUS)
      expect(whole(miss)).toEqual(whole(misses[0] ?? miss))
    }
    await acme.deploy('group', { to: group, version: '3.1.5' })
    expect(json(await iotaap.get(latestPath(group, 'group')))).toEqual({ ver: '3.1.5' })
  })

  test('row 32: with the database down it is 500 and the end of the connection, never 200', async () => {
    const failing = await startIotaap({ storage: await open() })
    const unseen = await failing.tenant.device()
    const group = await failing.tenant.group()
    const { read } = failing.server.core.deps.storage
    const refuse = async (): Promise<never> => {
      throw new Error('connect ECONNREFUSED /run/postgresql')
    }
    const down = new Proxy({}, { get: () => refuse })
    Object.assign(read, { devices: down, groups: down })
    for (const path of [
      latestPath(unseen),
      latestPath(group, 'group'),
      `/v1/ota/device/download/${unseen._id}${unseen.token}`,
      `/v1/ota/group/download/${group._id}${group.token}`,
    ]) {
      const answer = await untilClosed(failing.port, [`GET ${path} HTTP/1.1`, ...ESP32])
      expect(answer.status).toBe(500)
      expect(answer.headers.get('connection')).toBe('close')
      expect(json(answer)).toEqual({ message: 'Internal server error', error: 'internal error' })
    }
    await failing.close()
  })

  test('row 3: an unknown route is the page of the framework', async () => {
    const page = (text: string) =>
      `<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n<body>\n<pre>${text}</pre>\n</body>\n</html>\n`
    for (const [method, path, text] of [
      ['GET', '/v1', 'Cannot GET /v1'],
      ['GET', '/v1/', 'Cannot GET /v1/'],
      ['GET', '/v1/settings?token=abc', 'Cannot GET /v1/settings'],
      ['GET', '/v1/mqtt', 'Cannot GET /v1/mqtt'],
      ['GET', '/v1/ota/device/latest', 'Cannot GET /v1/ota/device/latest'],
      ['POST', latestPath(device), `Cannot POST ${latestPath(device)}`],
      ['DELETE', latestPath(device), `Cannot DELETE ${latestPath(device)}`],
      ['PUT', '/v1/auth/login', 'Cannot PUT /v1/auth/login'],
      ['GET', "/v1/<b>&'", 'Cannot GET /v1/%3Cb%3E&amp;&#39;'],
      ['GET', '/v1/%zz', 'Cannot GET /v1/%zz'],
    ] as const) {
      const answer = await rawRequest(iotaap.port, [`${method} ${path} HTTP/1.1`, 'Host: api', 'Content-Length: 0'])
      expect(answer.status).toBe(404)
      expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
      expect(answer.body.toString()).toBe(page(text))
      expect(answer.headers.has('allow')).toBe(false)
    }
  })

  test('HEAD is answered as GET without a body', async () => {
    const answer = await untilClosed(iotaap.port, [`HEAD ${latestPath(device)} HTTP/1.1`, ...ESP32])
    const get = await iotaap.get(latestPath(device))
    expect(answer.status).toBe(200)
    expect(answer.rest.length).toBe(0)
    expect(answer.headers.get('content-length')).toBe('15')
    expect(answer.headers.get('connection')).toBe('close')
    expect([...answer.headers.keys()].sort()).toEqual([...get.headers.keys()].sort())
  })

  test('a release of several modules says the version of the one that the board runs', async () => {
    const { core } = iotaap.server
    const { product, modules } = await core.products.create(acme.scope, {
      key: 'panel',
      modules: [{ key: 'app' }, { key: 'can' }],
    })
    for (const [index, version] of ['1.3.0', '0.9.0'].entries())
      await core.firmware.create(
        acme.scope,
        { product: product.serial, module: modules[index]?.serial ?? null, version, fileName: 'firmware.bin' },
        await core.deps.blobs.stage(bytesOf(imageOf(version)), { maxBytes: 10_000 }),
      )
    const panel = await core.devices.create(acme.scope, {
      product: product.serial,
      credentials: [{ scheme: 'iotaap', secret: 'abcdefghijkl', recoverable: true }],
    })
    const to = { _id: panel.id, token: 'abcdefghijkl' }
    const assign = async (version: string, firmware: Record<string, string>) => {
      const { id } = await core.releases.create(acme.scope, { product: 'panel', version, firmware })
      await core.assignments.assign(acme.scope, { device: panel.key }, { release: id })
    }
    await assign('2026.11', { app: '1.3.0', can: '0.9.0' })
    expect(json(await iotaap.get(latestPath(to)))).toEqual({ ver: '1.3.0' })
    const answer = await iotaap.get(downloadPath(to))
    expect(answer.headers.get('x-version')).toBe('1.3.0')
    expect(answer.body.equals(imageOf('1.3.0'))).toBe(true)
    // What is for another module alone is nothing for this board.
    await assign('2026.12', { can: '0.9.0' })
    expect((await iotaap.get(latestPath(to))).status).toBe(404)
    expect((await iotaap.get(downloadPath(to))).status).toBe(404)
  })

  test('a version that the board is known to run is said all the same', async () => {
    const { gateway } = iotaap.server.core
    const { product } = await iotaap.server.core.products.create(acme.scope, { key: 'bulb' })
    const to = await acme.device()
    await iotaap.server.core.devices.update(acme.scope, to._id, { product: product.serial })
    await acme.deploy('device', { to, version: '4.0.0' })
    const facts = await gateway.find({ by: 'id', id: to._id })
    if (!facts) throw new Error('the device is there')
    const after = await gateway.checkIn(facts, { running: { '': '4.0.0' } })
    expect(gateway.decide(after, { via: 'iotaap', reporting: 'silent' })).toMatchObject({
      kind: 'none',
      because: { kind: 'up-to-date' },
    })
    expect(json(await iotaap.get(latestPath(to)))).toEqual({ ver: '4.0.0' })
    expect((await iotaap.get(downloadPath(to))).status).toBe(200)
  })
})
