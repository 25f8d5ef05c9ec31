import { beforeEach, describe, expect, it } from 'vitest'
import { newArtifact, newFirmware, newModule, newProduct } from '../../support/rows.ts'
import { STORAGES } from '../../support/storages.ts'
import { type Enos, sharedEnos, startEnos } from './fixture.ts'
import { expectOk, expectRefused, type Program, UUID } from './program.ts'

// The sample of the vendor's page, layout condensed.
const GOLDEN = `{"code":0, "msg":"OK", "requestId":"28da9093-400f-4eb1-8cdc-83e4ec77070d", "data":{
  "orgId":"yourOrgId", "firmwareId":"yourFirmwareId", "productKey":"BXwU4kMk",
  "name":{"defaultValue":"HC_TEST", "i18nValue":{}},
  "version":"2.0", "desc":null, "signMethod":"md5", "sign":"fileSig",
  "fileUrl":"enos-connect://file.zip", "fileSize":1767, "isVerified":false, "enableVerification":false,
  "createTime":1590746442378, "firmwareTags":{"tagKey":"tagValue"},
  "maxAllowedForVerification":5, "minSuccessForVerified":2}}`

describe.each(STORAGES)('Get Firmware File on $name', ({ open }) => {
  const next = sharedEnos(open)
  let enos: Enos
  let program: Program
  beforeEach(async () => {
    enos = await next()
    program = enos.program
  })

  async function insertGolden(): Promise<Program> {
    const { core } = enos.server
    const tenant = await enos.newTenant('yourOrgId')
    const organisation = tenant.organisation.serial
    await core.deps.storage.transaction(async (stores) => {
      const product = await stores.products.insert(newProduct(organisation, { key: 'BXwU4kMk' }))
      const module = await stores.modules.insert(newModule(product))
      const firmware = await stores.firmware.insert(
        newFirmware(organisation, {
          id: 'yourFirmwareId',
          createdAt: 1590746442378,
          product: product.serial,
          module: module.serial,
          scope: 'library',
          version: '2.0',
          name: { default: 'HC_TEST', locales: {} },
          description: null,
          tags: { tagKey: 'tagValue' },
          verification: { enabled: false, verified: false, maxDevices: 5, minSucceeded: 2 },
          declaredDigest: { method: 'md5', value: 'fileSig' },
          fileAlias: 'file.zip',
        }),
      )
      await stores.artifacts.insert(newArtifact(firmware, { size: 1767 }))
    })
    return enos.newProgram({ tenant })
  }

  it('row 1: the golden reply, by GET and by POST', async () => {
    const golden = await insertGolden()
    for (let time = 0; time < 2; time += 1) {
      const reply = await golden.action('get', { firmwareId: 'yourFirmwareId' })
      expect(reply.status).toBe(200)
      expect(reply.headers.get('content-type')).toBe('application/json; charset=utf-8')
      const { requestId } = reply.json
      expect(requestId).toMatch(UUID)
      const wanted = GOLDEN.replace('28da9093-400f-4eb1-8cdc-83e4ec77070d', requestId)
      // As text: order of keys and the form of numbers too.
      expect(reply.text).toBe(JSON.stringify(JSON.parse(wanted)))
    }
    const call = { method: 'POST', body: '{}', contentType: 'application/json' } as const
    const reply = await golden.action('get', { firmwareId: 'yourFirmwareId' }, call)
    expect(expectOk(reply)).toEqual(JSON.parse(GOLDEN).data)
  })

  it('row 2: unknown firmware, firmware of another organisation, none named', async () => {
    const other = await enos.newTenant('org2')
    const foreign = await enos.newFirmware('1.0', { tenant: other })
    for (const firmwareId of ['5e1b57808711f904f5df4bad', 'x', foreign.firmware.id])
      expectRefused(await program.action('get', { firmwareId }), 24404, 'Firmware not found')
    for (const firmwareId of ['', undefined])
      expectRefused(
        await program.action('get', { firmwareId }),
        99400,
        'Invalid Argument firmwareId:firmwareId is missing',
      )
  })

  it('row 2: firmware that was deployed to a single device over another protocol', async () => {
    const { firmware } = await enos.newFirmware('1.0', { scope: 'private' })
    expectRefused(await program.action('get', { firmwareId: firmware.id }), 24404)
    expectRefused(await program.action('delete', { firmwareId: firmware.id }, { method: 'POST' }), 24404)
    expect(expectOk(await program.search('search'))).toEqual([])
  })

  it('row 3: no action, an unknown one', async () => {
    for (const action of [undefined, ''])
      expectRefused(await program.action(action), 99400, 'Invalid Argument action:action is missing')
    for (const action of ['fly', 'constructor', '__proto__']) expectRefused(await program.action(action), 99400)
  })

  it('row 4: orgId unknown, not granted, read-only credential', async () => {
    await enos.newTenant('org2')
    expectRefused(
      await program.forOrganisation('nowhere').action('get', { firmwareId: 'x' }),
      99400,
      'Invalid Argument orgId:  orgId does not exist',
    )
    expectRefused(await program.action('get', { firmwareId: 'x', orgId: undefined }), 99400)
    const denied = await program.forOrganisation('org2').action('get', { firmwareId: 'x' })
    expectRefused(denied, 99403, 'Denied resource:  orgId org2')
    const reader = await enos.newProgram({ permissions: ['read'] })
    const created = await reader.action('create', {}, { method: 'POST' })
    expectRefused(created, 99403, 'Denied resource:  orgId org1')
    expectOk(await reader.search('search'))
  })

  it('row 4: several organisations by one credential, each with its own permissions', async () => {
    const second = await enos.newTenant('org2')
    const grants = [{ organisation: second.organisation.serial, permissions: ['read' as const] }]
    const both = await enos.newProgram({ grants })
    expectOk(await both.search('search'))
    expectOk(await both.forOrganisation('org2').search('search'))
    expectRefused(await both.forOrganisation('org2').action('delete', { firmwareId: 'x' }, { method: 'POST' }), 99403)
    expectRefused(await both.action('delete', { firmwareId: 'x' }, { method: 'POST' }), 24404)
  })

  it('row 5: a firmware without product, description and tags', async () => {
    const { firmware } = await enos.newFirmware('1.0', { product: null, module: null })
    const data = expectOk(await program.action('get', { firmwareId: firmware.id }))
    expect(data).not.toHaveProperty('productKey')
    expect(data).toMatchObject({ desc: null, firmwareTags: {}, name: { defaultValue: '1.0', i18nValue: {} } })
    expect(Object.keys(data)).toHaveLength(15)
  })

  it('never shows productKey where it is configured so', async () => {
    await using silent = await startEnos({ config: { productKeyInReplies: 'never' } })
    const { firmware } = await silent.newFirmware('1.0')
    const data = expectOk(await silent.program.action('get', { firmwareId: firmware.id }))
    expect(data).not.toHaveProperty('productKey')
  })

  it('reads its own writes: a renamed product, an organisation with a new orgId', async () => {
    const { core } = enos.server
    const { firmware } = await enos.newFirmware('1.0')
    const get = (from = program) => from.action('get', { firmwareId: firmware.id })
    expect(expectOk(await get())).toMatchObject({ orgId: 'org1', productKey: 'pk1' })
    await core.products.update(enos.tenant.scope, 'pk1', { aliases: { 'enos/product-key': 'BXwU4kMk' } })
    expect(expectOk(await get())).toMatchObject({ orgId: 'org1', productKey: 'BXwU4kMk' })
    await core.organisations.update(enos.tenant.scope, { aliases: { 'enos/org-id': 'o15504745674071' } })
    expectRefused(await get(), 99400)
    expect(expectOk(await get(program.forOrganisation('o15504745674071')))).toMatchObject({ orgId: 'o15504745674071' })
    await core.firmware.delete(enos.tenant.scope, firmware.id)
    expectRefused(await get(program.forOrganisation('o15504745674071')), 24404)
  })

  it('row 3: unknown actions of jobs', async () => {
    const path = '/connect-service/v2.1/ota-jobs'
    expectRefused(await program.action('fly', {}, { path, method: 'POST' }), 99400)
  })
})
