import { beforeEach, describe, expect, it } from 'vitest'
import { type FixedClock, fixedClock } from '../../test/support/fixed-clock.ts'
import { bytesOf, createTestCore, newScope, pushFirmware } from '../../test/support/test-core.ts'
import type { Core } from './create-core.ts'
import { keepBlob } from './firmware/keep-blob.ts'
import { sweep } from './housekeeping.ts'
import type { Scope } from './service.ts'

let clock: FixedClock
let core: Core
let scope: Scope

beforeEach(async () => {
  clock = fixedClock()
  core = createTestCore({ clock })
  scope = await newScope(core)
  await core.products.create(scope, { key: 'panel' })
})

describe('collecting blobs', () => {
  it('leaves what a firmware refers to, however old', async () => {
    const { artifact } = await pushFirmware(core, scope, 'panel', '1.0.0')
    clock.advance({ days: 400 })
    expect((await sweep(core.deps)).blobs).toBe(0)
    expect(await core.deps.blobs.exists(artifact.sha256)).toBe(true)
  })

  it('takes the bytes of a deleted firmware after the grace period, and not before', async () => {
    const { firmware, artifact } = await pushFirmware(core, scope, 'panel', '1.0.0')
    await core.firmware.delete(scope, firmware.id)
    clock.advance({ minutes: 59 })
    expect((await sweep(core.deps)).blobs).toBe(0)
    clock.advance({ minutes: 2 })
    expect((await sweep(core.deps)).blobs).toBe(1)
    expect(await core.deps.blobs.exists(artifact.sha256)).toBe(false)
  })

  it('takes bytes that were kept and never referred to', async () => {
    const staged = await core.deps.blobs.stage(bytesOf('left behind by a crash'), { maxBytes: 100 })
    await keepBlob(core.deps, staged)
    clock.advance({ hours: 2 })
    expect((await sweep(core.deps)).blobs).toBe(1)
    expect(await core.deps.blobs.exists(staged.digests.sha256)).toBe(false)
  })

  it('leaves bytes that two firmware share until both are gone', async () => {
    const content = () => core.deps.blobs.stage(bytesOf('shared'), { maxBytes: 100 })
    const make = async (version: string) =>
      core.firmware.create(scope, { product: null, module: null, version, fileName: 'f.bin' }, await content())
    const first = await make('1')
    const second = await make('2')
    await core.firmware.delete(scope, first.firmware.id)
    clock.advance({ hours: 2 })
    expect((await sweep(core.deps)).blobs).toBe(0)
    await core.firmware.delete(scope, second.firmware.id)
    expect((await sweep(core.deps)).blobs).toBe(1)
  })
})

describe('deleting firmware', () => {
  it('refuses the version that a device ran before, since it may have to go back', async () => {
    const { firmware } = await pushFirmware(core, scope, 'panel', '1.0.0')
    const { serial } = await core.products.get(scope.organisation, 'panel')
    const device = await core.devices.create(scope, { key: 'truck-17', product: serial })
    const report = async (version: string) => {
      const facts = await core.gateway.find({ by: 'serial', serial: device.serial })
      if (facts) await core.gateway.checkIn(facts, { running: { '': version } })
    }
    await report('1.0.0')
    await report('1.1.0')
    await expect(core.firmware.delete(scope, firmware.id)).rejects.toMatchObject({ code: 'in-use' })
    await report('1.2.0')
    await core.firmware.delete(scope, firmware.id)
  })
})

describe('a refused upload', () => {
  it('stores nothing when the version is taken', async () => {
    await pushFirmware(core, scope, 'panel', '1.0.0')
    await expect(pushFirmware(core, scope, 'panel', '1.0.0')).rejects.toMatchObject({
      code: 'conflict',
      details: { field: 'version' },
    })
    expect(await core.deps.storage.read.firmware.count({ organisation: scope.organisation })).toBe(1)
  })
})
