import { beforeEach, describe, expect, it } from 'vitest'
import { fixedClock } from '../../../test/support/fixed-clock.ts'
import { bytesOf, createTestCore, newScope, pushFirmware } from '../../../test/support/test-core.ts'
import type { Core } from '../create-core.ts'
import type { Firmware } from '../firmware/firmware.ts'
import type { Scope } from '../service.ts'

describe('floors', () => {
  let core: Core
  let scope: Scope
  beforeEach(async () => {
    core = createTestCore({ clock: fixedClock(), limits: { floorsPerOrganisation: 2 } })
    scope = await newScope(core)
    await core.products.create(scope, { key: 'panel', modules: [{ key: 'app' }, { key: 'can' }] })
    for (const version of ['1.0.0', '2.0.0', '3.0.0']) await pushFirmware(core, scope, 'panel', version)
  })

  const create = (version: string, reason = 'moves the partitions', more: object = {}) =>
    core.floors.create(scope, { product: 'panel', firmware: { version }, reason, ...more })
  const firmwareOf = async (version: string): Promise<Firmware> => {
    const { read } = core.deps.storage
    const [found] = await read.firmware.list({ organisation: scope.organisation, version }, { limit: 1 })
    if (!found) throw new Error(`no firmware ${version}`)
    return found
  }
  const eventsOf = async (id: string) =>
    (await core.deps.storage.read.events.list({ subjectId: id, organisation: scope.organisation }, { limit: 9 })).map(
      ({ type, details }) => ({ type, details }),
    )

  it('seal their firmware, hold it and leave it alone when they go', async () => {
    const { floor, warnings } = await create('2.0.0')
    const firmware = await firmwareOf('2.0.0')
    expect(warnings).toEqual([])
    expect(firmware.sealed).toBe(true)
    expect(floor).toMatchObject({ product: firmware.product, module: firmware.module, firmware: firmware.serial })
    expect(await core.deps.storage.read.releases.findSilent(firmware.serial)).toBeDefined()
    await expect(core.firmware.delete(scope, firmware.id)).rejects.toMatchObject({
      code: 'in-use',
      message: '2.0.0 is a floor of its product; delete the floor first.',
    })
    await core.floors.delete(scope, floor.id)
    expect((await firmwareOf('2.0.0')).sealed).toBe(true)
    const facts = { product: 'panel', module: 'app', version: '2.0.0', reason: 'moves the partitions' }
    expect(await eventsOf(floor.id)).toEqual([
      { type: 'floor.created', details: facts },
      { type: 'floor.deleted', details: facts },
    ])
    await core.firmware.delete(scope, firmware.id)
    expect(await core.floors.list(scope.organisation, 'panel')).toEqual([])
  })

  it('are found by id of their firmware too, in the module that it is for', async () => {
    const { id, module } = await firmwareOf('1.0.0')
    const { floor } = await core.floors.create(scope, { product: 'panel', firmware: { id }, reason: 'x' })
    expect(floor.module).toBe(module)
    expect(await core.floors.get(scope.organisation, floor.id)).toEqual(floor)
  })

  it('change their reason from their revision', async () => {
    const { floor } = await create('1.0.0', 'because')
    const change = (reason: string, ifRevision?: number) => core.floors.update(scope, floor.id, { reason }, ifRevision)
    expect(await change('moves the partitions', 1)).toMatchObject({ reason: 'moves the partitions', revision: 2 })
    await expect(change('x', 1)).rejects.toMatchObject({ code: 'precondition-failed' })
    await expect(change('')).rejects.toMatchObject({ code: 'invalid' })
    expect((await eventsOf(floor.id)).at(-1)).toEqual({
      type: 'floor.changed',
      details: { before: { reason: 'because' }, after: { reason: 'moves the partitions' } },
    })
  })

  it('of firmware for no module in particular are of the primary one', async () => {
    const product = await core.products.get(scope.organisation, 'panel')
    const staged = await core.deps.blobs.stage(bytesOf('x'), { maxBytes: 9 })
    const input = { product: product.serial, module: null, version: '9', fileName: 'x.bin' }
    const { firmware } = await core.firmware.create(scope, input, staged)
    const { floor } = await core.floors.create(scope, { product: 'panel', firmware: { id: firmware.id }, reason: 'x' })
    const [primary] = await core.products.modules(product.serial)
    expect(floor.module).toBe(primary?.serial)
  })

  it('warn of a version that nothing orders, until it has a sequence', async () => {
    await pushFirmware(core, scope, 'panel', 'rev-b')
    const { floor, warnings } = await create('rev-b')
    expect(warnings).toEqual([expect.stringContaining('Nothing orders rev-b')])
    await core.floors.delete(scope, floor.id)
    await core.firmware.update(scope, (await firmwareOf('rev-b')).id, { sequence: 4 })
    expect((await create('rev-b')).warnings).toEqual([])
  })

  it.each<[string, () => Promise<unknown>, object]>([
    ['a product that is not there', () => create('1.0.0', 'x', { product: 'none' }), { code: 'not-found' }],
    [
      'a module that is not there',
      () => create('x', 'x', { firmware: { module: 'no', version: '1.0.0' } }),
      { code: 'not-found' },
    ],
    [
      'a version of another module',
      () => create('x', 'x', { firmware: { module: 'can', version: '1.0.0' } }),
      { code: 'not-found' },
    ],
    ['a version that is not there', () => create('7.0.0'), { code: 'not-found' }],
    ['no reason', () => create('1.0.0', ''), { code: 'invalid', details: { field: 'reason' } }],
    ['a reason without end', () => create('1.0.0', 'x'.repeat(501)), { code: 'invalid', details: { field: 'reason' } }],
  ])('refuse %s', async (_name, attempt, refusal) => {
    await expect(attempt()).rejects.toMatchObject(refusal)
    expect(await core.floors.list(scope.organisation, 'panel')).toEqual([])
    expect((await firmwareOf('1.0.0')).sealed).toBe(false)
  })

  it('refuse the same firmware twice', async () => {
    await create('2.0.0')
    await expect(create('2.0.0')).rejects.toMatchObject({ code: 'conflict', details: { field: 'firmware' } })
  })

  it('refuse firmware of another product, private firmware and what was withdrawn', async () => {
    await core.products.create(scope, { key: 'lamp' })
    const { firmware: other } = await pushFirmware(core, scope, 'lamp', '1.0.0')
    await expect(create('x', 'x', { firmware: { id: other.id } })).rejects.toMatchObject({ code: 'invalid' })
    const device = await core.devices.create(scope, { key: 'truck' })
    const staged = await core.deps.blobs.stage(bytesOf('secret'), { maxBytes: 9 })
    const target = { device: device.serial }
    const deployed = await core.deploys.deploy(scope, { target, version: '5.0.0', fileName: 'x.bin' }, staged)
    const release = await core.deps.storage.read.releases.find(deployed.release)
    const secret = await core.deps.storage.read.firmware.find(release?.firmware[0] ?? 0)
    await expect(create('x', 'x', { firmware: { id: secret?.id } })).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('private'),
    })
    await core.firmware.update(scope, (await firmwareOf('3.0.0')).id, { withdrawn: true })
    await expect(create('3.0.0')).rejects.toMatchObject({ code: 'forbidden' })
  })

  it('are limited in number, and one that goes makes room', async () => {
    await create('1.0.0')
    const { floor } = await create('2.0.0')
    await expect(create('3.0.0')).rejects.toMatchObject({ code: 'limit-reached' })
    expect((await firmwareOf('3.0.0')).sealed).toBe(false)
    await core.floors.delete(scope, floor.id)
    expect((await create('3.0.0')).floor.serial).toBeGreaterThan(floor.serial)
  })

  it('are of their organisation alone', async () => {
    const { floor } = await create('1.0.0')
    const other = await newScope(core, 'other')
    await expect(core.floors.get(other.organisation, floor.id)).rejects.toMatchObject({ code: 'not-found' })
    await expect(core.floors.delete(other, floor.id)).rejects.toMatchObject({ code: 'not-found' })
    await expect(core.floors.list(other.organisation, 'panel')).rejects.toMatchObject({ code: 'not-found' })
  })
})

describe('the place of a firmware among versions', () => {
  let core: Core
  let scope: Scope
  beforeEach(async () => {
    core = createTestCore({ clock: fixedClock() })
    scope = await newScope(core)
    await core.products.create(scope, { key: 'panel' })
  })

  it('is changed even when the firmware is sealed, with an event', async () => {
    const { firmware } = await pushFirmware(core, scope, 'panel', 'rev-b')
    await core.releases.create(scope, { product: 'panel', version: 'x', firmware: { main: 'rev-b' } })
    const change = { sequence: 12, fromVersions: 'rev-a || rev-0' }
    expect(await core.firmware.update(scope, firmware.id, change)).toMatchObject({ ...change, sealed: true })
    const filter = { organisation: scope.organisation, type: 'firmware.changed' }
    expect(await core.deps.storage.read.events.list(filter, { limit: 9 })).toMatchObject([
      { details: { before: { sequence: null, fromVersions: null }, after: change } },
    ])
    expect(await core.firmware.update(scope, firmware.id, { sequence: null, fromVersions: null })).toMatchObject({
      sequence: null,
      fromVersions: null,
    })
  })

  it.each([
    ['a negative sequence', { sequence: -1 }, 'sequence'],
    ['a broken sequence', { sequence: 1.5 }, 'sequence'],
    ['a sequence that no database keeps', { sequence: 2 ** 53 }, 'sequence'],
    ['a range that is none', { fromVersions: '>=1.0,<2' }, 'fromVersions'],
    ['an empty range', { fromVersions: '' }, 'fromVersions'],
  ])('is refused: %s', async (_name, place, field) => {
    const { firmware } = await pushFirmware(core, scope, 'panel', '1.0.0')
    const refusal = { code: 'invalid', details: { field } }
    await expect(core.firmware.update(scope, firmware.id, place)).rejects.toMatchObject(refusal)
    const staged = await core.deps.blobs.stage(bytesOf('y'), { maxBytes: 9 })
    const input = { product: firmware.product, module: firmware.module, version: '2.0.0', fileName: 'y.bin', ...place }
    await expect(core.firmware.create(scope, input, staged)).rejects.toMatchObject(refusal)
  })
})
