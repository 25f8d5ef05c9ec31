import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RawClient } from '../../support/raw-client.ts'
import { STORAGES } from '../../support/storages.ts'
import {
  deployParts,
  downloadPath,
  form,
  type Iotaap,
  imageOf,
  json,
  latestPath,
  md5,
  ND,
  NG,
  OK,
  type Part,
  sha256,
  startIotaap,
  type Tenant,
  type Wire,
} from './fixture.ts'

const UNKNOWN = 'ffffffffffffffffffffffff'

/** Leaves a part out, or puts another value in its place. */
const change = (name: string, value?: string) => (parts: Part[]) =>
  parts.flatMap((part) => (part.name !== name ? [part] : value === undefined ? [] : [{ ...part, value }]))

describe.each(STORAGES)('IoTaaP deploys over $name', ({ open }) => {
  let iotaap: Iotaap
  let acme: Tenant
  let other: Tenant
  let device: Wire

  beforeAll(async () => {
    iotaap = await startIotaap({ storage: await open() })
    acme = iotaap.tenant
    other = await iotaap.newTenant('globex')
    device = await acme.device()
  })
  afterAll(() => iotaap.close())

  const ver = async (to: Wire, target = 'device') => json(await iotaap.get(latestPath(to, target)))
  const firmwareOf = async (tenant: Tenant) =>
    iotaap.server.core.deps.storage.management.firmware.list(
      { organisation: tenant.organisation.serial },
      { limit: 1, order: 'desc' },
    )

  test('row 14: the file part comes first or last', async () => {
    for (const parts of [(given: Part[]) => given, (given: Part[]) => given.toReversed()]) {
      const answer = await acme.deploy('device', { to: device, version: '1.2.7', parts })
      expect(answer).toMatchObject({ status: 201, text: JSON.stringify(OK), type: 'application/json; charset=utf-8' })
    }
    const { otas } = (await acme.call('GET', `/v1/ota/device?search_value=${device._id}`)).json
    expect(otas[0].path).toBe(`ota/device/${device._id}${device.token}/firmware.bin`)
  })

  test('row 15: the next deploy replaces the row and keeps its id', async () => {
    const to = await acme.device()
    const rows = async () => (await acme.call('GET', `/v1/ota/device?search_value=${to._id}`)).json.otas
    await acme.deploy('device', { to, version: '1.0.0' })
    const [before] = await rows()
    iotaap.server.clock.advance(1_000)
    expect((await acme.deploy('device', { to, version: '1.1.0' })).status).toBe(201)
    const after = await rows()
    expect(after).toHaveLength(1)
    expect(after[0]).toMatchObject({ _id: before._id, version: '1.1.0' })
    expect(after[0].last_updated > before.last_updated).toBe(true)
  })

  test.each([
    ['device', change('device')],
    ['token', change('token')],
    ['version', change('version', '')],
    ['device', (parts: Part[]) => change('version')(change('device')(parts))],
  ])('row 16: %s is a mandatory field', async (field, parts) => {
    const answer = await acme.deploy('device', { to: device, version: '1.0.0', parts })
    expect(answer).toMatchObject({ status: 400, text: `{"message":"${field} is a mandatory field"}` })
  })

  test('row 17: no fields at all, and bodies without a file', async () => {
    const mandatory = { status: 400, text: '{"message":"device is a mandatory field"}' }
    expect(await acme.call('POST', '/v1/ota/device', form([]))).toMatchObject(mandatory)
    expect(await acme.call('POST', '/v1/ota/device')).toMatchObject(mandatory)
    const body = { device: device._id, token: device.token, version: '1.0.0' }
    const noFile = { status: 400, text: '{"message":"No file uploaded"}' }
    expect(await acme.call('POST', '/v1/ota/device', { body })).toMatchObject(noFile)
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const encoded = new URLSearchParams(body).toString()
    expect(await acme.call('POST', '/v1/ota/device', { body: encoded, headers })).toMatchObject(noFile)
    const binary = { body: 'x', headers: { 'content-type': 'application/octet-stream' } }
    expect(await acme.call('POST', '/v1/ota/device', binary)).toMatchObject(mandatory)
  })

  test('row 18: the id is looked at before the file', async () => {
    for (const id of ['xyz', device._id.toUpperCase(), `${device._id}0`]) {
      const parts = (given: Part[]) => change('firmware')(change('device', id)(given))
      const answer = await acme.deploy('device', { to: device, version: '1.0.0', parts })
      expect(answer).toMatchObject({ status: 400, text: '{"message":"Device ID is not valid"}' })
    }
  })

  test.each([
    ['no file', change('firmware')],
    ['an empty file', change('firmware', '')],
    [
      'a text part of that name',
      (parts: Part[]) => [...change('firmware')(parts), { name: 'firmware', value: 'text' }],
    ],
    ['an empty text part before the file', (parts: Part[]) => [{ name: 'firmware', value: '' }, ...parts]],
  ])('row 19: %s', async (_name, parts) => {
    const answer = await acme.deploy('device', { to: device, version: '1.0.0', parts })
    expect(answer).toMatchObject({ status: 400, text: '{"message":"No file uploaded"}' })
  })

  test('row 20: an unknown device, a foreign one and a wrong token are one answer', async () => {
    const foreign = await other.device()
    for (const to of [
      { _id: UNKNOWN, token: device.token },
      foreign,
      { _id: device._id, token: 'AAAAAAAAAAAA' },
      { _id: device._id, token: device.token.slice(1) },
      { _id: device._id, token: foreign.token },
    ]) {
      const answer = await acme.deploy('device', { to, version: '1.0.0' })
      expect(answer).toMatchObject({ status: 404, text: JSON.stringify(ND) })
    }
    expect((await iotaap.get(latestPath(foreign))).status).toBe(404)
  })

  test.each(['1.0 beta', 'x'.repeat(65), ' 1.0', '1.0\n', '1.0é'])(
    'row 21: version %j is not valid',
    async (version) => {
      const answer = await acme.deploy('device', { to: device, version, image: imageOf('1') })
      expect(answer).toMatchObject({ status: 400, text: '{"message":"Version is not valid"}' })
    },
  )

  test.each(['v1', '01.2', '2023-06-27', '"\\\'<&>', 'x'.repeat(64)])(
    'row 21: version %j is kept byte for byte',
    async (version) => {
      const image = Buffer.concat([imageOf('1'), Buffer.from(version)])
      expect(await acme.deploy('device', { to: device, version, image })).toMatchObject({ status: 201, json: OK })
      const answer = await iotaap.get(latestPath(device))
      expect(answer.body.toString()).toBe(`{"ver":${JSON.stringify(version)}}`)
      expect(answer.body.length).toBe(Number(answer.headers.get('content-length')))
    },
  )

  test('row 22: the same version with other bytes gives the new bytes', async () => {
    const to = await acme.device()
    for (const seed of ['first', 'second']) {
      const image = imageOf('1.0.0', seed)
      expect((await acme.deploy('device', { to, version: '1.0.0', image })).status).toBe(201)
      const answer = await iotaap.get(downloadPath(to))
      expect(answer.body.equals(image)).toBe(true)
      expect(answer.headers.get('x-md5')).toBe(md5(image))
      expect(answer.headers.get('x-sha256')).toBe(sha256(image))
    }
    expect((await acme.deploy('device', { to, version: '0.9.0' })).status).toBe(201)
    expect(await ver(to)).toEqual({ ver: '0.9.0' })
  })

  test('row 23: over the size limit is 413 and the old assignment stays', async () => {
    const small = await startIotaap({ storage: await open(), config: { firmwareBytes: 1 } })
    try {
      const to = await small.tenant.device()
      const largest = Buffer.concat([imageOf('1.0.0'), Buffer.alloc(8 * 2 ** 20 - 4096)])
      expect((await small.tenant.deploy('device', { to, version: '1.0.0', image: largest })).status).toBe(201)
      const image = Buffer.concat([largest, Buffer.alloc(1)])
      const answer = await small.tenant.deploy('device', { to, version: '1.0.1', image })
      expect(answer.status).toBe(413)
      expect(answer.json).toEqual({ message: 'Error when uploading firmware file', error: 'file too large' })
      expect(json(await small.get(latestPath(to)))).toEqual({ ver: '1.0.0' })
      expect((await small.get(downloadPath(to))).body.equals(largest)).toBe(true)
    } finally {
      await small.close()
    }
  })

  test('row 23: a storage failure is 500 and the old assignment stays', async () => {
    const failing = await startIotaap({ storage: await open() })
    try {
      const to = await failing.tenant.device()
      const image = imageOf('1.0.0')
      await failing.tenant.deploy('device', { to, version: '1.0.0', image })
      const { storage, blobs } = failing.server.core.deps
      const message = 'Error when uploading firmware file'
      const { transaction } = storage
      const stage = blobs.stage.bind(blobs)
      Object.assign(storage, { transaction: async () => Promise.reject(new Error('disk /dev/sda1 is full')) })
      const commit = await failing.tenant.deploy('device', { to, version: '1.0.1' })
      Object.assign(storage, { transaction })
      Object.assign(blobs, { stage: async () => Promise.reject(new Error('ENOSPC /var/lib/blobs')) })
      const staging = await failing.tenant.deploy('device', { to, version: '1.0.1' })
      Object.assign(blobs, { stage })
      for (const answer of [commit, staging]) {
        expect(answer.status).toBe(500)
        expect(answer.json).toEqual({ message, error: 'internal error' })
      }
      expect(json(await failing.get(latestPath(to)))).toEqual({ ver: '1.0.0' })
      expect((await failing.get(downloadPath(to))).body.equals(image)).toBe(true)
      expect((await failing.tenant.deploy('device', { to, version: '1.0.1' })).status).toBe(201)
    } finally {
      await failing.close()
    }
  })

  test('row 24: an image that looks wrong is deployed with warnings', async () => {
    const cases: ReadonlyArray<[Buffer, readonly RegExp[]]> = [
      [imageOf('1.0.0'), []],
      [Buffer.concat([Buffer.of(0), imageOf('1.0.0')]), [/0xE9/]],
      [imageOf('2.0.0'), [/"1\.0\.0" does not occur/]],
      [Buffer.concat([imageOf('1.0.0'), Buffer.alloc(1_310_720)]), [/1310720 bytes/]],
    ]
    for (const [image, expected] of cases) {
      expect(await acme.deploy('device', { to: device, version: '1.0.0', image })).toMatchObject({
        status: 201,
        json: OK,
      })
      const [firmware] = await firmwareOf(acme)
      expect(firmware?.warnings).toEqual(expected.map((text) => expect.stringMatching(text)))
    }
  })

  test('row 24: under the strict setting such an image is refused', async () => {
    const strict = await startIotaap({ storage: await open(), config: { strictImages: true } })
    try {
      const to = await strict.tenant.device()
      for (const image of [Buffer.from('MZ 1.0.0'), imageOf('2.0.0')])
        expect(await strict.tenant.deploy('device', { to, version: '1.0.0', image })).toMatchObject({
          status: 400,
          text: '{"message":"Firmware image is not valid"}',
        })
      expect((await strict.get(latestPath(to))).status).toBe(404)
      expect((await strict.tenant.deploy('device', { to, version: '1.0.0' })).status).toBe(201)
    } finally {
      await strict.close()
    }
  })

  test('row 25: group deploys', async () => {
    const group = await acme.group()
    expect(await acme.deploy('group', { to: group, version: '1.0.0' })).toMatchObject({ status: 201, json: OK })
    expect(await ver(group, 'group')).toEqual({ ver: '1.0.0' })
    const say = async (parts: (given: Part[]) => Part[]) => acme.deploy('group', { to: group, version: '1.0.0', parts })
    expect(await say(change('group'))).toMatchObject({ status: 400, text: '{"message":"group is a mandatory field"}' })
    expect(await say(change('group', 'xyz'))).toMatchObject({
      status: 400,
      text: '{"message":"Group ID is not valid"}',
    })
    const foreign = await other.group()
    for (const to of [foreign, { ...group, token: foreign.token }, { ...group, token: device.token }])
      expect(await acme.deploy('group', { to, version: '1.0.0' })).toMatchObject({
        status: 404,
        text: JSON.stringify(NG),
      })
    const asDevice = await acme.deploy('device', { to: group, version: '1.0.0' })
    expect(asDevice).toMatchObject({ status: 404, json: ND })
  })

  test('row 26: without a login a large upload is 401 and nothing is kept', async () => {
    const { body, headers } = form(
      deployParts('device', { to: device, version: '6.6.6', image: randomBytes(20 * 2 ** 20) }),
    )
    const answer = await iotaap.call('POST', '/v1/ota/device', { body, headers })
    expect(answer).toMatchObject({ status: 401, text: 'Unauthorized', type: 'text/plain; charset=utf-8' })
    const client = await RawClient.connect(iotaap.port)
    client.send([
      'POST /v1/ota/device HTTP/1.1',
      'Host: api',
      `Content-Type: ${headers['content-type']}`,
      `Content-Length: ${body.length}`,
    ])
    // The answer comes before any of the body has been sent.
    expect((await client.answer()).status).toBe(401)
    client.socket.write(body)
    client.send(['GET /v1/devices HTTP/1.1', 'Host: api'])
    expect((await client.answer()).status).toBe(401)
    client.close()
    const stored: string[] = []
    for await (const sha of iotaap.server.core.deps.blobs.list()) stored.push(sha)
    expect(stored).not.toContain(sha256(body))
    expect(await ver(device)).not.toEqual({ ver: '6.6.6' })
  })

  test('R5: a device in a group gets its own firmware with a warning', async () => {
    const to = await acme.device()
    const group = await acme.group()
    await acme.call('PUT', `/v1/devices/${to._id}`, { body: { group: group._id } })
    expect((await acme.deploy('device', { to, version: '1.0.0' })).status).toBe(201)
    const [firmware] = await firmwareOf(acme)
    expect(firmware?.warnings).toEqual([expect.stringContaining('in a group')])
  })

  test('of a repeated part the first counts, and unknown parts do not', async () => {
    const to = await acme.device()
    const parts = (given: Part[]) => [
      { name: 'note', value: 'x' },
      { name: 'attachment', value: 'y', filename: 'y.txt' },
      ...given,
      { name: 'version', value: '9.9.9' },
      { name: 'firmware', value: 'other', filename: 'firmware.bin' },
    ]
    expect((await acme.deploy('device', { to, version: '1.0.0', parts })).status).toBe(201)
    expect(await ver(to)).toEqual({ ver: '1.0.0' })
    expect((await iotaap.get(downloadPath(to))).body.equals(imageOf('1.0.0'))).toBe(true)
  })

  test('a form that breaks off or is none is a 400 and nothing changes', async () => {
    const headers = { 'content-type': 'multipart/form-data; boundary=x' }
    const answer = await acme.call('POST', '/v1/ota/device', { body: '--x\r\ncontent-disposition: form', headers })
    expect(answer.status).toBe(400)
    expect(Object.keys(answer.json)).toEqual(['message'])
    const none = { 'content-type': 'multipart/form-data' }
    expect((await acme.call('POST', '/v1/ota/device', { body: 'x', headers: none })).status).toBe(400)
  })

  test('a refused or replaced file leaves nothing behind', async () => {
    const to = await acme.device()
    const image = imageOf('7.7.7', 'left-behind')
    await acme.deploy('device', { to: { ...to, token: 'AAAAAAAAAAAA' }, version: '7.7.7', image })
    expect(await iotaap.server.core.deps.blobs.exists(sha256(image))).toBe(false)
    const { management } = iotaap.server.core.deps.storage
    const count = () => management.firmware.count({ organisation: acme.organisation.serial, scope: 'private' })
    await acme.deploy('device', { to, version: '1.0.0' })
    const before = await count()
    await acme.deploy('device', { to, version: '1.0.1' })
    expect(await count()).toBe(before)
  })
})
