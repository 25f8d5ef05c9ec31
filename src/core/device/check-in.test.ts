import { describe, expect, it } from 'vitest'
import { fixedClock } from '../../../test/support/fixed-clock.ts'
import { STORAGES } from '../../../test/support/storages.ts'
import { createTestCore, newScope, pushFirmware } from '../../../test/support/test-core.ts'
import type { AskOptions, CheckIn } from '../device-gateway.ts'

const TALKING: AskOptions = { via: 'native', reporting: 'progress' }

describe.each(STORAGES)('what a device says that it runs, on $name', ({ open }) => {
  const start = async () => {
    const storage = await open()
    const clock = fixedClock()
    const core = createTestCore({ clock, storage })
    const scope = await newScope(core)
    const { product } = await core.products.create(scope, { key: 'panel' })
    const device = await core.devices.create(scope, { key: 'truck-17', product: product.serial })
    for (const version of ['1', '2', '3']) await pushFirmware(core, scope, 'panel', version)
    const facts = async () => {
      const found = await core.gateway.find({ by: 'serial', serial: device.serial })
      if (!found) throw new Error('the device is gone')
      return found
    }
    const grant = async (version: string, via = 'native') => {
      clock.advance({ seconds: 1 })
      await core.assignments.assign(scope, { device: 'truck-17' }, { product: 'panel', version })
      const update = await core.gateway.grant(await facts(), { ...TALKING, via })
      if (!update) throw new Error('nothing granted')
      return update
    }
    const says = async (main: string, more: CheckIn = {}) =>
      core.gateway.checkIn(await facts(), { running: { main }, ...more })
    const install = async (progress = 50) =>
      core.gateway.report(await facts(), 'native', { trigger: 'install', progress })
    const latest = () => storage.read.updates.findLatest(device.serial)
    const events = async (type: string) => {
      const rows = await storage.read.events.list({ organisation: scope.organisation, type }, { limit: 9 })
      return rows.map(({ subject, actor, details }) => ({ id: subject.id, actor: actor.kind, ...details }))
    }
    return { storage, clock, core, scope, device, facts, grant, says, install, latest, events }
  }
  type World = Awaited<ReturnType<typeof start>>
  const inWorld = (work: (world: World) => Promise<void>) => async () => {
    const world = await start()
    try {
      await work(world)
    } finally {
      await world.storage.close()
    }
  }

  it(
    'is no roll-back before the restart, and one after it',
    inWorld(async ({ says, grant, install, latest, events, device }) => {
      await says('1')
      const { id } = await grant('2')
      await install()
      await says('1')
      expect(await latest()).toMatchObject({ state: 'installing', progress: 50 })
      await says('1', { afterReboot: true })
      const reason = 'it runs 1 again after its restart'
      expect(await latest()).toMatchObject({ state: 'rolled-back', progress: 50, reason, deadline: null })
      await says('1', { afterReboot: true })
      expect(await events('update.rolled-back')).toEqual([
        {
          id,
          actor: 'device',
          before: 'installing',
          after: 'rolled-back',
          via: 'native',
          device: device.id,
          to: ['2'],
          reason,
        },
      ])
    }),
  )

  it(
    'does not roll back an update that was opened after the restart',
    inWorld(async ({ says, grant, install, latest, facts, core }) => {
      await says('1')
      await grant('2')
      const before = await facts()
      await core.gateway.report(before, 'native', { trigger: 'fail' })
      await grant('3')
      await install()
      await core.gateway.checkIn(before, { running: { main: '1' }, afterReboot: true })
      expect(await latest()).toMatchObject({ state: 'installing' })
    }),
  )

  it(
    'raises one event when it falls back later, and changes no state',
    inWorld(async ({ says, grant, latest, events, device, clock }) => {
      await says('1')
      const { id } = await grant('2')
      await says('2')
      clock.advance({ hours: 3 })
      await says('1')
      expect(await latest()).toMatchObject({ state: 'succeeded', id })
      const fallen = { id, actor: 'device', device: device.id, from: ['1'], to: ['2'], seconds: 10_800 }
      expect(await events('update.fell-back')).toEqual([fallen])
      await says('2')
      await says('1')
      expect(await events('update.fell-back')).toEqual([fallen])
      await grant('2')
      await says('2')
      await says('1')
      expect(await events('update.fell-back')).toHaveLength(2)
    }),
  )

  it(
    'falls back whichever protocol the update came by, and whatever failed since',
    inWorld(async ({ says, grant, facts, events, core }) => {
      await says('1')
      const { id } = await grant('2', 'enos')
      await says('2')
      await grant('3')
      await core.gateway.report(await facts(), 'native', { trigger: 'fail' })
      await says('1')
      expect(await events('update.fell-back')).toMatchObject([{ id, from: ['1'], to: ['2'] }])
    }),
  )

  it(
    'does not fall back where another update wants just that, or to a third version',
    inWorld(async ({ says, grant, install, events, latest, clock, core }) => {
      await says('1')
      await grant('2')
      await says('2')
      await says('3')
      await says('2')
      await grant('1')
      await says('1')
      expect(await latest()).toMatchObject({ state: 'succeeded' })
      await grant('2')
      await says('2')
      await grant('1')
      await install()
      clock.advance({ hours: 2 })
      expect(await core.updates.expire()).toBe(1)
      await says('1')
      expect(await latest()).toMatchObject({ state: 'failed' })
      expect(await events('update.fell-back')).toEqual([])
    }),
  )

  it(
    'falls back once, however many calls say so at once',
    inWorld(async ({ says, grant, facts, events, core }) => {
      await says('1')
      await grant('2')
      await says('2')
      const known = await facts()
      const call = () => core.gateway.checkIn(known, { running: { main: '1' } })
      await Promise.all(Array.from({ length: 8 }, call))
      expect(await events('update.fell-back')).toHaveLength(1)
    }),
  )
})
