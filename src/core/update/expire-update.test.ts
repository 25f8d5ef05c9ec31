import { beforeEach, describe, expect, it } from 'vitest'
import { type FixedClock, fixedClock } from '../../../test/support/fixed-clock.ts'
import { createTestCore, newScope, pushFirmware } from '../../../test/support/test-core.ts'
import type { Core } from '../create-core.ts'
import type { Device } from '../device/device.ts'
import type { DeviceFacts } from '../device/device-facts.ts'
import type { AskOptions, StepReport } from '../device-gateway.ts'
import type { Scope } from '../service.ts'
import { moveUpdate } from './move-update.ts'
import { openUpdate } from './open-update.ts'
import type { OwnTimeOuts, Update } from './update.ts'
import { UpdateService } from './update-service.ts'

const TALKING: AskOptions = { via: 'enos', reporting: 'progress' }
const SILENT: AskOptions = { via: 'iotaap', reporting: 'silent' }
const [HOUR, DAY] = [3_600, 86_400]

let clock: FixedClock
let core: Core
let scope: Scope
let device: Device

beforeEach(async () => {
  clock = fixedClock()
  core = createTestCore({ clock })
  scope = await newScope(core)
  const { product } = await core.products.create(scope, { key: 'panel' })
  device = await core.devices.create(scope, { key: 'truck-17', product: product.serial })
  await pushFirmware(core, scope, 'panel', '1.1.0')
  await core.assignments.assign(scope, { device: 'truck-17' }, { product: 'panel', version: '1.1.0' })
})

async function facts(): Promise<DeviceFacts> {
  const found = await core.gateway.find({ by: 'serial', serial: device.serial })
  if (!found) throw new Error('the device is gone')
  return found
}

async function latest(): Promise<Update> {
  const update = await core.deps.storage.read.updates.findLatest(device.serial)
  if (!update) throw new Error('no update')
  return update
}

const report = async (step: StepReport) => core.gateway.report(await facts(), 'enos', step)

async function expireAfter(seconds: number): Promise<number> {
  clock.advance({ seconds: seconds - 1 })
  expect(await core.updates.expire()).toBe(0)
  clock.advance({ seconds: 1 })
  return core.updates.expire()
}

const events = async (type: string) => {
  const rows = await core.deps.storage.read.events.list({ organisation: scope.organisation, type }, { limit: 9 })
  return rows.map(({ actor, details }) => ({ actor: actor.kind, ...details }))
}

describe('an update of which nothing is heard', () => {
  it.each<[StepReport | undefined, number, string]>([
    [undefined, 7 * DAY, 'no news while offered for 7 d'],
    [{ trigger: 'download', progress: 40 }, DAY, 'no news while downloading for 1 d'],
    [{ trigger: 'downloaded', progress: 40 }, DAY, 'no news while downloaded for 1 d'],
    [{ trigger: 'install', progress: 40 }, 2 * HOUR, 'no news while installing for 2 h'],
  ])('after %o fails in %i s: %s', async (step, seconds, reason) => {
    await core.gateway.grant(await facts(), TALKING)
    if (step) await report(step)
    expect(await expireAfter(seconds)).toBe(1)
    const [, , , before] = reason.split(' ')
    expect(await latest()).toMatchObject({ state: 'failed', reason, progress: step ? 40 : 0, deadline: null })
    expect(await latest()).toMatchObject({ closedAt: clock.now(), changedAt: clock.now() })
    expect(await events('update.failed')).toEqual([
      { actor: 'system', before, after: 'failed', via: 'enos', device: device.id, to: ['1.1.0'], reason },
    ])
    expect(await core.updates.expire()).toBe(0)
  })

  it('is tried again after the pause of a failure', async () => {
    await core.gateway.grant(await facts(), TALKING)
    await expireAfter(7 * DAY)
    expect(core.gateway.decide(await facts(), TALKING).because).toMatchObject({ kind: 'retry-later', attempt: 1 })
    clock.advance({ seconds: 60 })
    expect(await core.gateway.grant(await facts(), TALKING)).toMatchObject({ state: 'offered', attempt: 2 })
  })

  it('goes on as long as progress is reported, and no longer for a repetition', async () => {
    await core.gateway.grant(await facts(), TALKING)
    await report({ trigger: 'install', progress: 1 })
    for (const progress of [20, 60]) {
      clock.advance({ seconds: 2 * HOUR - 1 })
      expect(await report({ trigger: 'install', progress })).toBe(true)
      expect(await core.updates.expire()).toBe(0)
    }
    clock.advance({ seconds: HOUR })
    for (const progress of [60, 20]) expect(await report({ trigger: 'install', progress })).toBe(false)
    expect(await expireAfter(HOUR)).toBe(1)
    expect(await latest()).toMatchObject({ state: 'failed', progress: 60 })
  })

  it('counts as cancelled when it was to be', async () => {
    await core.gateway.grant(await facts(), TALKING)
    await report({ trigger: 'install', progress: 70 })
    await core.updates.cancel(scope, (await latest()).id)
    expect(await expireAfter(DAY)).toBe(1)
    const reason = 'the device did not confirm the cancellation for 1 d'
    expect(await latest()).toMatchObject({ state: 'cancelled', progress: 70, reason })
  })

  it('never ends where the limit is 0', async () => {
    core = createTestCore({ clock, storage: core.deps.storage, limits: { updateOfferedSeconds: 0 } })
    await core.gateway.grant(await facts(), TALKING)
    clock.advance({ days: 10_000 })
    expect(await core.updates.expire()).toBe(0)
  })
})

describe('a device that reports nothing', () => {
  const fetchAll = async () => {
    const ticket = await core.gateway.startDownload(await facts(), SILENT)
    if (ticket) await core.gateway.finishDownload(await facts(), ticket)
  }

  it('may be silent for ever once it has all bytes', async () => {
    await fetchAll()
    expect(await latest()).toMatchObject({ state: 'downloaded', deadline: null })
    clock.advance({ days: 365 })
    expect(await core.updates.expire()).toBe(0)
    await core.gateway.noteQuiet(await facts(), 'iotaap')
    clock.advance({ seconds: 60 })
    expect(await core.updates.settleQuiet()).toBe(1)
    expect(await latest()).toMatchObject({ state: 'succeeded' })
  })

  it('fails when it never comes back for the rest of them, and may then begin anew', async () => {
    await core.gateway.startDownload(await facts(), SILENT)
    expect(await expireAfter(DAY)).toBe(1)
    expect(await latest()).toMatchObject({ state: 'failed', reason: 'no news while downloading for 1 d' })
    await fetchAll()
    expect(await latest()).toMatchObject({ state: 'downloaded', attempt: 2 })
  })

  it('is believed to have stopped when nothing was heard after a cancellation', async () => {
    await fetchAll()
    await core.updates.cancel(scope, (await latest()).id)
    expect(await expireAfter(DAY)).toBe(1)
    expect(await latest()).toMatchObject({ state: 'cancelled' })
  })

  it('fails when it leaves a file of the catalogue half fetched', async () => {
    const [file] = await core.gateway.catalogue(await facts(), 'spoke-zone')
    if (file) await core.gateway.startCatalogueDownload(await facts(), file, 'spoke-zone')
    expect(await expireAfter(DAY)).toBe(1)
    expect(await latest()).toMatchObject({ state: 'failed', via: 'spoke-zone' })
  })
})

describe('an update with time-outs of its own', () => {
  const open = async (timeOuts: OwnTimeOuts) => {
    const [file] = (await facts()).own?.files ?? []
    const release = (await facts()).own?.release?.serial ?? 0
    if (!file) throw new Error('nothing is assigned')
    const known = await facts()
    const actor = { kind: 'device', id: device.id, name: device.key } as const
    await core.deps.storage.transaction(async (stores) => {
      const options = { ...TALKING, release, files: [file], timeOuts }
      const update = await openUpdate(stores, core.deps, known, options)
      await moveUpdate(stores, core.deps, update, { trigger: 'offer', actor })
    })
  }

  it('has one clock over its work, whatever is reported, and its own words', async () => {
    await open({ work: 600, reason: 'too slow' })
    clock.advance({ days: 1 })
    await report({ trigger: 'install', progress: 1 })
    clock.advance({ seconds: 300 })
    await report({ trigger: 'install', progress: 50 })
    expect(await expireAfter(300)).toBe(1)
    expect(await latest()).toMatchObject({ state: 'failed', reason: 'too slow', progress: 50 })
  })

  it('stays open as an offer that was not taken up, and says so once', async () => {
    const released: Update[] = []
    const service = new UpdateService(core.deps, {
      onOfferExpired: async (stores, update) => {
        expect(await stores.updates.findOpen(device.serial)).toEqual(update)
        released.push(update)
      },
    })
    await open({ offered: 600, offeredExpiry: 'release-slot', work: 900 })
    clock.advance({ seconds: 600 })
    expect([await service.expire(), await service.expire()]).toEqual([1, 0])
    expect(released).toEqual([await latest()])
    expect(await latest()).toMatchObject({ state: 'offered', deadline: null })
    expect(await events('update.offer-expired')).toEqual([{ actor: 'system', device: device.id, via: 'enos' }])
    expect(await core.gateway.grant(await facts(), TALKING)).toMatchObject({ state: 'offered', attempt: 1 })
    await report({ trigger: 'install', progress: 1 })
    expect(await latest()).toMatchObject({ state: 'installing', deadline: clock.now() + 900_000 })
    expect(await expireAfter(900)).toBe(1)
    expect(released).toHaveLength(1)
  })

  it('undoes the expiry of an offer when what follows from it fails', async () => {
    const service = new UpdateService(core.deps, {
      onOfferExpired: async () => {
        throw new Error('no')
      },
    })
    await open({ offered: 600, offeredExpiry: 'release-slot' })
    clock.advance({ seconds: 600 })
    await expect(service.expire()).rejects.toThrow('no')
    expect(await events('update.offer-expired')).toEqual([])
    expect(await core.updates.expire()).toBe(1)
  })
})
