import { beforeEach, describe, expect, it } from 'vitest'
import { STORAGES } from '../../support/storages.ts'
import { DeviceClient } from './device-client.ts'
import { type Enos, sharedEnos } from './fixture.ts'
import { expectOk } from './program.ts'

const HOUR = 3_600_000

describe.each(STORAGES)('how a task ends on $name', ({ open }) => {
  const next = sharedEnos(open)
  let enos: Enos
  let device: DeviceClient
  let assetId = ''
  beforeEach(async () => {
    enos = await next()
    assetId = await enos.newDevice('dk1')
    device = new DeviceClient(enos.server.url, 'dk1')
    await enos.assign('dk1', await enos.newFirmware('2.0'))
    await device.authenticate()
    await device.inform('1.0')
  })

  const state = async () => {
    const update = await enos.update('dk1')
    return update && { state: update.state, progress: update.progress, reason: update.reason }
  }
  const fallen = async () => {
    const { organisation } = enos.tenant
    const filter = { organisation: organisation.serial, type: 'update.fell-back' }
    const rows = await enos.server.core.deps.storage.read.events.list(filter, { limit: 9 })
    return rows.map(({ details }) => details)
  }

  it('a device that starts again before step 100 was interrupted, and is given its task again', async () => {
    await device.progress('40')
    await device.authenticate()
    await device.inform('1.0')
    expect(await state()).toMatchObject({ state: 'installing', progress: 40 })
    expect(await device.getversion()).toMatchObject([{ version: '2.0' }])
  })

  it('a device that informs of its old version after step 100 has gone back', async () => {
    await device.progress('100')
    await device.authenticate()
    const informed = await device.inform('1.0')
    expect(informed.json).toEqual({ id: '1', code: 200, data: {} })
    expect(informed.command).toBeUndefined()
    expect(await state()).toEqual({
      state: 'rolled-back',
      progress: 100,
      reason: 'it runs 1.0 again after its restart',
    })
    expect(await device.getversion()).toEqual([])
    enos.server.clock.advance(60_000)
    expect(await device.getversion()).toMatchObject([{ version: '2.0' }])
    expect(await enos.update('dk1')).toMatchObject({ attempt: 2 })
  })

  it('a device that informs of another version than either proves nothing', async () => {
    await device.progress('100')
    await device.inform('1.5')
    expect(await state()).toMatchObject({ state: 'installing', progress: 100 })
  })

  it('a program that reports the old version knows of no restart', async () => {
    await device.progress('100')
    const body = JSON.stringify({ version: '1.0', assetId })
    expectOk(await enos.program.action('reportFirmwareVersion', {}, { path: '/connect-service/v2.5/devices', body }))
    expect(await state()).toMatchObject({ state: 'installing', progress: 100 })
  })

  it('late, lower and repeated steps change nothing', async () => {
    for (const step of ['60', '20', '60', '0']) await device.progress(step, `at ${step}`)
    expect(await state()).toEqual({ state: 'installing', progress: 60, reason: 'at 60' })
  })

  it('row 38: after step 100, silence', async () => {
    await device.progress('100', 'done')
    enos.server.clock.advance(2 * HOUR)
    await enos.server.core.updates.expire()
    expect(await state()).toEqual({
      state: 'failed',
      progress: 100,
      reason: 'no news while installing for 2 h',
    })
    await device.authenticate()
    await device.progress('100', 'late')
    await device.inform('2.0')
    expect(await state()).toMatchObject({ state: 'failed' })
    expect((await device.inform('2.0')).command).toBeUndefined()
  })

  it('a device that falls back after its success raises one event', async () => {
    await device.inform('2.0')
    enos.server.clock.advance(HOUR)
    await device.authenticate()
    for (const version of ['1.0', '1.0']) await device.inform(version)
    expect((await enos.update('dk1'))?.state).toBe('offered')
    expect(await fallen()).toMatchObject([{ from: ['1.0'], to: ['2.0'], seconds: 3600 }])
  })
})
