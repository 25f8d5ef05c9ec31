import { beforeEach, describe, expect, it } from 'vitest'
import { type FixedClock, fixedClock } from '../../test/support/fixed-clock.ts'
import { bytesOf, createTestCore, newScope, pushFirmware } from '../../test/support/test-core.ts'
import type { Core } from './create-core.ts'
import type { Device } from './device/device.ts'
import type { DeviceFacts } from './device/device-facts.ts'
import { hashToken } from './device/secret-hash.ts'
import type { AskOptions, DownloadTicket, NamedReport } from './device-gateway.ts'
import type { Scope } from './service.ts'
import { createNamedReports } from './update/reports/named-reports.ts'

const SILENT: AskOptions = { via: 'iotaap', reporting: 'silent', ignoreGroup: true }
const TALKING: AskOptions = { via: 'enos', reporting: 'progress' }

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
  await pushFirmware(core, scope, 'panel', '1.0.0')
  await pushFirmware(core, scope, 'panel', '1.1.0')
})

async function facts(): Promise<DeviceFacts> {
  const found = await core.gateway.find({ by: 'serial', serial: device.serial })
  if (!found) throw new Error('the device is gone')
  return found
}

const assign = (version: string) =>
  core.assignments.assign(scope, { device: 'truck-17' }, { product: 'panel', version })

async function updates() {
  const rows = await core.deps.storage.read.updates.list({ organisation: scope.organisation }, { limit: 20 })
  return rows.map((row) => [row.steps[0]?.to, row.state, row.attempt])
}

async function download(options: AskOptions): Promise<DownloadTicket> {
  const ticket = await core.gateway.startDownload(await facts(), options)
  if (!ticket) throw new Error('refused')
  await core.gateway.finishDownload(await facts(), ticket)
  return ticket
}

describe('a protocol whose devices report their steps', () => {
  it('moves one update from offer to success, which is what the device runs', async () => {
    await assign('1.1.0')
    expect((await core.gateway.grant(await facts(), TALKING))?.state).toBe('offered')
    expect(await core.gateway.report(await facts(), 'enos', { trigger: 'install', progress: 50 })).toBe(true)
    expect(await updates()).toEqual([['1.1.0', 'installing', 1]])
    await core.gateway.report(await facts(), 'enos', { trigger: 'install', progress: 100 })
    expect(await updates()).toEqual([['1.1.0', 'installing', 1]])
    await core.gateway.checkIn(await facts(), { running: { '': '1.1.0' } })
    expect(await updates()).toEqual([['1.1.0', 'succeeded', 1]])
    expect(core.gateway.decide(await facts(), TALKING).because).toEqual({ kind: 'up-to-date', version: '1.1.0' })
  })

  it('does not let a late report touch a closed update', async () => {
    await assign('1.1.0')
    await core.gateway.grant(await facts(), TALKING)
    await core.gateway.checkIn(await facts(), { running: { main: '1.1.0' } })
    expect(await core.gateway.report(await facts(), 'enos', { trigger: 'fail', reason: 'late' })).toBe(false)
    expect(await updates()).toEqual([['1.1.0', 'succeeded', 1]])
  })

  it('tries again after a failure, with the next attempt, when the pause is over', async () => {
    await assign('1.1.0')
    await core.gateway.grant(await facts(), TALKING)
    await core.gateway.report(await facts(), 'enos', { trigger: 'fail', progress: -2, reason: 'no space' })
    expect(await core.gateway.grant(await facts(), TALKING)).toBeUndefined()
    clock.advance({ seconds: 60 })
    expect(await core.gateway.grant(await facts(), TALKING)).toMatchObject({ attempt: 2, state: 'offered' })
  })

  it('shows nothing to another protocol until the update closes', async () => {
    await assign('1.1.0')
    await core.gateway.grant(await facts(), TALKING)
    expect(core.gateway.decide(await facts(), SILENT).because).toMatchObject({ kind: 'busy', via: 'enos' })
    expect(await core.gateway.startDownload(await facts(), SILENT)).toBeUndefined()
    expect(await core.gateway.catalogue(await facts(), 'spoke-zone')).toEqual([])
  })

  it('lets 16 calls at once open one update', async () => {
    await assign('1.1.0')
    const known = await facts()
    await Promise.all(Array.from({ length: 16 }, () => core.gateway.grant(known, TALKING)))
    expect(await updates()).toEqual([['1.1.0', 'offered', 1]])
  })
})

describe('a protocol whose devices report nothing', () => {
  it('takes a quiet time after the download for success', async () => {
    await assign('1.1.0')
    await download(SILENT)
    expect(await updates()).toEqual([['1.1.0', 'downloaded', 1]])
    await core.gateway.noteQuiet(await facts(), 'iotaap')
    clock.advance({ seconds: 59 })
    expect(await core.updates.settleQuiet()).toBe(0)
    clock.advance({ seconds: 1 })
    expect(await core.updates.settleQuiet()).toBe(1)
    expect(await updates()).toEqual([['1.1.0', 'succeeded', 1]])
    expect((await facts()).running).toMatchObject([{ version: '1.1.0' }])
  })

  it('takes fetching the same bytes again for a failure of the first try', async () => {
    await assign('1.1.0')
    await download(SILENT)
    await core.gateway.noteQuiet(await facts(), 'iotaap')
    await download(SILENT)
    expect(await updates()).toEqual([
      ['1.1.0', 'failed', 1],
      ['1.1.0', 'downloaded', 2],
    ])
  })

  it('lets a newer assignment take the place of the one under way', async () => {
    await assign('1.0.0')
    await download(SILENT)
    await assign('1.1.0')
    await download(SILENT)
    expect(await updates()).toEqual([
      ['1.0.0', 'superseded', 1],
      ['1.1.0', 'downloaded', 1],
    ])
  })
})

describe('the catalogue', () => {
  it('lists library firmware of the product, in order of creation', async () => {
    const files = await core.gateway.catalogue(await facts(), 'spoke-zone')
    expect(files.map((file) => file.firmware.version)).toEqual(['1.0.0', '1.1.0'])
  })

  it('hands out the same list until something changes, then the new one', async () => {
    const before = await core.gateway.catalogue(await facts(), 'spoke-zone')
    expect(await core.gateway.catalogue(await facts(), 'spoke-zone')).toBe(before)
    const [first] = before
    if (!first) throw new Error('empty')
    await core.firmware.update(scope, first.firmware.id, { withdrawn: true })
    const after = await core.gateway.catalogue(await facts(), 'spoke-zone')
    expect(after.map((file) => file.firmware.version)).toEqual(['1.1.0'])
  })

  it('is empty while frozen, but for what is under way', async () => {
    const [, second] = await core.gateway.catalogue(await facts(), 'spoke-zone')
    if (!second) throw new Error('too short')
    await core.gateway.startCatalogueDownload(await facts(), second, 'spoke-zone')
    await core.organisations.update(scope, { frozen: true })
    const files = await core.gateway.catalogue(await facts(), 'spoke-zone')
    expect(files.map((file) => file.firmware.version)).toEqual(['1.1.0'])
    await core.organisations.freezeServer(scope.actor, true)
    await core.organisations.update(scope, { frozen: false })
    expect(await core.gateway.catalogue(await facts(), 'spoke-zone')).toHaveLength(1)
  })

  it('of a managed product shows only what is assigned', async () => {
    await core.products.update(scope, 'panel', { distribution: 'managed' })
    expect(await core.gateway.catalogue(await facts(), 'spoke-zone')).toEqual([])
    await assign('1.0.0')
    const files = await core.gateway.catalogue(await facts(), 'spoke-zone')
    expect(files.map((file) => file.firmware.version)).toEqual(['1.0.0'])
  })

  it('closes a finished download as delivered: nothing is known of the installation', async () => {
    const [file] = await core.gateway.catalogue(await facts(), 'spoke-zone')
    const ticket = file && (await core.gateway.startCatalogueDownload(await facts(), file, 'spoke-zone'))
    if (!ticket) throw new Error('refused')
    expect(await updates()).toEqual([['1.0.0', 'downloading', 1]])
    await core.gateway.finishDownload(await facts(), ticket)
    expect(await updates()).toEqual([['1.0.0', 'delivered', 1]])
  })
})

describe('firmware made for one device', () => {
  const deploy = async (version: string) => {
    const staged = await core.deps.blobs.stage(bytesOf(`private ${version}`), { maxBytes: 1000 })
    await core.deploys.deploy(scope, { target: { device: device.serial }, version, fileName: 'firmware.bin' }, staged)
  }
  const privateVersions = async () => {
    const rows = await core.deps.storage.read.firmware.list(
      { organisation: scope.organisation, scope: 'private' },
      { limit: 10 },
    )
    return rows.map((row) => row.version)
  }

  it('goes with the assignment that was replaced, unless a device fetched it', async () => {
    await deploy('2.0.0')
    await deploy('2.1.0')
    expect(await privateVersions()).toEqual(['2.1.0'])
    await download(SILENT)
    await deploy('2.2.0')
    expect(await privateVersions()).toEqual(['2.1.0', '2.2.0'])
  })

  it('goes with its device', async () => {
    await deploy('2.0.0')
    await download(SILENT)
    await core.devices.delete(scope, 'truck-17')
    expect(await privateVersions()).toEqual([])
  })

  it('is never seen in a catalogue', async () => {
    await deploy('2.0.0')
    const files = await core.gateway.catalogue(await facts(), 'spoke-zone')
    expect(files.map((file) => file.firmware.version)).toEqual(['1.0.0', '1.1.0'])
  })
})

describe('reports under names of the device', () => {
  const granted = async (version = '1.1.0') => {
    await assign(version)
    const update = await core.gateway.grant(await facts(), TALKING)
    if (!update) throw new Error('nothing granted')
    return update.id
  }
  const report = async (...reports: NamedReport[]) => core.gateway.reportAll(device, 'enos', reports)
  const download = (name: string, update: string, progress = 0): NamedReport => ({
    name,
    update,
    steps: [{ trigger: 'download', progress }],
  })

  it('count once, however often they are sent', async () => {
    const update = await granted()
    const first = download('a', update, 10)
    expect(await report(first, first)).toEqual([{ kind: 'accepted', state: 'downloading' }, { kind: 'duplicate' }])
    expect(await report(first, download('b', update, 40))).toEqual([
      { kind: 'duplicate' },
      { kind: 'accepted', state: 'downloading' },
    ])
    clock.advance({ seconds: core.deps.limits.reportMemorySeconds })
    expect(await report(first)).toEqual([{ kind: 'ignored', because: 'late', state: 'downloading' }])
    const { organisation } = scope
    expect((await core.deps.storage.read.updates.findById(organisation, update))?.progress).toBe(40)
    // No answer depends on it, so the facts in memory need not know.
    expect((await facts()).open).toMatchObject({ id: update, state: 'downloading' })
  })

  it('leave no memory when their transaction fails', async () => {
    const update = await granted()
    const { storage } = core.deps
    const failing = createNamedReports(
      {
        ...core.deps,
        storage: {
          ...storage,
          transaction: (work) =>
            storage.transaction(async (stores) => {
              await work(stores)
              throw new Error('the disk is full')
            }),
        },
      },
      core.deps.limits,
    )
    await expect(failing(device, 'enos', [download('a', update)])).rejects.toThrow('the disk is full')
    expect(await report(download('a', update))).toEqual([{ kind: 'accepted', state: 'downloading' }])
  })

  it('prove success by what runs, and nothing else', async () => {
    const update = await granted()
    const install: NamedReport = { name: 'i', update, steps: [{ trigger: 'install', progress: 100 }] }
    expect(await report(install)).toEqual([{ kind: 'accepted', state: 'installing' }])
    expect(await report({ ...install, name: 'j', running: { main: '1.0.0' } })).toMatchObject([{ kind: 'ignored' }])
    const fail: NamedReport = { name: 'k', update, steps: [{ trigger: 'fail' }], running: { main: '1.1.0' } }
    expect(await report(fail)).toEqual([{ kind: 'accepted', state: 'succeeded' }])
    expect(await report({ ...fail, name: 'l' })).toEqual([{ kind: 'ignored', because: 'closed', state: 'succeeded' }])
  })

  it('store what runs whichever update they speak of', async () => {
    await granted()
    const other = '0'.repeat(24)
    expect(await report({ ...download('a', other), running: { main: '0.9.0' } })).toEqual([
      { kind: 'ignored', because: 'no-such-update' },
    ])
    expect((await facts()).running).toMatchObject([{ version: '0.9.0' }])
  })

  it('take steps in turn as far as they go', async () => {
    const update = await granted()
    const back: NamedReport = { name: 'a', update, steps: [{ trigger: 'install' }, { trigger: 'roll-back' }], at: 7 }
    expect(await report(back)).toEqual([{ kind: 'accepted', state: 'rolled-back' }])
    const events = await core.deps.storage.read.events.list({ type: 'update.rolled-back' }, { limit: 9 })
    expect(events).toMatchObject([{ details: { reportedAt: 7 } }])
  })
})

describe('a withdrawn update', () => {
  it('ends at once while nothing was done, and waits for the device that is at work', async () => {
    await assign('1.1.0')
    const id = (await facts()).own?.files[0]?.firmware.id ?? ''
    await core.gateway.grant(await facts(), TALKING)
    expect(await core.gateway.beginCancel(await facts(), TALKING)).toBeUndefined()
    await core.firmware.update(scope, id, { withdrawn: true })
    expect((await core.gateway.beginCancel(await facts(), TALKING))?.state).toBe('superseded')
    await core.firmware.update(scope, id, { withdrawn: false })
    expect((await core.gateway.grant(await facts(), TALKING))?.state).toBe('offered')
    await core.gateway.report(await facts(), 'enos', { trigger: 'download' })
    await core.firmware.update(scope, id, { withdrawn: true })
    expect((await core.gateway.beginCancel(await facts(), TALKING))?.state).toBe('cancelling')
    expect((await core.gateway.beginCancel(await facts(), TALKING))?.state).toBe('cancelling')
    expect(await core.gateway.report(await facts(), 'enos', { trigger: 'acknowledge-cancel' })).toBe(true)
  })
})

describe('a bearer token', () => {
  const owner = () => ({ device: device.serial })
  const rotate = (secret: string, overlap?: number) =>
    core.credentials.rotate(scope, owner(), { scheme: 'native', secret }, overlap)
  const reference = (token: string) => ({ by: 'token', scheme: 'native', hash: hashToken(token) }) as const

  it('finds its device until it is replaced or runs out', async () => {
    const find = (token: string) => core.gateway.find(reference(token))
    await rotate('first')
    for (const _ of [1, 2]) expect((await find('first'))?.device.key).toBe('truck-17')
    expect(await find('other')).toBeUndefined()
    await rotate('second', 60)
    expect([await find('first'), await find('second')]).toMatchObject([{ device }, { device }])
    clock.advance({ seconds: 60 })
    expect(await find('first')).toBeUndefined()
    await core.credentials.remove(scope, owner(), 'native')
    expect(await find('second')).toBeUndefined()
  })

  it.each(['known from before', 'not known yet'])('says who calls, of a device that is %s', async (known) => {
    const recall = async (token: string) => {
      if (known === 'known from before') await core.gateway.find(reference(token))
    }
    const identify = async (token: string) => {
      await recall(token)
      return core.gateway.identify(reference(token))
    }
    const caller = { serial: device.serial, id: device.id, key: 'truck-17', organisation: scope.organisation }
    await rotate('first')
    expect(await identify('first')).toMatchObject(caller)
    expect(await identify('other')).toBeUndefined()
    expect(await core.gateway.identify({ ...reference('first'), scheme: 'iotaap' })).toBeUndefined()
    await rotate('second', 60)
    expect([await identify('first'), await identify('second')]).toMatchObject([caller, caller])
    clock.advance({ seconds: 60 })
    expect(await identify('first')).toBeUndefined()
    await core.credentials.remove(scope, owner(), 'native')
    expect(await identify('second')).toBeUndefined()
  })
})
