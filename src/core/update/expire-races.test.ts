import { describe, expect, it } from 'vitest'
import { type FixedClock, fixedClock } from '../../../test/support/fixed-clock.ts'
import { STORAGES } from '../../../test/support/storages.ts'
import { createTestCore, newScope, pushFirmware } from '../../../test/support/test-core.ts'
import type { Serial } from '../common.ts'
import type { Core } from '../create-core.ts'
import type { AskOptions } from '../device-gateway.ts'
import type { Update } from './update.ts'
import { UpdateService } from './update-service.ts'

const TALKING: AskOptions = { via: 'native', reporting: 'progress' }
const DEVICES = 24

interface World {
  readonly core: Core
  readonly clock: FixedClock
  readonly devices: readonly Serial[]
  /** The events of an update that ended it. */
  ends(update: Update): Promise<readonly string[]>
}

describe.each(STORAGES)('time-outs against whatever happens at the same time, on $name', ({ open }) => {
  /** Devices whose updates are overdue while they install. */
  const overdue = (work: (world: World) => Promise<void>) => async () => {
    const storage = await open()
    try {
      const clock = fixedClock()
      const core = createTestCore({ clock, storage })
      const scope = await newScope(core)
      const { product } = await core.products.create(scope, { key: 'panel' })
      await pushFirmware(core, scope, 'panel', '2')
      const devices: Serial[] = []
      for (let index = 0; index < DEVICES; index += 1) {
        const { serial, key } = await core.devices.create(scope, { key: `d-${index}`, product: product.serial })
        await core.assignments.assign(scope, { device: key }, { product: 'panel', version: '2' })
        await core.gateway.grant(await factsOf(core, serial), TALKING)
        await core.gateway.report(await factsOf(core, serial), 'native', { trigger: 'install', progress: 10 })
        devices.push(serial)
      }
      clock.advance({ hours: 2 })
      const ends = async ({ id }: Update) => {
        const filter = { organisation: scope.organisation, subjectId: id }
        const events = await storage.read.events.list(filter, { limit: 99 })
        const closing = ['update.failed', 'update.succeeded', 'update.cancelled', 'update.rolled-back']
        return events.map(({ type }) => type).filter((type) => closing.includes(type))
      }
      await work({ core, clock, devices, ends })
    } finally {
      await storage.close()
    }
  }

  it(
    'end each update once, however many processes look for them',
    overdue(async ({ core, devices, ends }) => {
      const processes = Array.from({ length: 4 }, () => new UpdateService(core.deps))
      await Promise.all(processes.map((one) => one.expire()))
      for (const device of devices) {
        const update = await latestOf(core, device)
        expect(update).toMatchObject({ state: 'failed', deadline: null })
        expect(await ends(update)).toEqual(['update.failed'])
      }
    }),
  )

  it(
    'never end an update of which news was taken',
    overdue(async ({ core, clock, devices }) => {
      const news = devices.map(async (device) =>
        core.gateway.report(await factsOf(core, device), 'native', { trigger: 'install', progress: 20 }),
      )
      const [taken] = await Promise.all([Promise.all(news), core.updates.expire(), core.updates.expire()])
      for (const [index, device] of devices.entries())
        expect(await latestOf(core, device)).toMatchObject(
          taken[index]
            ? { state: 'installing', progress: 20, deadline: clock.now() + 7_200_000 }
            : { state: 'failed', progress: 10, deadline: null },
        )
    }),
  )

  it(
    'and proofs of success leave one end',
    overdue(async ({ core, devices, ends }) => {
      const arrived = devices.map(async (device) =>
        core.gateway.checkIn(await factsOf(core, device), { running: { main: '2' } }),
      )
      const failed = devices.map(async (device) =>
        core.gateway.report(await factsOf(core, device), 'native', { trigger: 'fail', reason: 'late' }),
      )
      await Promise.all([...arrived, core.updates.expire(), ...failed, core.updates.expire()])
      for (const device of devices) {
        const update = await latestOf(core, device)
        expect(await ends(update)).toEqual([`update.${update.state}`])
        const { running } = await factsOf(core, device)
        expect(running).toMatchObject([{ version: '2' }])
      }
    }),
  )
})

async function factsOf(core: Core, serial: Serial) {
  const found = await core.gateway.find({ by: 'serial', serial })
  if (!found) throw new Error('the device is gone')
  return found
}

async function latestOf(core: Core, device: Serial): Promise<Update> {
  const update = await core.deps.storage.read.updates.findLatest(device)
  if (!update) throw new Error('no update')
  return update
}
