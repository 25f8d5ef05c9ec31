import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { STORAGES } from '../../support/storages.ts'
import {
  downloadPath,
  type Iotaap,
  imageOf,
  json,
  latestPath,
  ND,
  ND_PLUS,
  NG,
  startIotaap,
  type Tenant,
} from './fixture.ts'

const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const UNKNOWN = 'ffffffffffffffffffffffff'

describe.each(STORAGES)('IoTaaP devices and groups over $name', ({ open }) => {
  let iotaap: Iotaap
  let acme: Tenant
  let other: Tenant

  beforeAll(async () => {
    iotaap = await startIotaap({ storage: await open() })
    acme = iotaap.tenant
    other = await iotaap.newTenant('globex')
  })
  afterAll(() => iotaap.close())

  test('row 4: a device gets id, token and date, in the order of the vendor', async () => {
    const made = await acme.call('POST', '/v1/devices', { body: { name: 'a' } })
    expect(made.status).toBe(201)
    expect(Object.keys(made.json)).toEqual([
      '_id',
      'type',
      'name',
      'token',
      'last_contact',
      'created_at',
      'owner',
      '__v',
    ])
    expect(made.json).toEqual({
      _id: expect.stringMatching(/^[0-9a-f]{24}$/),
      type: 'Magnolia',
      name: 'a',
      token: expect.stringMatching(/^[A-Za-z0-9]{12}$/),
      last_contact: null,
      created_at: expect.stringMatching(DATE),
      owner: acme.organisation.id,
      __v: 0,
    })
    expect(await acme.call('GET', `/v1/devices/${made.json._id}`)).toMatchObject({ status: 200, text: made.text })
  })

  test.each([undefined, {}, { name: '' }, { name: null }])(
    'row 4: %j for a body makes a name of 10 characters',
    async (body) => {
      const made = await acme.call('POST', '/v1/devices', { body })
      expect(made.status).toBe(201)
      expect(made.json.name).toMatch(/^[A-Za-z0-9]{10}$/)
    },
  )

  test('a name that is too long is a clear 400 and nothing is stored', async () => {
    const before = (await acme.call('GET', '/v1/devices')).json.recordsTotal
    const made = await acme.call('POST', '/v1/devices', { body: { name: 'x'.repeat(201) } })
    expect(made.status).toBe(400)
    expect(Object.keys(made.json)).toEqual(['message'])
    expect((await acme.call('GET', '/v1/devices')).json.recordsTotal).toBe(before)
  })

  test('row 5: a foreign, unknown or malformed id is the same 404', async () => {
    const foreign = await other.device()
    for (const id of [foreign._id, UNKNOWN, 'xyz', foreign._id.toUpperCase(), '%20', '__proto__'])
      for (const method of ['GET', 'PUT', 'DELETE'] as const) {
        const answer = await acme.call(method, `/v1/devices/${id}`, method === 'PUT' ? { body: { name: 'b' } } : {})
        expect(answer).toMatchObject({ status: 404, text: JSON.stringify(ND) })
      }
    expect((await other.call('GET', `/v1/devices/${foreign._id}`)).json.name).toBe(foreign.name)
  })

  test('row 6: a malformed group is 500 and nothing changed; an unknown or foreign one is ignored', async () => {
    const device = await acme.device('before')
    const foreign = await other.group()
    const path = `/v1/devices/${device._id}`
    for (const group of ['xyz', UNKNOWN.toUpperCase(), 7, {}, 'Undefined'])
      expect(await acme.call('PUT', path, { body: { name: 'never', group } })).toMatchObject({
        status: 500,
        text: '{"message":"Group ID is not valid"}',
      })
    expect((await acme.call('GET', path)).json.name).toBe('before')
    for (const [name, group] of [
      ['one', UNKNOWN],
      ['two', foreign._id],
      ['three', ''],
      ['four', null],
    ]) {
      const answer = await acme.call('PUT', path, { body: { name, group } })
      expect(answer).toMatchObject({ status: 200, json: { ...device, name } })
      expect(answer.json).not.toHaveProperty('group')
    }
  })

  test('row 7: a device joins a group of its own organisation and leaves it by the word undefined', async () => {
    const device = await acme.device()
    const group = await acme.group()
    const path = `/v1/devices/${device._id}`
    const joined = await acme.call('PUT', path, { body: { group: group._id } })
    expect(joined).toMatchObject({ status: 200, json: { ...device, group: group._id } })
    expect((await acme.call('PUT', path, { body: { name: 'renamed' } })).json).toMatchObject({ group: group._id })
    const left = await acme.call('PUT', path, { body: { group: 'undefined' } })
    expect(left.status).toBe(200)
    expect(left.json).not.toHaveProperty('group')
  })

  test('row 8: a deleted device is gone everywhere', async () => {
    const device = await acme.device()
    await acme.deploy('device', { to: device, version: '1.0.0' })
    expect((await iotaap.get(latestPath(device))).status).toBe(200)
    const removed = await acme.call('DELETE', `/v1/devices/${device._id}`)
    expect(removed).toMatchObject({ status: 200, text: '{"message":"Device successfully removed"}' })
    for (const path of [latestPath(device), downloadPath(device)]) {
      const answer = await iotaap.get(path)
      expect(answer.status).toBe(404)
      expect(json(answer)).toEqual(ND_PLUS)
    }
    const { otas } = (await acme.call('GET', '/v1/ota/device')).json
    expect(otas.filter((row: { device: string }) => row.device === device._id)).toEqual([])
    expect(await acme.call('DELETE', `/v1/devices/${device._id}`)).toMatchObject({ status: 404, json: ND })
  })

  test('row 9: groups have tokens of 16 characters', async () => {
    const made = await acme.call('POST', '/v1/groups', { body: { name: 'pilot' } })
    expect(made.status).toBe(201)
    expect(made.json).toEqual({
      _id: expect.stringMatching(/^[0-9a-f]{24}$/),
      name: 'pilot',
      token: expect.stringMatching(/^[A-Za-z0-9]{16}$/),
      created_at: expect.stringMatching(DATE),
      owner: acme.organisation.id,
      __v: 0,
    })
    expect(Object.keys(made.json)).toEqual(['_id', 'name', 'token', 'created_at', 'owner', '__v'])
    expect(await acme.call('GET', `/v1/groups/${made.json._id}`)).toMatchObject({ status: 200, text: made.text })
    const renamed = await acme.call('PUT', `/v1/groups/${made.json._id}`, { body: { name: 'pilots' } })
    expect(renamed).toMatchObject({ status: 200, json: { ...made.json, name: 'pilots' } })
    expect((await acme.group()).name).toMatch(/^[A-Za-z0-9]{10}$/)
  })

  test('row 9: a deleted group leaves its members without one', async () => {
    const group = await acme.group()
    const device = await acme.device()
    await acme.call('PUT', `/v1/devices/${device._id}`, { body: { group: group._id } })
    await acme.deploy('group', { to: group, version: '1.0.0' })
    const removed = await acme.call('DELETE', `/v1/groups/${group._id}`)
    expect(removed).toMatchObject({ status: 200, text: '{"message":"Group successfully removed"}' })
    expect((await acme.call('GET', `/v1/devices/${device._id}`)).json).not.toHaveProperty('group')
    expect((await iotaap.get(latestPath(group, 'group'))).status).toBe(404)
    expect((await acme.call('GET', '/v1/ota/group')).json.recordsTotal).toBe(0)
  })

  test('row 9: only DELETE says that a group id is malformed', async () => {
    expect(await acme.call('DELETE', '/v1/groups/xyz')).toMatchObject({
      status: 500,
      text: '{"message":"Group ID is not valid"}',
    })
    for (const [method, path] of [
      ['DELETE', `/v1/groups/${UNKNOWN}`],
      ['GET', '/v1/groups/xyz'],
      ['PUT', '/v1/groups/xyz'],
      ['GET', '/v1/groups/devices/xyz'],
    ] as const)
      expect(await acme.call(method, path)).toMatchObject({ status: 404, text: JSON.stringify(NG) })
  })

  test('row 9: members of a group, and of a foreign one', async () => {
    const group = await acme.group()
    const members = [await acme.device('m1'), await acme.device('m2')]
    for (const { _id } of members) await acme.call('PUT', `/v1/devices/${_id}`, { body: { group: group._id } })
    await acme.device('outside')
    const list = await acme.call('GET', `/v1/groups/devices/${group._id}?draw=x&search_value=M2`)
    expect(list.status).toBe(200)
    expect(list.json).toMatchObject({ recordsTotal: 2, recordsFiltered: 1, draw: 'x' })
    expect(list.json.devices).toMatchObject([{ _id: members[1]?._id, name: 'm2', group: group._id }])
    for (const method of ['GET', 'PUT', 'DELETE'] as const)
      expect(await other.call(method, `/v1/groups/${group._id}`)).toMatchObject({ status: 404, json: NG })
    expect(await other.call('GET', `/v1/groups/devices/${group._id}`)).toMatchObject({ status: 404, json: NG })
  })

  test('last_contact is the last call of the device, on hit and miss alike', async () => {
    const device = await acme.device()
    const path = `/v1/devices/${device._id}`
    iotaap.server.clock.advance(5_000)
    await iotaap.get(latestPath(device))
    await iotaap.server.core.lastSeen.flush()
    const at = new Date(iotaap.server.clock.now()).toISOString()
    expect((await acme.call('GET', path)).json.last_contact).toBe(at)
  })

  test('what has no token of this protocol does not exist in it', async () => {
    const { core } = iotaap.server
    const device = await core.devices.create(acme.scope, { key: 'truck-17' })
    const group = await core.groups.create(acme.scope, { key: 'trucks' })
    expect(await acme.call('GET', `/v1/devices/${device.id}`)).toMatchObject({ status: 404, json: ND })
    expect(await acme.call('GET', `/v1/groups/${group.id}`)).toMatchObject({ status: 404, json: NG })
    const listed = (await acme.call('GET', '/v1/devices?search_value=truck')).json
    expect(listed).toMatchObject({ devices: [], recordsFiltered: 0 })
    expect((await iotaap.get(`/v1/ota/device/latest/${device.id}`)).status).toBe(404)
  })

  test('a rotated token shows as the newest, and both download until the old one ends', async () => {
    const device = await acme.device()
    await acme.deploy('device', { to: device, version: '1.0.0' })
    const { core, clock } = iotaap.server
    const found = await core.devices.get(acme.scope.organisation, device._id)
    const input = { scheme: 'iotaap', secret: 'NewTokenABCD', recoverable: true }
    await core.credentials.rotate(acme.scope, { device: found.serial }, input, 60)
    const shown = (await acme.call('GET', `/v1/devices/${device._id}`)).json
    expect(shown.token).toBe('NewTokenABCD')
    const { otas } = (await acme.call('GET', `/v1/ota/device?search_value=${device._id}`)).json
    expect(otas).toHaveLength(1)
    expect(otas[0].path).toBe(`ota/device/${device._id}NewTokenABCD/firmware.bin`)
    for (const to of [device, shown]) {
      expect((await iotaap.get(downloadPath(to))).status).toBe(200)
      expect((await acme.deploy('device', { to, version: '1.0.1', image: imageOf('1.0.1') })).status).toBe(201)
    }
    clock.advance(60_000)
    expect((await iotaap.get(downloadPath(device))).status).toBe(404)
    expect((await iotaap.get(downloadPath(shown))).status).toBe(200)
    expect((await acme.deploy('device', { to: device, version: '1.0.2' })).status).toBe(404)
  })

  test('an organisation at its limit of devices is told so in the words of the vendor', async () => {
    const small = await startIotaap({ storage: await open(), limits: { devicesPerOrganisation: 1 } })
    try {
      await small.tenant.device()
      const refused = await small.tenant.call('POST', '/v1/devices', { body: { name: 'b' } })
      expect(refused).toMatchObject({
        status: 403,
        text: '{"message":"Maximum number of devices reached. Please upgrade your account."}',
      })
    } finally {
      await small.close()
    }
  })
})
