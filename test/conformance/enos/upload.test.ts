import { createHash } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { STORAGES } from '../../support/storages.ts'
import { type Enos, formOf, type Part, sharedEnos, someBytes, startEnos } from './fixture.ts'
import { expectOk, expectRefused, type Program, type Reply } from './program.ts'

const FILE = someBytes(5_000)
const MD5 = createHash('md5').update(FILE).digest('hex')
const SHA256 = createHash('sha256').update(FILE).digest('hex')

const METADATA = {
  name: { defaultValue: 'HC_TEST', i18nValue: {} },
  version: '2.0',
  signMethod: 'md5',
  sign: MD5,
  enableVerification: false,
}

// A connection whose request was refused early is not idle yet when a test closes the server.
const LIMITS = { firmwareBytes: 100_000, keepAliveTimeoutMs: 500 }

describe.each(STORAGES)('firmware create and delete on $name', ({ open }) => {
  const next = sharedEnos(open, { http: LIMITS })
  let enos: Enos
  let program: Program
  beforeEach(async () => {
    enos = await next()
    program = enos.program
  })

  const file: Part = { name: 'file', value: FILE, filename: 'firmware.zip' }

  function create(
    parts: readonly Part[],
    parameters: Readonly<Record<string, string | undefined>> = {},
  ): Promise<Reply> {
    return program.action('create', { productKey: 'pk1', ...parameters }, { method: 'POST', ...formOf(parts) })
  }

  const createWith = (changes: object, parameters: Readonly<Record<string, string | undefined>> = {}) =>
    create([{ name: 'metadata', value: JSON.stringify({ ...METADATA, ...changes }) }, file], parameters)

  async function expectNothingStored(): Promise<void> {
    const { storage, blobs } = enos.server.core.deps
    expect(await storage.read.firmware.count({ organisation: enos.tenant.organisation.serial })).toBe(0)
    for await (const sha256 of blobs.list()) expect(await storage.read.blobRecords.isKnown(sha256)).toBe(true)
  }

  it('stores what the metadata says, and shows it', async () => {
    const data = expectOk(
      await createWith({
        name: { defaultValue: 'HC', i18nValue: { zh_CN: '固件', en_US: 'firmware' } },
        desc: 'a description',
        enableVerification: true,
        firmwareTags: { 'a/b_c-1': 'value', empty: '' },
        maxAllowedForVerification: 3,
        minSuccessForVerified: '2',
        unknown: 'ignored',
      }),
    )
    expect(data).toEqual({ firmwareId: expect.stringMatching(/^[0-9a-f]{24}$/) })
    const info = expectOk(await program.action('get', data))
    expect(info).toEqual({
      orgId: 'org1',
      firmwareId: data.firmwareId,
      productKey: 'pk1',
      name: { defaultValue: 'HC', i18nValue: { zh_CN: '固件', en_US: 'firmware' } },
      version: '2.0',
      desc: 'a description',
      signMethod: 'md5',
      sign: MD5,
      fileUrl: expect.stringMatching(/^enos-connect:\/\/[A-Za-z0-9]{20,}\.zip$/),
      fileSize: 5_000,
      isVerified: false,
      enableVerification: true,
      createTime: enos.server.clock.now(),
      firmwareTags: { 'a/b_c-1': 'value', empty: '' },
      maxAllowedForVerification: 3,
      minSuccessForVerified: 2,
    })
    const [stored] = await enos.server.core.deps.storage.read.firmware.list(
      { organisation: enos.tenant.organisation.serial },
      { limit: 9 },
    )
    // Shipped by assignment alone: not in the catalogue of protocols whose devices choose.
    expect(stored).toMatchObject({ active: false, scope: 'library' })
  })

  it('row 17: file part before metadata, unknown parts, no sign, MD5 in capitals', async () => {
    const { sign: _sign, ...unsigned } = METADATA
    const metadata = { name: 'metadata', value: JSON.stringify({ ...unsigned, signMethod: 'MD5' }) }
    const extra = { name: 'other', value: FILE, filename: 'other.bin' }
    const data = expectOk(await create([extra, file, { name: 'note', value: 'x' }, metadata]))
    expect(expectOk(await program.action('get', data))).toMatchObject({ signMethod: 'md5', sign: MD5 })
  })

  it('row 17: no sign, SHA256; a sign in capitals', async () => {
    const first = expectOk(await createWith({ signMethod: 'SHA256', sign: null }))
    expect(expectOk(await program.action('get', first))).toMatchObject({ signMethod: 'sha256', sign: SHA256 })
    const changes = { signMethod: 'Sha256', sign: SHA256.toUpperCase(), version: '3.0', name: { defaultValue: 'b' } }
    const second = expectOk(await createWith(changes))
    expect(expectOk(await program.action('get', second))).toMatchObject({ signMethod: 'sha256', sign: SHA256 })
  })

  it('defaults: at least one success, up to five devices, more if more must succeed', async () => {
    const get = async (changes: object) => expectOk(await program.action('get', expectOk(await createWith(changes))))
    expect(await get({})).toMatchObject({ minSuccessForVerified: 1, maxAllowedForVerification: 5 })
    const seven = { version: '7', name: { defaultValue: '7' }, minSuccessForVerified: 7 }
    expect(await get(seven)).toMatchObject({ minSuccessForVerified: 7, maxAllowedForVerification: 7 })
  })

  it.each([
    ['wrong sign', { sign: SHA256 }],
    ['sign of another file', { sign: MD5.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) }],
    ['min 3 with max 2', { minSuccessForVerified: 3, maxAllowedForVerification: 2 }],
    ['max 0', { maxAllowedForVerification: 0 }],
    ['min 0', { minSuccessForVerified: 0 }],
    ['max as a fraction', { maxAllowedForVerification: 2.5 }],
    ['no name', { name: undefined }],
    ['name as text', { name: 'HC' }],
    ['name without default', { name: { i18nValue: {} } }],
    ['locale that is none', { name: { defaultValue: 'a', i18nValue: { german: 'b' } } }],
    ['no version', { version: undefined }],
    ['version as a number', { version: 2 }],
    ['version with a blank', { version: '2 0' }],
    ['no signMethod', { signMethod: undefined }],
    ['signMethod sha1', { signMethod: 'sha1' }],
    ['no enableVerification', { enableVerification: undefined }],
    ['enableVerification as text', { enableVerification: 'true' }],
    ['desc of 513 characters', { desc: 'x'.repeat(513) }],
    ['tag key with a blank', { firmwareTags: { 'a b': 'c' } }],
    ['tag value with an outer blank', { firmwareTags: { a: ' b' } }],
    ['tag value that is no text', { firmwareTags: { a: 1 } }],
    ['101 tags', { firmwareTags: Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`t${index}`, ''])) }],
  ])('row 18: %s', async (_name, changes) => {
    expectRefused(await createWith(changes), 99400)
    await expectNothingStored()
  })

  it.each([
    ['metadata with single quotes', [{ name: 'metadata', value: JSON.stringify(METADATA).replaceAll('"', "'") }, file]],
    ['metadata that is an array', [{ name: 'metadata', value: '[]' }, file]],
    ['no metadata part', [file]],
    ['no file part', [{ name: 'metadata', value: JSON.stringify(METADATA) }]],
    [
      'file part without a filename',
      [
        { name: 'metadata', value: JSON.stringify(METADATA) },
        { name: 'file', value: 'x' },
      ],
    ],
    [
      'empty file',
      [
        { name: 'metadata', value: JSON.stringify({ ...METADATA, sign: undefined }) },
        { ...file, value: '' },
      ],
    ],
  ] as ReadonlyArray<[string, Part[]]>)('row 18: %s', async (_name, parts) => {
    expectRefused(await create(parts), 99400)
    await expectNothingStored()
  })

  it('row 18: a file over the limit', async () => {
    const metadata = { name: 'metadata', value: JSON.stringify({ ...METADATA, sign: undefined }) }
    const reply = await create([metadata, { ...file, value: someBytes(100_001) }])
    expect(reply.status).toBe(413)
    expect(reply.json).toMatchObject({ code: 99400, data: null })
    await expectNothingStored()
    expectOk(await create([metadata, { ...file, value: someBytes(100_000) }]))
  })

  it('row 18: a form whose length alone says that the file is over the limit', async () => {
    const reply = await create([{ ...file, value: Buffer.alloc(100_000 + 2 ** 20) }])
    expect(reply.status).toBe(413)
    expect(reply.json).toMatchObject({ code: 99400, data: null })
    await expectNothingStored()
  })

  it('row 18: a body that is no form', async () => {
    const call = { method: 'POST', body: '{}', contentType: 'application/json' } as const
    expectRefused(await program.action('create', {}, call), 99400)
    expectRefused(await program.action('create', {}, { method: 'POST' }), 99400)
    expectRefused(await program.action('create'), 99400)
    await expectNothingStored()
  })

  it('row 19: version taken, name taken, both', async () => {
    expectOk(await createWith({}))
    expectRefused(await createWith({ name: { defaultValue: 'b' } }), 24601, 'Firmware version already exists')
    expectRefused(await createWith({ version: '3.0' }), 24602, 'Firmware name already exists')
    expectRefused(await createWith({}), 24601)
  })

  it('row 19: two equal creates at once', async () => {
    const both = await Promise.all([createWith({}), createWith({})])
    expect(both.map(({ json }) => json.code).sort()).toEqual([0, 24601])
    const [winner] = both.filter(({ json }) => json.code === 0)
    expect(expectOk(await program.search('search'))).toMatchObject([winner?.json.data])
  })

  it('row 19: name and version are unique in the product, and without one in the organisation', async () => {
    const { core } = enos.server
    await core.products.create(enos.tenant.scope, { key: 'pk2' })
    expectOk(await createWith({}))
    expectOk(await createWith({}, { productKey: 'pk2' }))
    expectOk(await createWith({}, { productKey: undefined }))
    expectRefused(await createWith({}, { productKey: undefined }), 24601)
    expectRefused(await createWith({}, { productKey: 'pk3' }), 99404)
  })

  it('row 20: delete of what an assignment uses, and after it is taken away', async () => {
    const firmware = await enos.newFirmware('1.0')
    await enos.newDevice('dk1')
    await enos.assign('dk1', firmware)
    const remove = () => program.action('delete', { firmwareId: firmware.firmware.id }, { method: 'POST' })
    expectRefused(await remove(), 24604, 'Firmware cannot be deleted')
    const { core } = enos.server
    const device = await core.devices.get(enos.tenant.organisation.serial, 'dk1')
    const assignment = await core.deps.storage.read.assignments.findByDevice(device.serial)
    await core.assignments.remove(enos.tenant.scope, assignment?.id ?? '')
    expect(expectOk(await remove())).toBeNull()
    expectRefused(await remove(), 24404)
  })

  it('row 20: delete by GET, flag off and on', async () => {
    const { firmware } = await enos.newFirmware('1.0')
    expectRefused(await program.action('delete', { firmwareId: firmware.id }), 99400)
    expectOk(await program.action('get', { firmwareId: firmware.id }))
    await using lenient = await startEnos({ config: { allowGetDelete: true } })
    const again = await lenient.newFirmware('1.0')
    expectOk(await lenient.program.action('delete', { firmwareId: again.firmware.id }))
    expectRefused(await lenient.program.action('get', { firmwareId: again.firmware.id }), 24404)
  })

  it('stores a wrong sign unchecked where it is configured so', async () => {
    await using trusting = await startEnos({ config: { trustSign: true } })
    program = trusting.program
    const data = expectOk(await createWith({ sign: 'FileSig' }))
    expect(expectOk(await program.action('get', data))).toMatchObject({ signMethod: 'md5', sign: 'filesig' })
  })

  it('counts a signature of an upload once', async () => {
    const timestamp = program.timestamp()
    const metadata = { name: 'metadata', value: JSON.stringify(METADATA) }
    const call = () =>
      program.action('create', { productKey: 'pk1' }, { method: 'POST', timestamp, ...formOf([metadata, file]) })
    expectOk(await call())
    expectRefused(await call(), 1001)
  })
})
