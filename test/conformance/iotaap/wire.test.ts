import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DEFAULT_HTTP_LIMITS } from '../../../src/protocols/http/limits.ts'
import { iotaapProtocol } from '../../../src/protocols/iotaap/protocol.ts'
import { buildApp } from '../../../src/server/build-app.ts'
import { TlsListener } from '../../../src/server/tls/tls-listener.ts'
import { mqttPublish } from '../../../src/simulator/devices/iotaap-wire.ts'
import { RawClient } from '../../support/raw-client.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { TEST_CERTIFICATE } from '../../support/test-certificate.ts'
import { createTestCore } from '../../support/test-core.ts'
import { TestClock } from '../../support/test-server.ts'
import {
  downloadPath,
  type Iotaap,
  imageOf,
  json,
  latestPath,
  startIotaap,
  type Tenant,
  type Wire,
  whole,
} from './fixture.ts'

describe('IoTaaP on the wire', () => {
  let iotaap: Iotaap
  let acme: Tenant
  let device: Wire

  beforeAll(async () => {
    iotaap = await startIotaap({ config: { missesPerMinute: 20, missDelayMs: 2_000 } })
    acme = iotaap.tenant
    device = await acme.device()
    await acme.deploy('device', { to: device, version: '1.2.7' })
  })
  afterAll(() => iotaap.close())

  const publish = (to: Wire) => mqttPublish(`/godwit01/devices/${to._id}/update-response`, '{"code":201}')

  test('row 41: MQTT on the HTTP connection, first or after a reply, ends it and nothing else', async () => {
    const bytes = publish(device)
    expect(Buffer.from(bytes.subarray(0, 4)).toString('hex')).toBe('3048003a')
    for (let round = 0; round < 5; round++) {
      const first = await RawClient.connect(iotaap.port)
      first.socket.write(bytes)
      expect((await first.answer()).status).toBe(400)
      await first.end()
      // A reply that lets the connection live, as to the account API.
      const later = await RawClient.connect(iotaap.port)
      later.send(['GET /v1/devices HTTP/1.1', 'Host: api'])
      expect((await later.answer()).status).toBe(401)
      later.socket.write(bytes)
      expect((await later.answer()).status).toBe(400)
      await later.end()
      const closed = await RawClient.connect(iotaap.port)
      closed.send([`GET ${latestPath(device)} HTTP/1.1`, 'Host: ota', 'Connection: keep-alive'])
      closed.socket.write(bytes)
      await closed.end()
    }
    expect((await iotaap.get(latestPath(device))).status).toBe(200)
    const log = iotaap.server.log()
    expect(log).not.toContain(device._id)
    expect(log).not.toContain('update-response')
    const lines = log.split('\n').filter((line) => line.includes('not HTTP'))
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0] ?? '{}')).toMatchObject({
      level: pino.levels.values['debug'],
      code: 'HPE_INVALID_METHOD',
    })
  })

  test('row 42: the token of a download is nowhere in the log', async () => {
    const { app, core, log } = iotaap.server
    expect((await iotaap.get(downloadPath(device))).status).toBe(200)
    expect((await iotaap.get(`/${downloadPath(device)}/?x=${device.token}x`)).status).toBe(200)
    app.log.info({ req: { method: 'GET', url: downloadPath(device), headers: {} } }, 'as an access log would say it')
    const open = core.deps.blobs.open.bind(core.deps.blobs)
    const label = `ota/device/${device._id}${device.token}/firmware.bin`
    Object.assign(core.deps.blobs, { open: async () => Promise.reject(new Error(`cannot open ${label}`)) })
    expect((await iotaap.get(downloadPath(device))).status).toBe(500)
    Object.assign(core.deps.blobs, { open })
    await acme.call('GET', `/v1/ota/device?search_value=${device.token}`)
    const written = log()
    expect(written).toContain(`/v1/ota/device/download/${device._id}***`)
    expect(written).toContain(`ota/device/${device._id}***/firmware.bin`)
    expect(written).not.toContain(device.token)
  })

  test('row 45: a forwarded http request is served, never redirected', async () => {
    const answer = await iotaap.get(latestPath(device), ['X-Forwarded-Proto: http', 'X-Forwarded-For: 192.0.2.1'])
    expect(answer.status).toBe(200)
  })

  test('row 45: plain http on a port with TLS is refused, never redirected', async () => {
    await using folder = await temporaryFolder()
    const tls = { cert: join(folder.path, 'cert.pem'), key: join(folder.path, 'key.pem') }
    await writeFile(tls.cert, TEST_CERTIFICATE.cert)
    await writeFile(tls.key, TEST_CERTIFICATE.key)
    const core = createTestCore({ clock: new TestClock() })
    const { app } = await buildApp({
      core,
      limits: DEFAULT_HTTP_LIMITS,
      trustedProxies: [],
      protocols: (host) => [iotaapProtocol(host)],
      logger: () => pino({ level: 'silent' }),
      tls: await TlsListener.open({ files: tls, secrets: core.deps.secrets, clock: core.deps.clock }),
    })
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    const received: Buffer[] = []
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.on('data', (chunk) => received.push(chunk))
    socket.on('error', () => undefined)
    socket.write(`GET ${latestPath(device)} HTTP/1.1\r\nHost: ota\r\n\r\n`)
    await once(socket, 'close')
    expect(Buffer.concat(received).toString('latin1')).not.toMatch(/HTTP\/1\.1 3/)
    await app.close()
  })

  test('R9: an address with many misses waits for further ones, in the same bytes, and its hits never wait', async () => {
    const path = '/v1/ota/device/latest/ffffffffffffffffffffffff'
    const elsewhere = ['X-Forwarded-For: 192.0.2.99']
    const first = await iotaap.get(path, elsewhere)
    for (let miss = 1; miss < 20; miss++) await iotaap.get(path, elsewhere)
    const startedAt = performance.now()
    const late = await iotaap.get(path, elsewhere)
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(1_900)
    expect(whole(late)).toEqual(whole(first))
    const between = performance.now()
    expect(json(await iotaap.get(latestPath(device), elsewhere))).toEqual({ ver: '1.2.7' })
    expect((await iotaap.get(path, ['X-Forwarded-For: 192.0.2.98'])).status).toBe(404)
    expect(performance.now() - between).toBeLessThan(1_900)
    iotaap.server.clock.advance(60_000)
    const afterwards = performance.now()
    expect((await iotaap.get(path, elsewhere)).status).toBe(404)
    expect(performance.now() - afterwards).toBeLessThan(1_900)
  })

  test('a configuration that makes no sense is refused by the name of its setting', async () => {
    const { host } = iotaap.server
    expect(() => iotaapProtocol(host, { strictImage: true })).toThrow(/strictImage/)
    expect(() => iotaapProtocol(host, { missDelayMs: 60_000 })).toThrow(/iotaap\.missDelayMs/)
  })

  test('the image of a device is handed out as it was deployed, however large', async () => {
    const to = await acme.device()
    const image = imageOf('8.0.0', 'large', 3 * 2 ** 20)
    await acme.deploy('device', { to, version: '8.0.0', image })
    expect((await iotaap.get(downloadPath(to))).body.equals(image)).toBe(true)
  })
})
