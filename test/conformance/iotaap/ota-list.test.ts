import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { STORAGES } from '../../support/storages.ts'
import { type Iotaap, startIotaap, type Tenant, type Wire } from './fixture.ts'

const LISTS = ['/v1/ota/device', '/v1/ota/group', '/v1/devices', '/v1/groups'] as const

describe.each(STORAGES)('IoTaaP lists over $name', ({ open }) => {
  let iotaap: Iotaap
  let acme: Tenant
  const devices: Wire[] = []

  beforeAll(async () => {
    iotaap = await startIotaap({ storage: await open() })
    acme = iotaap.tenant
    const other = await iotaap.newTenant('globex')
    for (let index = 0; index < 5; index++) {
      iotaap.server.clock.advance(1_000)
      const isMatch = index < 3
      const made = await iotaap.server.core.devices.create(acme.scope, {
        name: `unit ${index}${isMatch ? ' match' : ''}`,
        credentials: [{ scheme: 'iotaap', secret: `${isMatch ? 'MATCH' : 'other'}00000a${index}`, recoverable: true }],
      })
      const device: Wire = (await acme.call('GET', `/v1/devices/${made.id}`)).json
      devices.push(device)
      await acme.deploy('device', { to: device, version: `1.0.${index}` })
      await other.deploy('device', { to: await other.device('match'), version: '9.9.9' })
    }
  })
  afterAll(() => iotaap.close())

  const get = (path: string) => acme.call('GET', path)
  const ids = (rows: ReadonlyArray<{ device: string }>) => rows.map((row) => row.device)

  test('row 10: draw comes back exactly as it was sent, or not at all', async () => {
    for (const list of LISTS) {
      expect((await get(`${list}?draw=007`)).text).toMatch(/"recordsFiltered":\d+,"draw":"007"}$/)
      expect((await get(list)).json).not.toHaveProperty('draw')
      expect((await get(`${list}?draw=a&draw=b`)).json.draw).toBe('a')
      expect((await get(`${list}?draw=`)).json.draw).toBe('')
    }
  })

  test('a row shows what the vendor shows, in that order', async () => {
    const device = devices[0]
    const { otas } = (await get(`/v1/ota/device?search_value=${device?._id}`)).json
    expect(otas).toHaveLength(1)
    expect(Object.keys(otas[0])).toEqual(['_id', 'device', '__v', 'last_updated', 'owner', 'path', 'version'])
    expect(otas[0]).toEqual({
      _id: expect.stringMatching(/^[0-9a-f]{24}$/),
      device: device?._id,
      __v: 0,
      last_updated: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      owner: acme.organisation.id,
      path: `ota/device/${device?._id}${device?.token}/firmware.bin`,
      version: '1.0.0',
    })
    expect((await get('/v1/ota/device')).text.startsWith('{"otas":[{')).toBe(true)
  })

  test('row 11: a page of what matches, with both counts', async () => {
    const path = await get('/v1/ota/device?search_value=match&limit=2&offset=2')
    expect(path.json).toMatchObject({ recordsTotal: 5, recordsFiltered: 3 })
    expect(ids(path.json.otas)).toEqual([devices[2]?._id])
    const name = await get('/v1/devices?search_value=MATCH&limit=2&offset=2')
    expect(name.json).toMatchObject({ recordsTotal: 5, recordsFiltered: 3 })
    expect(name.json.devices).toMatchObject([{ name: 'unit 2 match' }])
  })

  test('row 12: the search is literal, ignores case and looks at the token too', async () => {
    expect((await get('/v1/ota/device?search_value=.*')).json).toMatchObject({ otas: [], recordsFiltered: 0 })
    const target = devices[3]
    const part = target?.token.slice(2).toLowerCase()
    expect(ids((await get(`/v1/ota/device?search_value=${part}`)).json.otas)).toEqual([target?._id])
    const across = `${target?._id.slice(-4)}${target?.token.slice(0, 4).toUpperCase()}`
    expect(ids((await get(`/v1/ota/device?search_value=${across}`)).json.otas)).toEqual([target?._id])
    for (const everywhere of ['OTA', 'ota/device/', 'Firmware.bin', '/', ''])
      expect((await get(`/v1/ota/device?search_value=${everywhere}`)).json).toMatchObject({ recordsFiltered: 5 })
    for (const literal of ['%25', '_', '\\', '%27'])
      expect((await get(`/v1/devices?search_value=${literal}`)).json).toMatchObject({ recordsFiltered: 0 })
  })

  test('row 13: newest first only for desc, and junk is no error', async () => {
    const all = devices.map(({ _id }) => _id)
    expect(ids((await get('/v1/ota/device?order_dir=desc')).json.otas)).toEqual(all.toReversed())
    expect(ids((await get('/v1/ota/device?order_dir=sideways')).json.otas)).toEqual(all)
    for (const junk of ['limit=x&offset=-1', 'limit=-3&offset=y', 'limit=0', 'limit=1e3', 'limit=2.5&offset=0x2']) {
      const answer = await get(`/v1/ota/device?${junk}`)
      expect(answer.status).toBe(200)
      expect(ids(answer.json.otas)).toEqual(all)
    }
    expect(ids((await get('/v1/ota/device?limit=2&offset=1&order_dir=desc')).json.otas)).toEqual([all[3], all[2]])
    expect((await get('/v1/ota/device?limit=2&offset=9')).json).toMatchObject({ otas: [], recordsFiltered: 5 })
  })

  test('row 13: a new deploy moves its row to the end; rows of one moment are in order of id', async () => {
    iotaap.server.clock.advance(1_000)
    const again = devices[1]
    if (!again) throw new Error('there are five')
    await acme.deploy('device', { to: again, version: '2.0.0' })
    expect(ids((await get('/v1/ota/device')).json.otas).at(-1)).toBe(again._id)
    const tied = await iotaap.newTenant('tied')
    const made = await Promise.all(['a', 'b', 'c', 'd'].map((name) => tied.device(name)))
    const listed = (await tied.call('GET', '/v1/devices')).json.devices as Wire[]
    expect(listed.map(({ _id }) => _id)).toEqual(made.map(({ _id }) => _id).sort())
    const paged: string[] = []
    for (let offset = 0; offset < 4; offset++) {
      const page = (await tied.call('GET', `/v1/devices?limit=1&offset=${offset}&order_dir=desc`)).json.devices
      paged.push(page[0]._id)
    }
    expect(paged).toEqual(
      made
        .map(({ _id }) => _id)
        .sort()
        .toReversed(),
    )
  })

  test('group rows say group', async () => {
    const group = await acme.group()
    await acme.deploy('group', { to: group, version: '3.0.0' })
    const { otas, recordsTotal } = (await get('/v1/ota/group')).json
    expect(recordsTotal).toBe(1)
    expect(Object.keys(otas[0])).toEqual(['_id', 'group', '__v', 'last_updated', 'owner', 'path', 'version'])
    expect(otas[0]).toMatchObject({
      group: group._id,
      path: `ota/group/${group._id}${group.token}/firmware.bin`,
      version: '3.0.0',
    })
  })

  test('a long list without a limit arrives whole, and never more than the limit of the server', async () => {
    const { core } = iotaap.server
    const many = await iotaap.newTenant('many')
    await core.deps.storage.transaction(async (stores) => {
      for (let index = 0; index < 2_345; index++)
        await core.devices.insert(stores, many.scope, {
          name: `device ${index}`,
          credentials: [{ scheme: 'iotaap', secret: core.deps.ids.token(12), recoverable: true }],
        })
    })
    const answer = await many.call('GET', '/v1/devices?draw=1')
    expect(answer.type).toBe('application/json; charset=utf-8')
    expect(answer.json).toMatchObject({ recordsTotal: 2_345, recordsFiltered: 2_345, draw: '1' })
    const listed = answer.json.devices as Wire[]
    expect(new Set(listed.map(({ _id }) => _id)).size).toBe(2_345)
    expect((await many.call('GET', '/v1/devices?limit=1500&offset=1000')).json.devices).toEqual(
      listed.slice(1_000, 2_500),
    )
  })

  test('a list that fails says so in its own words', async () => {
    const failing = await startIotaap({ storage: await open() })
    const { management } = failing.server.core.deps.storage
    const refuse = async (): Promise<never> => {
      throw new Error('SELECT secret FROM /var/lib/godwit.db')
    }
    Object.assign(management, { holders: new Proxy({}, { get: () => refuse }) })
    const texts = {
      '/v1/ota/device': "Error when getting device OTA's.",
      '/v1/ota/group': "Error when getting group OTA's.",
      '/v1/devices': 'Error when getting devices',
      '/v1/groups': 'Error when getting groups',
    }
    for (const list of LISTS) {
      const answer = await failing.tenant.call('GET', list)
      expect(answer).toMatchObject({ status: 500, json: { message: texts[list], error: 'internal error' } })
    }
    await failing.close()
  })
})
