import { beforeAll, describe, expect, it } from 'vitest'
import { type Client, expectDone, expectProblem, type Tenant, useApi } from './fixture.ts'
import { STORAGES } from './storages.ts'

const NDJSON = { 'content-type': 'application/x-ndjson' }
const CSV = { 'content-type': 'text/csv' }
const lines = (...devices: readonly unknown[]) => devices.map((one) => `${JSON.stringify(one)}\n`).join('')

describe.each(STORAGES)('import and export on $name', (storage) => {
  const api = useApi(storage)
  let acme: Tenant
  let beta: Tenant
  beforeAll(async () => {
    acme = await api().tenant('acme')
    beta = await api().tenant('beta')
    for (const tenant of [acme, beta]) {
      expectDone(await tenant.operator.post('/products', { key: 'panel' }), 201)
      expectDone(await tenant.operator.post('/groups', { key: 'pilot' }), 201)
    }
  })
  const send = (
    payload: string,
    query = '',
    headers: Record<string, string> = NDJSON,
    client: Client = acme.operator,
  ) => client.call('POST', `/devices/import${query}`, { payload, headers })
  const count = async () => api().core.deps.storage.management.devices.count({ organisation: acme.organisation.serial })

  it('takes 5,000 devices with tokens', async () => {
    const devices = Array.from({ length: 5000 }, (_, index) => ({
      key: `bulk-${index}`,
      product: 'panel',
      tags: { n: String(index) },
      credentials: {
        native: { token: `native-token-${index}`.padEnd(20, 'x') },
        hawkbit: { controllerId: `ecu-${index}`, targetToken: `t${index}` },
      },
    }))
    const report = expectDone(await send(lines(...devices)))
    expect(report).toEqual({
      dryRun: false,
      mode: 'all',
      lines: 5000,
      created: 5000,
      updated: 0,
      skipped: 0,
      failed: 0,
      starts: null,
      errors: [],
    })
    expect(await count()).toBe(5000)
    const one = expectDone(await acme.viewer.get('/devices/bulk-4321'))
    expect(one).toMatchObject({
      tags: { n: '4321' },
      product: { key: 'panel' },
      aliases: { 'hawkbit/controller-id': 'ecu-4321' },
    })
    const { items } = expectDone(await acme.viewer.get('/events?type=device.imported'))
    expect(items).toHaveLength(5)
    expect(items[0].details).toEqual({
      created: 1000,
      updated: 0,
      skipped: 0,
      firstKey: 'bulk-4000',
      lastKey: 'bulk-4999',
    })
  })

  it('writes nothing when one line is bad, and says which', async () => {
    const before = await count()
    const good = { key: 'good', credentials: { native: { token: 'the-same-token-twice' } } }
    const reply = await send(
      `${lines(
        good,
        { key: 'bulk-7' },
        { key: 'same-token', credentials: { native: { token: 'the-same-token-twice' } } },
        { key: 'good' },
        { key: 'x', product: 'none' },
        { name: 'no key' },
        { key: 'y', credentials: { native: {} } },
        { key: 'z', colour: 'red' },
        { key: 'w', tags: { 'bad name': 'x' } },
      )}\n{"key":\n`,
    )
    expectProblem(reply, 422, 'import-refused')
    expect(reply.json.facts).toEqual({ lines: 10, failed: 9 })
    expect(reply.json.errors.map((one: { line: number; pointer: string }) => [one.line, one.pointer])).toEqual([
      [2, '/key'],
      [3, '/credentials/native'],
      [4, '/key'],
      [5, '/product'],
      [6, '/key'],
      [7, '/credentials/native/token'],
      [8, ''],
      [9, '/tags'],
      [11, ''],
    ])
    expect(await count()).toBe(before)
  })

  it('tells with a dry run what it would do, and does nothing', async () => {
    const before = await count()
    const file = lines({ key: 'bulk-1', name: 'New name' }, { key: 'fresh' }, { key: '' })
    const dry = (onExisting: string) => send(file, `?dryRun=true&onExisting=${onExisting}`)
    expect(expectDone(await dry('update'))).toMatchObject({ created: 1, updated: 1, skipped: 0, failed: 1 })
    expect(expectDone(await dry('skip'))).toMatchObject({ created: 1, updated: 0, skipped: 1, failed: 1 })
    expect(expectDone(await dry('error'))).toMatchObject({ created: 1, failed: 2, dryRun: true })
    expect([await count(), expectDone(await acme.viewer.get('/devices/bulk-1')).name]).toEqual([before, 'bulk-1'])
  })

  it('skips or updates devices that are there', async () => {
    const file = lines({
      key: 'bulk-1',
      name: 'New name',
      tags: { a: 'b' },
      group: 'pilot',
      credentials: { native: { token: 'another-native-token' } },
    })
    expect(expectDone(await send(file, '?onExisting=skip'))).toMatchObject({ skipped: 1, updated: 0 })
    expect(expectDone(await acme.viewer.get('/devices/bulk-1')).name).toBe('bulk-1')
    expect(expectDone(await send(file, '?onExisting=update'))).toMatchObject({ skipped: 0, updated: 1 })
    const shown = expectDone(await acme.viewer.get('/devices/bulk-1'))
    expect(shown).toMatchObject({
      name: 'New name',
      tags: { a: 'b' },
      group: { key: 'pilot' },
      product: { key: 'panel' },
    })
    const { items } = expectDone(await acme.viewer.get('/devices/bulk-1/credentials'))
    expect(items.map((one: { scheme: string }) => one.scheme).sort()).toEqual(['hawkbit', 'native'])
    const stolen = lines({ key: 'bulk-1', credentials: { native: { token: 'native-token-2'.padEnd(20, 'x') } } })
    expectProblem(await send(stolen, '?onExisting=update'), 422, 'import-refused')
  })

  it('in chunks leaves out a chunk with a bad line, and writes the others', async () => {
    const before = await count()
    const devices = Array.from({ length: 2500 }, (_, index) => ({
      key: `chunk-${index}`,
      ...(index === 1500 && { name: '' }),
    }))
    const report = expectDone(await send(lines(...devices), '?mode=chunks'))
    expect(report).toMatchObject({ mode: 'chunks', lines: 2500, created: 1500, failed: 1000 })
    expect(report.errors).toMatchObject([{ line: 1501, code: 'invalid', pointer: '/name' }])
    expect(await count()).toBe(before + 1500)
    expectProblem(await acme.viewer.get('/devices/chunk-1499'), 404, 'not-found')
    expectDone(await acme.viewer.get('/devices/chunk-2499'))
  })

  it('takes CSV with quotes, a byte order mark and short columns', async () => {
    const file = [
      '\uFEFFkey,name,number,tags.site,tags,spokeZone.cpuId,credentials.spokeZone.uuid,enos.secret,enos.assetId',
      'csv-1,"Pump, big",7001,graz,"{""line"":""4""}",c-1,u-1,s3cr3t,',
      'csv-2,,,,,,,,',
      '',
    ].join('\r\n')
    expect(expectDone(await send(file, '', CSV))).toMatchObject({ created: 2, lines: 2 })
    expect(expectDone(await acme.viewer.get('/devices/csv-1'))).toMatchObject({
      name: 'Pump, big',
      number: 7001,
      tags: { site: 'graz', line: '4' },
    })
    const { items } = expectDone(await acme.viewer.get('/devices/csv-1/credentials'))
    expect(items).toMatchObject([{ scheme: 'spoke-zone', details: { cpuId: 'c-1', uuid: 'u-1' } }, { scheme: 'enos' }])
    const unknown = await send('key,colour\nx,red\n', '?format=csv')
    expectProblem(unknown, 422, 'import-refused')
    expect(unknown.json.errors).toMatchObject([{ line: 2, detail: expect.stringContaining('colour') }])
    const broken = await send('key,name\nx,"open\n', '', CSV)
    expectProblem(broken, 422, 'import-refused')
    expect(broken.json.errors[0].detail).toMatch(/^is no CSV/)
  })

  it('exports everything that it takes, with readable secrets, and it can be taken in again', async () => {
    const device = {
      key: 'migrant',
      name: 'Migrant, "quoted"',
      product: 'panel',
      group: 'pilot',
      status: 'disabled',
      tags: { site: 'linz' },
      credentials: {
        native: { token: 'not-readable-again' },
        iotaap: { token: 'MNBVCXYLKJHG' },
        spokeZone: { cpuId: 'cpu', uuid: 'uu' },
        enos: { deviceKey: 'dk', assetId: 'asset-m', secret: 's' },
        hawkbit: { controllerId: 'con', targetToken: 'tt' },
      },
    }
    const made = expectDone(await acme.operator.post('/devices', device), 201)
    const ndjson = await acme.owner.get('/devices/export?search=migrant')
    expect([ndjson.status, ndjson.headers['content-type']]).toEqual([200, 'application/x-ndjson'])
    const { native: _unreadable, ...readable } = device.credentials
    expect(JSON.parse(ndjson.text)).toEqual({
      ...device,
      credentials: readable,
      id: made.id,
      number: made.number,
      attributes: {},
      aliases: {},
    })
    const csv = await acme.owner.get('/devices/export?search=migrant&format=csv')
    expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8')
    const hidden = await acme.owner.get('/devices/export?search=migrant&secrets=false')
    expect(hidden.text).not.toMatch(/MNBVCXYLKJHG|"tt"/)
    for (const [file, headers] of [
      [ndjson.text, NDJSON],
      [csv.text, CSV],
    ] as const) {
      expectDone(await acme.operator.call('DELETE', '/devices/migrant'), 204)
      expect(expectDone(await send(file, '', headers, beta.operator))).toMatchObject({ created: 1 })
      const back = expectDone(await beta.viewer.get('/devices/migrant'))
      const { secrets: _shown, createdAt: _then, product, group, ...same } = made
      expect(back).toMatchObject({ ...same, revision: 1 })
      expect([back.product.key, back.group.key]).toEqual([product.key, group.key])
      const again = await beta.owner.get(`/devices/export?${headers === CSV ? 'format=csv' : ''}`)
      expect(again.text).toBe(file)
      expectDone(await beta.operator.call('DELETE', '/devices/migrant'), 204)
      expectDone(await acme.operator.post('/devices', { ...device, id: made.id, number: undefined }), 201)
    }
    const { items } = expectDone(await acme.owner.get('/events?type=device.exported'))
    expect(items).toHaveLength(3)
  })

  it('exports all of many devices', async () => {
    const reply = await acme.owner.get('/devices/export')
    expect(reply.text.trim().split('\n')).toHaveLength(await count())
  })
})
