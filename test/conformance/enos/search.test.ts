import { beforeEach, describe, expect, it } from 'vitest'
import { STORAGES } from '../../support/storages.ts'
import { type Enos, sharedEnos } from './fixture.ts'
import { expectOk, expectRefused, type Json, type Program } from './program.ts'

const DEVICES = '/connect-service/v2.5/devices'

describe.each(STORAGES)('searches on $name', ({ open }) => {
  const next = sharedEnos(open)
  let enos: Enos
  let program: Program
  beforeEach(async () => {
    enos = await next()
    program = enos.program
  })

  async function named(name: string, locales: Readonly<Record<string, string>> = {}): Promise<string> {
    enos.server.clock.advance(1_000)
    const { firmware } = await enos.newFirmware(`v-${name.replace(/[^\w]/g, '-')}`, {
      name: { default: name, locales },
    })
    return firmware.id
  }

  const firmware = async (expression?: string, pagination?: object): Promise<Json[]> =>
    expectOk(
      await program.search('search', {
        ...(expression !== undefined && { expression }),
        ...(pagination && { pagination }),
      }),
    )
  const names = async (expression: string) => (await firmware(expression)).map(({ name }) => name.defaultValue)

  it('row 21: without body the first ten, newest first, no pagination key', async () => {
    const ids: string[] = []
    for (let index = 0; index < 12; index += 1) ids.unshift(await named(`n${index}`))
    const reply = await program.search('search')
    expect(expectOk(reply).map((one: Json) => one.firmwareId)).toEqual(ids.slice(0, 10))
    expect(reply.json).not.toHaveProperty('pagination')
    expect(expectOk(await program.action('search'))).toHaveLength(10)
    const [newest] = expectOk(reply)
    expect(expectOk(await program.action('get', { firmwareId: newest.firmwareId }))).toEqual(newest)
  })

  it('row 22: isVerified and productKey', async () => {
    const { core } = enos.server
    const { product } = await core.products.create(enos.tenant.scope, { key: 'b' })
    const [module] = await core.products.modules(product.serial)
    const inB = { product: product.serial, module: module?.serial ?? null }
    const first = await enos.newFirmware('1')
    const second = await enos.newFirmware('2', inB)
    await enos.newFirmware('3', { product: null, module: null })
    await core.deps.storage.transaction((stores) =>
      stores.firmware.update(first.firmware.serial, {
        verification: { enabled: true, verified: true, maxDevices: 5, minSucceeded: 1 },
      }),
    )
    const versions = async (expression: string) => (await firmware(expression)).map(({ version }) => version)
    expect(await versions('isVerified = False AND productKey="pk1"')).toEqual([])
    expect(await versions('isVerified = TRUE and productKey="pk1"')).toEqual(['1'])
    expect(await versions('isVerified=false')).toEqual(['3', '2'])
    expect(await versions(`productKey in ('a',"b")`)).toEqual(['2'])
    expect(await versions(`productKey IN('pk1' , 'b')`)).toEqual(['2', '1'])
    expect(await versions(`productKey in ('pk1','b') AND productKey = 'b'`)).toEqual(['2'])
    expect(await versions(`productKey='pk1'AND productKey='b'`)).toEqual([])
    expect(await versions(`productKey = 'unknown'`)).toEqual([])
    expect(second.firmware.version).toBe('2')
  })

  it('row 23: like is literal and heeds case', async () => {
    for (const name of ['50x', '50%', 'a_b', 'axb']) await named(name)
    expect(await names(`name like '50%'`)).toEqual(['50%'])
    expect(await names(`name LIKE 'a_b'`)).toEqual(['a_b'])
    expect(await names(`name like 'A_B'`)).toEqual([])
    expect(await names(`name like '0'`)).toEqual(['50%', '50x'])
    expect(await names(`name like ''`)).toHaveLength(4)
  })

  it('takes quotes and backslashes in strings', async () => {
    for (const name of [`it's`, 'say "hi"', 'back\\slash']) await named(name)
    expect(await names(`name like 'it\\'s'`)).toEqual([`it's`])
    expect(await names(`name like "it's"`)).toEqual([`it's`])
    expect(await names(`name like '"hi"'`)).toEqual(['say "hi"'])
    expect(await names(`name like 'k\\\\s'`)).toEqual(['back\\slash'])
  })

  it('row 24: a locale that is absent falls back to the default name', async () => {
    await named('x', { en_US: 'y' })
    await named('y', { ja_JP: 'z' })
    for (const field of ['name.ja_JP', 'name.default', 'name.defaultValue', 'name.zh_CN', 'name.es_ES'])
      expect(await names(`${field} like 'x'`)).toEqual(['x'])
    expect(await names(`name.en_US like 'x'`)).toEqual([])
    expect(await names(`name.ja_JP like 'z'`)).toEqual(['y'])
    expect(await names(`name.default like 'z'`)).toEqual([])
    expect(await names(`name like 'z'`)).toEqual(['y'])
    expect(await names(`name like 'y'`)).toEqual(['y', 'x'])
  })

  it.each([
    `foo = 'x'`,
    `isVerified in (true)`,
    `isVerified = 'true'`,
    `a='b' OR c='d'`,
    `name like 'a' OR name like 'b'`,
    `name = 'x'`,
    `productKey like 'x'`,
    `productKey = true`,
    `productKey = pk1`,
    `productKey in ()`,
    `productKey in 'a'`,
    `productKey in ('a',)`,
    `productKey in ('a'`,
    `productKey = 'a' AND`,
    `AND productKey = 'a'`,
    `productKey = 'a' productKey = 'b'`,
    `productKey = 'a'; drop table firmware`,
    `productKey = 'a`,
    `productKey = 'a\\n'`,
    `productKey`,
    `name.fr_FR like 'a'`,
    `status = 'init'`,
    `productKey = '${'x'.repeat(4_096)}'`,
    Array.from({ length: 33 }, () => `productKey = 'a'`).join(' AND '),
    `productKey in (${Array.from({ length: 201 }, () => `'a'`).join()})`,
  ])('row 25: %#', async (expression) => {
    const reply = await program.search('search', { expression })
    expectRefused(reply, 99400)
    expect(reply.json.msg).toMatch(/^Invalid Argument expression:/)
  })

  it('row 25: an expression that is no string; a body that is no object', async () => {
    expectRefused(await program.search('search', { expression: ['a'] }), 99400)
    for (const body of ['[]', '"x"', '{', 'null']) {
      const call = { method: 'POST', body, contentType: 'application/json' } as const
      expectRefused(await program.action('search', {}, call), 99400)
    }
    expect(await firmware('  ')).toEqual([])
  })

  it('row 26: pages', async () => {
    const ids: string[] = []
    for (let index = 0; index < 5; index += 1) ids.unshift(await named(`n${index}`))
    const page = async (pagination: object, expression?: string) =>
      (await firmware(expression, pagination)).map(({ firmwareId }) => firmwareId)
    expect(await page({ pageNo: 1, pageSize: 2 })).toEqual(ids.slice(0, 2))
    expect(await page({ pageNo: 3, pageSize: 2 }, `name like 'n'`)).toEqual(ids.slice(4))
    expect(await page({ pageNo: '2', pageSize: '2', sorters: [{ field: 'name' }] })).toEqual(ids.slice(2, 4))
    expect(await page({ pageNo: 4, pageSize: 2 })).toEqual([])
    expect(await page({ pageNo: 1_000_000, pageSize: 200 })).toEqual([])
    expect(await page({})).toEqual(ids)
  })

  it.each([{ pageSize: 0 }, { pageSize: 201 }, { pageNo: 0 }, { pageNo: 1.5 }, { pageNo: -1 }, { pageSize: 'x' }])(
    'row 26: %o',
    async (pagination) => {
      for (const action of ['search', 'searchDeviceUpgrade'])
        expectRefused(await program.search(action, { pagination }), 99400)
    },
  )

  it('row 26: listVersion', async () => {
    const listVersion = (productKey: string | undefined) => program.action('listVersion', { productKey })
    expect(expectOk(await listVersion('pk1'))).toEqual([])
    expectRefused(await listVersion('unknown'), 99404)
    expectRefused(await listVersion(undefined), 99400)
    for (const [index, version] of ['1.10', '1.9', '1.10', 'B', 'a'].entries()) {
      await enos.newDevice(`dk${index}`)
      const body = JSON.stringify({ version, productKey: 'pk1', deviceKey: `dk${index}` })
      const call = { path: DEVICES, method: 'POST', body, contentType: 'application/json' } as const
      expectOk(await program.action('reportFirmwareVersion', {}, call))
    }
    expect(expectOk(await listVersion('pk1'))).toEqual(['1.10', '1.9', 'B', 'a'])
  })

  describe('of devices', () => {
    const report = (body: object, from = program) =>
      from.action(
        'reportFirmwareVersion',
        {},
        {
          path: DEVICES,
          method: 'POST',
          body: JSON.stringify(body),
          contentType: 'application/json',
        },
      )
    const devices = async (expression?: string): Promise<Json[]> =>
      expectOk(await program.search('searchDeviceUpgrade', expression === undefined ? undefined : { expression }))

    it('finds those that have reported a version', async () => {
      const id = await enos.newDevice('dk1')
      await enos.newDevice('dk2', { assetId: 'zzz' })
      await enos.newDevice('silent')
      expect(expectOk(await report({ version: '1.0', productKey: 'pk1', deviceKey: 'dk1' }))).toBeNull()
      expect(expectOk(await report({ version: '2.0', assetId: 'zzz' }))).toBeNull()
      const dk1 = {
        orgId: 'org1',
        assetId: id,
        productKey: 'pk1',
        deviceKey: 'dk1',
        firmwareVersion: '1.0',
        isUpgrading: false,
      }
      const dk2 = { ...dk1, assetId: 'zzz', deviceKey: 'dk2', firmwareVersion: '2.0' }
      expect(await devices()).toEqual([dk1, dk2])
      expect(await devices(`productKey = 'pk1' AND firmwareVersion in ('2.0', '3.0')`)).toEqual([dk2])
      expect(await devices(`firmwareVersion = '1.0' AND firmwareVersion = '2.0'`)).toEqual([])
      expect(await devices(`productKey = 'unknown'`)).toEqual([])
      expect(await devices(`isUpgrading = true`)).toEqual([])
      expect(await devices(`isUpgrading = False`)).toEqual([dk1, dk2])
      expect(await devices(`isUpgrading = true AND isUpgrading = false`)).toEqual([])
      expectRefused(await program.search('searchDeviceUpgrade', { expression: `name like 'x'` }), 99400)
    })

    it('reports a version for a device by assetId, or by its keys, as the number that was written', async () => {
      const id = await enos.newDevice('dk1')
      const call = { path: DEVICES, method: 'POST', contentType: 'application/json' } as const
      expectOk(
        await program.action('reportFirmwareVersion', {}, { ...call, body: `{"version": 1.0, "assetId": "${id}"}` }),
      )
      expect(await devices()).toMatchObject([{ firmwareVersion: '1.0' }])
      expectOk(await report({ version: '1.1', assetId: id, productKey: 'pk1', deviceKey: 'dk1' }))
      expect(await devices()).toMatchObject([{ firmwareVersion: '1.1' }])
      expectRefused(await report({ version: '1.2', assetId: id, deviceKey: 'dk2' }), 404, 'Device Not Found')
      expectRefused(await report({ version: '1.2', assetId: 'unknown' }), 404, 'Device Not Found')
      expectRefused(await report({ version: '1.2', productKey: 'pk1', deviceKey: 'dk2' }), 404, 'Device Not Found')
      expectRefused(await report({ version: '1.2', productKey: 'pk2', deviceKey: 'dk1' }), 404, 'Device Not Found')
      for (const body of [
        { assetId: id },
        { version: '', assetId: id },
        { version: '1' },
        { version: '1', assetId: 7 },
      ])
        expectRefused(await report(body), 400, 'Invalid Argument')
    })

    it('reports for devices of the organisation alone, and only with permission to write', async () => {
      const other = await enos.newTenant('org2')
      const id = await enos.newDevice('dk1', { tenant: other })
      expectRefused(await report({ version: '1', assetId: id }), 404)
      expectRefused(await report({ version: '1', productKey: 'pk1', deviceKey: 'dk1' }), 404)
      const reader = await enos.newProgram({ permissions: ['read'] })
      expectRefused(await report({ version: '1', assetId: id }, reader), 99403)
      const get = await program.action('reportFirmwareVersion', {}, { path: DEVICES })
      expectRefused(get, 99400)
    })
  })
})
