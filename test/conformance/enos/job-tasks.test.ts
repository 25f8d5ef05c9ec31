import { beforeEach, describe, expect, it } from 'vitest'
import { STORAGES } from '../../support/storages.ts'
import { DeviceClient } from './device-client.ts'
import { type Enos, sharedEnos, T } from './fixture.ts'
import { JobClient } from './job-client.ts'
import { expectOk, expectRefused, type Json } from './program.ts'

const HOUR_MS = 3_600_000

describe.each(STORAGES)('tasks of OTA jobs on $name', ({ open }) => {
  const next = sharedEnos(open)
  let enos: Enos
  let jobs: JobClient
  beforeEach(async () => {
    enos = await next()
    jobs = new JobClient(enos.program)
  })

  async function reporting(deviceKey = 'dk1', version = '1.0'): Promise<DeviceClient> {
    await enos.newDevice(deviceKey)
    const device = new DeviceClient(enos.server.url, deviceKey)
    await device.authenticate()
    await device.inform(version)
    return device
  }

  const firmware = async (version = '2.0') => (await enos.newFirmware(version)).firmware.id
  const pushed = async (device: DeviceClient, version = '1.0') =>
    (await device.inform(version)).command?.payload.params.version
  const expire = () => enos.server.core.updates.expire()
  const later = async (ms: number) => {
    enos.server.clock.advance(ms)
    await expire()
  }

  describe('row 31: cancelTask', () => {
    const REFUSAL = 'Only init or published tasks can be canceled'
    const CANCELLED = { status: 'failed', progress: -1, desc: 'Cancelled by user' }

    it('of a job that is stopped', async () => {
      await reporting()
      const jobId = await jobs.create(await firmware())
      expectRefused(await jobs.cancelTask(jobId, 'dk1'), 24617, 'Job not running')
      await jobs.start(jobId)
      await jobs.stop(jobId)
      expectRefused(await jobs.cancelTask(jobId, 'dk1'), 24617, 'Job not running')
      expect(await jobs.task(jobId)).toEqual({ status: 'init', progress: 0, desc: '' })
    })

    it.each(['snapshot', 'incremental'])('of a task that is init, %s', async (upgradePolicy) => {
      const device = await reporting()
      const jobId = await jobs.createAndStart(await firmware(), { upgradePolicy })
      expect(expectOk(await jobs.cancelTask(jobId, 'dk1'))).toBeNull()
      expect(await jobs.task(jobId)).toEqual(CANCELLED)
      expect(await pushed(device)).toBeUndefined()
      expect(await device.getversion()).toEqual([])
      expectRefused(await jobs.cancelTask(jobId, 'dk1'), 24620, REFUSAL)
    })

    it('of a task that is published: the device is told nothing, and what it still says changes nothing', async () => {
      const device = await reporting()
      const jobId = await jobs.createAndStart(await firmware())
      expect(await pushed(device)).toBe('2.0')
      expectOk(await jobs.cancelTask(jobId, 'dk1'))
      expect(await jobs.task(jobId)).toEqual(CANCELLED)
      expect((await device.progress('50')).json).toEqual({ id: '1', code: 200, data: {} })
      expect(await pushed(device)).toBeUndefined()
      expect(await device.getversion()).toEqual([])
      expect(await jobs.task(jobId)).toEqual(CANCELLED)
      await device.inform('2.0')
      expect(await jobs.task(jobId)).toEqual(CANCELLED)
    })

    it('of a task that is upgrading, succeeded or failed', async () => {
      const device = await reporting()
      const jobId = await jobs.createAndStart(await firmware())
      await pushed(device)
      await device.progress('1')
      expectRefused(await jobs.cancelTask(jobId, 'dk1'), 24620, REFUSAL)
      await device.progress('-3', 'bad')
      expectRefused(await jobs.cancelTask(jobId, 'dk1'), 24620, REFUSAL)
      expect(await jobs.task(jobId)).toEqual({ status: 'failed', progress: -3, desc: 'bad' })
      expectOk(await jobs.retryTask(jobId, 'dk1'))
      await pushed(device)
      await device.inform('2.0')
      expectRefused(await jobs.cancelTask(jobId, 'dk1'), 24620, REFUSAL)
      expect(await jobs.task(jobId)).toMatchObject({ status: 'succeeded' })
    })

    it('of one fit and one unfit device: neither is changed', async () => {
      const device = await reporting()
      await reporting('dk2')
      await enos.newDevice('silent')
      const jobId = await jobs.createAndStart(await firmware())
      await pushed(device)
      await device.progress('1')
      const before = await jobs.statuses(jobId)
      expect(before).toEqual({ dk1: 'upgrading', dk2: 'init' })
      for (const unfit of ['dk1', 'silent', 'nobody'])
        expectRefused(await jobs.cancelTask(jobId, 'dk2', unfit), 24620, REFUSAL)
      expect(await jobs.statuses(jobId)).toEqual(before)
      expectOk(await jobs.cancelTask(jobId, 'dk2', 'dk2'))
    })

    it.each([undefined, [], 'dk1', [7], {}])('of %o is 99400', async (deviceKeys) => {
      const jobId = await jobs.createAndStart(await firmware())
      for (const action of ['cancelTask', 'retryTask'])
        expectRefused(await jobs.post(action, { jobId }, { deviceKeys }), 99400)
    })

    it('by the deviceKey that the device carries, not its key here', async () => {
      await reporting()
      const jobId = await jobs.createAndStart(await firmware())
      await enos.server.core.devices.update(enos.tenant.scope, 'dk1', { aliases: { 'enos/device-key': 'burnt-in' } })
      expectRefused(await jobs.cancelTask(jobId, 'dk1'), 24620)
      expectOk(await jobs.cancelTask(jobId, 'burnt-in'))
      expect(await jobs.statuses(jobId)).toEqual({ 'burnt-in': 'failed' })
    })
  })

  describe('row 32: retryTask', () => {
    const REFUSAL = 'Only failed tasks can be retried'

    it('of a task that succeeded, is init, published or upgrading, or is none', async () => {
      const device = await reporting()
      await enos.newDevice('silent')
      const jobId = await jobs.createAndStart(await firmware())
      const refused = async (deviceKey = 'dk1') => expectRefused(await jobs.retryTask(jobId, deviceKey), 24621, REFUSAL)
      await refused()
      await refused('silent')
      await refused('nobody')
      await pushed(device)
      await refused()
      await device.progress('1')
      await refused()
      await device.inform('2.0')
      await refused()
      expect(await jobs.task(jobId)).toMatchObject({ status: 'succeeded', progress: 100 })
    })

    it('of a cancelled one: init again, under the same taskId, and pushed', async () => {
      const device = await reporting()
      const jobId = await jobs.createAndStart(await firmware())
      const idOf = async () => (await jobs.tasks(`jobId = '${jobId}'`))[0].taskId
      const taskId = await idOf()
      for (const isPublished of [false, true]) {
        if (isPublished) expect(await pushed(device)).toBe('2.0')
        expectOk(await jobs.cancelTask(jobId, 'dk1'))
        expect(expectOk(await jobs.retryTask(jobId, 'dk1'))).toBeNull()
        expect(await jobs.task(jobId)).toEqual({ status: 'init', progress: 0, desc: '' })
        expect(await idOf()).toBe(taskId)
      }
      await device.authenticate()
      expect(await pushed(device)).toBe('2.0')
      expect(await idOf()).toBe(taskId)
    })

    it('of a failed one, and not of a job that is stopped', async () => {
      const device = await reporting()
      const jobId = await jobs.createAndStart(await firmware())
      await pushed(device)
      await device.progress('-2', 'x')
      await jobs.stop(jobId)
      expectRefused(await jobs.retryTask(jobId, 'dk1'), 24617, 'Job not running')
      await jobs.start(jobId)
      expect(await pushed(device)).toBeUndefined()
      expectOk(await jobs.retryTask(jobId, 'dk1'))
      expect(await pushed(device)).toBe('2.0')
    })

    it('of one failed and one other: neither is changed', async () => {
      const device = await reporting()
      await reporting('dk2')
      const jobId = await jobs.createAndStart(await firmware())
      await pushed(device)
      await device.progress('-2', 'x')
      expectRefused(await jobs.retryTask(jobId, 'dk1', 'dk2'), 24621, REFUSAL)
      expect(await jobs.statuses(jobId)).toEqual({ dk1: 'failed', dk2: 'init' })
    })
  })

  describe('row 38: progress', () => {
    it('50, 100, then silence: upgrading at 100, then failed at the time-out', async () => {
      const device = await reporting()
      const jobId = await jobs.createAndStart(await firmware(), { upgradeTimeout: 600 })
      await pushed(device)
      expect(await jobs.task(jobId)).toEqual({ status: 'published', progress: 0, desc: '' })
      await device.progress('50', 'half')
      expect(await jobs.task(jobId)).toEqual({ status: 'upgrading', progress: 50, desc: 'half' })
      await later(300_000)
      await device.progress('100', 'done')
      await later(299_999)
      await device.authenticate()
      expect(await jobs.task(jobId)).toEqual({ status: 'upgrading', progress: 100, desc: 'done' })
      await later(1)
      expect(await jobs.task(jobId)).toEqual({ status: 'failed', progress: -1, desc: 'Upgrade timeout' })
      await device.progress('100')
      await device.inform('2.0')
      expect(await jobs.task(jobId)).toMatchObject({ status: 'failed' })
      const [{ firmwareVersion }] = expectOk(await enos.program.search('searchDeviceUpgrade'))
      expect(firmwareVersion).toBe('2.0')
    })

    it('-2 with its words', async () => {
      const device = await reporting()
      const jobId = await jobs.createAndStart(await firmware())
      await pushed(device)
      await device.progress('-2', 'x')
      expect(await jobs.task(jobId)).toEqual({ status: 'failed', progress: -2, desc: 'x' })
    })
  })

  describe('row 39', () => {
    it('progress that is none is 800 and changes nothing', async () => {
      const device = await reporting()
      const jobId = await jobs.createAndStart(await firmware())
      await pushed(device)
      for (const step of ['abc', '101']) expect((await device.progress(step)).json.code).toBe(800)
      expect(await jobs.task(jobId)).toMatchObject({ status: 'published' })
    })

    it('progress without a task is ignored', async () => {
      const device = await reporting()
      const jobId = await jobs.create(await firmware())
      expect((await device.progress('50')).json.code).toBe(200)
      expect(await jobs.task(jobId)).toMatchObject({ status: 'init' })
    })

    it('inform of the target while published succeeds; later progress changes nothing', async () => {
      const device = await reporting()
      const jobId = await jobs.createAndStart(await firmware())
      await pushed(device)
      await device.inform('2.0')
      const succeeded = { status: 'succeeded', progress: 100, desc: '' }
      expect(await jobs.task(jobId)).toEqual(succeeded)
      for (const step of ['50', '-1']) expect((await device.progress(step)).json.code).toBe(200)
      expect(await jobs.task(jobId)).toEqual(succeeded)
    })

    it.each([
      ['snapshot', true],
      ['snapshot', false],
      ['incremental', true],
      ['incremental', false],
    ])('inform of the target while init succeeds: %s, started: %o', async (upgradePolicy, isStarted) => {
      const device = await reporting()
      // The first push goes to the other device, which takes the only slot.
      const other = await reporting('dk2')
      const jobId = await jobs.create(await firmware(), { upgradePolicy, maximumConcurrency: 1 })
      if (isStarted) {
        await jobs.start(jobId)
        await pushed(other)
      }
      await device.inform('2.0')
      expect(await jobs.task(jobId)).toEqual({ status: 'succeeded', progress: 100, desc: '' })
      expectOk(
        await enos.program.action(
          'reportFirmwareVersion',
          {},
          {
            path: '/connect-service/v2.5/devices',
            body: JSON.stringify({ productKey: 'pk1', deviceKey: 'dk2', version: '2.0' }),
            contentType: 'application/json',
          },
        ),
      )
      expect(await jobs.task(jobId, 'dk2')).toMatchObject({ status: 'succeeded' })
    })
  })

  describe('row 40: getversion', () => {
    it('with a task waiting that may be pulled: one element, and the task is published', async () => {
      const device = await reporting()
      const file = await enos.newFirmware('2.0')
      const jobId = await jobs.createAndStart(file.firmware.id)
      const offer = {
        version: '2.0',
        sign: file.artifact.sha256,
        signMethod: 'sha256',
        fileUrl: `enos-connect://${file.firmware.fileAlias}`,
        fileSize: file.artifact.size,
      }
      expect(await device.getversion()).toEqual([offer])
      expect(await jobs.task(jobId)).toMatchObject({ status: 'published' })
      expect(await device.getversion()).toEqual([offer])
      await device.progress('10')
      expect(await device.getversion()).toEqual([offer])
      await device.inform('2.0')
      expect(await device.getversion()).toEqual([])
    })

    it('of a job that does not allow it: nothing, and the push comes all the same', async () => {
      const device = await reporting()
      const jobId = await jobs.createAndStart(await firmware(), { enableUpgradeRequest: false })
      expect(await device.getversion()).toEqual([])
      expect(await jobs.task(jobId)).toMatchObject({ status: 'init' })
      expect(await pushed(device)).toBe('2.0')
      expect(await device.getversion()).toEqual([])
    })

    it('of a job that is stopped: nothing', async () => {
      const device = await reporting()
      const jobId = await jobs.create(await firmware())
      expect(await device.getversion()).toEqual([])
      await jobs.start(jobId)
      await jobs.stop(jobId)
      expect(await device.getversion()).toEqual([])
      await jobs.start(jobId)
      expect(await device.getversion()).toHaveLength(1)
      await jobs.stop(jobId)
      expect(await device.getversion()).toEqual([])
      expect(await jobs.task(jobId)).toMatchObject({ status: 'published' })
    })

    it('of a verification job: nothing', async () => {
      const device = await reporting()
      const jobId = await jobs.verify(await firmware(), ['dk1'])
      await jobs.start(jobId)
      expect(await device.getversion()).toEqual([])
      expect(await pushed(device)).toBe('2.0')
    })
  })

  it('row 44: an inform with a task waiting, then progress from the handler: one command', async () => {
    const device = await reporting()
    const file = await enos.newFirmware('2.0')
    const jobId = await jobs.createAndStart(file.firmware.id)
    expect((await device.authenticate()).command).toBeUndefined()
    const informed = await device.inform('1.0')
    expect(informed.command?.topic).toBe('/sys/pk1/dk1/ota/device/upgrade')
    expect(informed.command?.payload).toMatchObject({
      method: 'ota.device.upgrade',
      params: { version: '2.0', fileUrl: `enos-connect://${file.firmware.fileAlias}` },
    })
    for (const step of ['0', '20', '100']) expect((await device.progress(step)).command).toBeUndefined()
    expect((await device.download(`enos-connect://${file.firmware.fileAlias}`)).status).toBe(200)
    expect(await jobs.task(jobId)).toMatchObject({ status: 'upgrading', progress: 100 })
  })

  describe('what a job is for', () => {
    const tag = (deviceKey: string, tags: Record<string, string>) =>
      enos.server.core.devices.update(enos.tenant.scope, deviceKey, { tags })

    it('devices that have reported another version than the target', async () => {
      for (const [key, version] of Object.entries({ dk1: '1.0', dk2: '1.1', dk3: '2.0' })) await reporting(key, version)
      await enos.newDevice('silent')
      const firmwareId = await firmware()
      const members = async (upgradeScope: object) =>
        Object.keys(await jobs.statuses(await jobs.create(firmwareId, { upgradeScope }))).sort()
      expect(await members({ type: 'total' })).toEqual(['dk1', 'dk2'])
      expect(await members({ type: 'total', versionNumbers: [] })).toEqual(['dk1', 'dk2'])
      expect(await members({ type: 'total', versionNumbers: ['1.1', '9'] })).toEqual(['dk2'])
      expect(await members({ type: 'partial', deviceKeys: ['dk1', 'dk3', 'silent'] })).toEqual(['dk1'])
    })

    it('selectors together are AND, values inside one are OR', async () => {
      const { core } = enos.server
      for (const key of ['dk1', 'dk2', 'dk3', 'dk4']) await reporting(key)
      await tag('dk1', { site: 'graz', line: 'a' })
      await tag('dk2', { site: 'linz', line: 'a' })
      await tag('dk3', { site: 'graz', line: 'b' })
      const group = await core.groups.create(enos.tenant.scope, { key: 'pilot' })
      for (const key of ['dk1', 'dk3']) {
        await core.devices.update(enos.tenant.scope, key, { group: group.serial })
        const { serial } = await core.devices.get(enos.tenant.organisation.serial, key)
        const facts = await core.gateway.find({ by: 'serial', serial })
        if (facts) await core.gateway.checkIn(facts, { attributes: { rev: key === 'dk1' ? '3' : 'true' } })
      }
      const dk1 = await core.devices.get(enos.tenant.organisation.serial, 'dk1')
      const firmwareId = await firmware()
      for (const upgradePolicy of ['incremental', 'snapshot']) {
        const members = async (scope: object) => {
          const body = { upgradePolicy, upgradeScope: { type: 'partial', ...scope } }
          return Object.keys(await jobs.statuses(await jobs.create(firmwareId, body))).sort()
        }
        expect(await members({ tags: { site: ['graz', 'linz'] } })).toEqual(['dk1', 'dk2', 'dk3'])
        expect(await members({ tags: { site: ['graz', 'linz'], line: ['a'] } })).toEqual(['dk1', 'dk2'])
        expect(await members({ tags: { line: ['a'] }, deviceKeys: ['dk2', 'dk3'] })).toEqual(['dk2'])
        expect(await members({ attributes: { rev: [3, 4] } })).toEqual(['dk1'])
        expect(await members({ attributes: { rev: [true, '3'] } })).toEqual(['dk1', 'dk3'])
        expect(await members({ deviceGroupIds: [group.id] })).toEqual(['dk1', 'dk3'])
        expect(await members({ deviceGroupIds: [group.id], tags: { line: ['b'] } })).toEqual(['dk3'])
        expect(await members({ assetIds: [dk1.id] })).toEqual(['dk1'])
        expect(await members({ assetIds: [dk1.id], deviceKeys: ['dk2'] })).toEqual([])
      }
    })

    it('firmware without product goes to the product that is named, or that the devices have', async () => {
      const { core } = enos.server
      await reporting()
      const { product: second } = await core.products.create(enos.tenant.scope, { key: 'pk2' })
      const twin = { key: 'other', product: second.serial, aliases: { 'enos/device-key': 'dk1' } }
      await core.devices.create(enos.tenant.scope, twin)
      const { firmware: unbound } = await enos.newFirmware('2.0', { product: null, module: null })
      const create = (upgradeScope: object) => jobs.tryCreate(unbound.id, { ...upgrade(), upgradeScope })
      const upgrade = () => ({ type: 'upgrade', upgradePolicy: 'incremental', enableUpgradeRequest: false })
      expectRefused(await create({ type: 'total' }), 99400)
      expectRefused(await create({ type: 'partial', deviceKeys: ['dk1'] }), 99400)
      const named = expectOk(await create({ type: 'partial', deviceKeys: ['dk1'], productKey: 'pk1' })).jobId
      expect(await jobs.statuses(named)).toEqual({ dk1: 'init' })
      await reporting('dk2')
      const common = expectOk(await create({ type: 'partial', deviceKeys: ['dk2'] })).jobId
      expect(await jobs.statuses(common)).toEqual({ dk2: 'init' })
      const bound = await firmware('3.0')
      expectRefused(
        await jobs.tryCreate(bound, { ...upgrade(), upgradeScope: { type: 'total', productKey: 'pk2' } }),
        99400,
      )
    })
  })

  describe('when a job pushes', () => {
    it('one live task for each device; the oldest job goes first', async () => {
      const device = await reporting()
      const first = await jobs.createAndStart(await firmware('2.0'), { upgradePolicy: 'snapshot' })
      const second = await jobs.createAndStart(await firmware('3.0'), { upgradePolicy: 'snapshot' })
      expect(await pushed(device)).toBe('2.0')
      await device.progress('10')
      expect([await jobs.task(first), await jobs.task(second)]).toMatchObject([
        { status: 'upgrading' },
        { status: 'init' },
      ])
      await device.inform('2.0')
      await device.authenticate()
      expect(await pushed(device, '2.0')).toBe('3.0')
      expect([await jobs.task(first), await jobs.task(second)]).toMatchObject([
        { status: 'succeeded' },
        { status: 'published' },
      ])
    })

    it('an assignment goes first, whatever a job waits for', async () => {
      const device = await reporting()
      const taken = await reporting('dk2')
      const jobId = await jobs.createAndStart(await firmware('2.0'), { maximumConcurrency: 1 })
      expect(await pushed(taken)).toBe('2.0')
      expect(await pushed(device)).toBeUndefined()
      await enos.assign('dk1', await enos.newFirmware('3.0'))
      expect(await pushed(device)).toBe('3.0')
      expect(await jobs.task(jobId)).toMatchObject({ status: 'init' })
    })

    it('maximumConcurrency bounds the live tasks; one published for longer than upgradeTimeout stops counting', async () => {
      const [one, two] = [await reporting('dk1'), await reporting('dk2')]
      const jobId = await jobs.createAndStart(await firmware(), { maximumConcurrency: '1', upgradeTimeout: 600 })
      expect(await pushed(one)).toBe('2.0')
      expect(await pushed(two)).toBeUndefined()
      await later(599_999)
      await two.authenticate()
      expect(await pushed(two)).toBeUndefined()
      await later(1)
      expect(await pushed(two)).toBe('2.0')
      expect(await jobs.statuses(jobId)).toEqual({ dk1: 'published', dk2: 'published' })
      await later(HOUR_MS)
      await one.authenticate()
      expect(await pushed(one)).toBe('2.0')
      await one.progress('1')
      await one.inform('2.0')
      expect(await jobs.statuses(jobId)).toMatchObject({ dk1: 'succeeded' })
    })

    it('a verification counts its time from the push', async () => {
      const device = await reporting()
      const jobId = await jobs.verify(await firmware(), ['dk1'], { upgradeTimeout: 600 })
      await jobs.start(jobId)
      await pushed(device)
      await later(599_999)
      expect(await jobs.task(jobId)).toMatchObject({ status: 'published' })
      await later(1)
      expect(await jobs.task(jobId)).toEqual({ status: 'failed', progress: -1, desc: 'Upgrade timeout' })
    })

    it('only within a window, once or day by day', async () => {
      const device = await reporting()
      const window = { startTimestamp: T + HOUR_MS, endTimestamp: T + 2 * HOUR_MS }
      const body = { schedulePolicy: { isRepeatDaily: false, ...window } }
      const once = await jobs.createAndStart(await firmware('2.0'), body)
      expect(await pushed(device)).toBeUndefined()
      expect(await device.getversion()).toEqual([])
      enos.server.clock.set(T + HOUR_MS)
      // The reply to its first inform brings the command.
      await reporting('dk2')
      enos.server.clock.set(T + 2 * HOUR_MS)
      await device.authenticate()
      expect(await pushed(device)).toBeUndefined()
      jobs = new JobClient(await enos.newProgram())
      const daily = await jobs.createAndStart(await firmware('3.0'), {
        schedulePolicy: { isRepeatDaily: true, startTimestamp: T, endTimestamp: T + HOUR_MS - 24 * HOUR_MS },
      })
      expect(await pushed(device)).toBeUndefined()
      enos.server.clock.set(T + 24 * HOUR_MS)
      await device.authenticate()
      jobs = new JobClient(await enos.newProgram())
      expect(await pushed(device)).toBe('3.0')
      expect([await jobs.task(once), await jobs.task(daily)]).toMatchObject([
        { status: 'init' },
        { status: 'published' },
      ])
      expect(await jobs.task(once, 'dk2')).toMatchObject({ status: 'published' })
    })

    it('retryPolicy returns a failed task to init after its pause, so many times, and never a cancelled one', async () => {
      const device = await reporting()
      const retryPolicy = { enableRetry: true, retryInterval: 100, retryCount: 2 }
      const jobId = await jobs.createAndStart(await firmware(), { retryPolicy })
      for (const attempt of [1, 2, 3]) {
        expect(await pushed(device)).toBe('2.0')
        await device.progress('-1', `try ${attempt}`)
        expect(await jobs.task(jobId)).toEqual({ status: 'failed', progress: -1, desc: `try ${attempt}` })
        enos.server.clock.advance(99_999)
        expect(await pushed(device)).toBeUndefined()
        expect(await jobs.task(jobId)).toMatchObject({ status: 'failed' })
        enos.server.clock.advance(1)
        expect(await jobs.task(jobId)).toMatchObject({ status: attempt < 3 ? 'init' : 'failed' })
      }
      expect(await pushed(device)).toBeUndefined()
      expectOk(await jobs.retryTask(jobId, 'dk1'))
      expect(await pushed(device)).toBe('2.0')
      await device.progress('-1', 'again')
      enos.server.clock.advance(100_000)
      expectOk(await jobs.cancelTask(jobId, 'dk1'))
      enos.server.clock.advance(HOUR_MS)
      expect(await pushed(device)).toBeUndefined()
      expect(await jobs.task(jobId)).toEqual({ status: 'failed', progress: -1, desc: 'Cancelled by user' })
    })

    it('an older version is a target like any other', async () => {
      const device = await reporting('dk1', '3.0')
      const jobId = await jobs.createAndStart(await firmware('2.0'))
      expect(await pushed(device, '3.0')).toBe('2.0')
      await device.inform('2.0')
      expect(await jobs.task(jobId)).toMatchObject({ status: 'succeeded' })
    })

    it('a job that is stopped lets what is published or upgrading run on', async () => {
      const [one, two, three] = [await reporting('dk1'), await reporting('dk2'), await reporting('dk3')]
      const jobId = await jobs.createAndStart(await firmware())
      await pushed(one)
      await one.progress('5')
      await pushed(two)
      await jobs.stop(jobId)
      expect(await pushed(three)).toBeUndefined()
      await one.progress('50')
      await two.progress('1')
      expect(await jobs.statuses(jobId)).toEqual({ dk1: 'upgrading', dk2: 'upgrading', dk3: 'init' })
      await one.inform('2.0')
      await two.progress('-4', 'y')
      expect(await jobs.statuses(jobId)).toEqual({ dk1: 'succeeded', dk2: 'failed', dk3: 'init' })
    })

    it('firmware that is withdrawn is not pushed, and a published task of it ends', async () => {
      const device = await reporting()
      const { firmware: file } = await enos.newFirmware('2.0')
      const jobId = await jobs.createAndStart(file.id)
      await pushed(device)
      await enos.server.core.firmware.update(enos.tenant.scope, file.id, { withdrawn: true })
      expect(await device.getversion()).toEqual([])
      expect(await pushed(device)).toBeUndefined()
      expect(await jobs.task(jobId)).toEqual({ status: 'failed', progress: -1, desc: 'Cancelled by user' })
      const again = await jobs.create(file.id)
      expectRefused(await jobs.post('start', { jobId: again }), 99400)
    })
  })

  describe('the health gate', () => {
    const fleet = (count: number) =>
      Promise.all(Array.from({ length: count }, (_, index) => reporting(`dk${String(index).padStart(2, '0')}`)))

    async function failAll(devices: readonly DeviceClient[]): Promise<number> {
      let reached = 0
      for (const device of devices) {
        if ((await pushed(device)) !== undefined) reached += 1
        await device.progress('-1', 'bad')
      }
      return reached
    }

    it('is off: a job goes on whatever becomes of its devices', async () => {
      const devices = await fleet(15)
      const jobId = await jobs.createAndStart(await firmware())
      expect(await failAll(devices)).toBe(15)
      expect((await jobs.info(jobId)).status).toBe('started')
    })

    it('stops a job where the organisation has switched it on, and the job can be started again', async () => {
      const devices = await fleet(15)
      await enos.server.core.organisations.update(enos.tenant.scope, { settings: { 'enos/gate': true } })
      const jobId = await jobs.createAndStart(await firmware())
      expect(await failAll(devices)).toBeLessThanOrEqual(10)
      expect((await jobs.info(jobId)).status).toBe('stopped')
      expectRefused(await jobs.post('stop', { jobId }), 24616)
      await jobs.start(jobId)
      expect((await jobs.info(jobId)).status).toBe('started')
      await jobs.stop(jobId)
      expectOk(await jobs.post('delete', { jobId }))
    })

    it('takes back what was published when it stops', async () => {
      const devices = await fleet(10)
      await enos.server.core.organisations.update(enos.tenant.scope, { settings: { 'enos/gate': true } })
      const jobId = await jobs.createAndStart(await firmware())
      for (const device of devices) await pushed(device)
      for (const device of devices.slice(0, 5)) await device.progress('-1', 'bad')
      expect((await jobs.info(jobId)).status).toBe('stopped')
      const last = devices.at(-1)
      await last?.authenticate()
      expect(last && (await pushed(last))).toBeUndefined()
      expect(await jobs.task(jobId, 'dk09')).toEqual({ status: 'failed', progress: -1, desc: 'Cancelled by user' })
    })
  })

  describe('searches', () => {
    it('row 22: jobs by their fields', async () => {
      await reporting()
      const [f2, f3] = [await firmware('2.0'), await firmware('3.0')]
      const named = { name: { defaultValue: 'spring', i18nValue: { en_US: 'Spring' } } }
      const verify = await jobs.verify(f2, ['dk1'])
      enos.server.clock.advance(1)
      const upgrade = await jobs.create(f3, named)
      enos.server.clock.advance(1)
      const started = await jobs.createAndStart(f2)
      const found = async (expression?: string) => (await jobs.search(expression)).map(({ jobId }: Json) => jobId)
      expect(await found()).toEqual([started, upgrade, verify])
      expect(await found(`type='verify'`)).toEqual([verify])
      expect(await found(`type = 'upgrade' AND status = 'stopped'`)).toEqual([upgrade])
      expect(await found(`status = 'started'`)).toEqual([started])
      expect(await found(`status = 'nothing'`)).toEqual([])
      expect(await found(`firmwareId in ('${f2}', 'x')`)).toEqual([started, verify])
      expect(await found(`firmwareVersion = '3.0'`)).toEqual([upgrade])
      expect(await found(`productKey = 'pk1'`)).toHaveLength(3)
      expect(await found(`productKey in ('pk2')`)).toEqual([])
      expect(await found(`name like 'spr'`)).toEqual([upgrade])
      expect(await found(`name.en_US like 'Spr'`)).toEqual([upgrade])
      expect(await found(`name.default like 'Spr'`)).toEqual([])
      expect(await found(`firmwareName like '3.0' and name.defaultValue like 'ing'`)).toEqual([upgrade])
      expect(await found(`firmwareName.zh_CN like '2.0'`)).toEqual([started, verify])
      expect((await jobs.search(undefined, { pageNo: 2, pageSize: 2 })).map(({ jobId }) => jobId)).toEqual([verify])
      expect((await jobs.search(`type='verify'`))[0]).toEqual(await jobs.info(verify))
      for (const expression of [`type in ('verify')`, `name = 'spring'`, `jobId = 'x'`, `status like 's'`])
        expectRefused(await jobs.post('search', {}, { expression }), 99400)
      for (const pagination of [{ pageSize: 201 }, { pageSize: 0 }, { pageNo: 0 }])
        for (const action of ['search', 'searchTask']) expectRefused(await jobs.post(action, {}, { pagination }), 99400)
    })

    it('tasks by their fields, the latest news first, page by page', async () => {
      const devices = new Map<string, DeviceClient>()
      for (const key of ['dk1', 'dk2', 'dk3', 'dk4', 'dk5', 'dk6'])
        devices.set(key, await reporting(key, key === 'dk6' ? '1.1' : '1.0'))
      const device = (key: string) => devices.get(key) as DeviceClient
      const [f2, f3] = [await firmware('2.0'), await firmware('3.0')]
      enos.server.clock.advance(1_000)
      const job = await jobs.createAndStart(f2)
      enos.server.clock.advance(1_000)
      const other = await jobs.create(f3, {
        upgradePolicy: 'snapshot',
        upgradeScope: { type: 'partial', deviceKeys: ['dk1', 'dk6'] },
      })
      const steps: ReadonlyArray<[string, () => Promise<unknown>]> = [
        ['dk1', () => pushed(device('dk1'))],
        ['dk2', () => pushed(device('dk2')).then(() => device('dk2').progress('30', 'half'))],
        ['dk3', () => pushed(device('dk3')).then(() => device('dk3').inform('2.0'))],
        ['dk4', () => pushed(device('dk4')).then(() => device('dk4').progress('-7', 'x'))],
        ['dk5', () => jobs.cancelTask(job, 'dk5')],
      ]
      for (const [, step] of steps) {
        enos.server.clock.advance(1_000)
        await step()
      }
      const all = await jobs.tasks(undefined, { pageSize: 200 })
      const short = ({ jobId, deviceKey, status }: Json) => `${jobId === job ? 'job' : 'other'} ${deviceKey} ${status}`
      const order = [
        'job dk5 failed',
        'job dk4 failed',
        'job dk3 succeeded',
        'job dk2 upgrading',
        'job dk1 published',
        'other dk6 init',
        'other dk1 init',
        'job dk6 init',
      ]
      expect(all.map(short)).toEqual(order)
      const times = all.map(({ updateTime }) => updateTime)
      expect(times).toEqual(times.toSorted((a, b) => b - a))
      expect(all.map(({ taskId }) => taskId)).toHaveLength(new Set(all.map(({ taskId }) => taskId)).size)
      for (let pageNo = 1; pageNo <= 5; pageNo += 1)
        expect(await jobs.tasks(undefined, { pageNo, pageSize: 2 })).toEqual(all.slice(2 * pageNo - 2, 2 * pageNo))
      const found = async (expression: string) => (await jobs.tasks(expression)).map(short)
      const only = (...names: string[]) => order.filter((one) => names.some((name) => one.startsWith(name)))
      expect(await found(`jobId = '${job}'`)).toEqual(only('job'))
      expect(await found(`jobId in ('${job}', '${other}', 'x')`)).toEqual(order)
      expect(await found(`jobId = 'x'`)).toEqual([])
      expect(await found(`deviceKey in ('dk1', 'dk6', 'nobody')`)).toEqual(
        only('job dk1', 'job dk6', 'other dk6', 'other dk1'),
      )
      expect(await found(`deviceKey = 'dk1' AND jobId = '${other}'`)).toEqual(['other dk1 init'])
      for (const status of ['init', 'published', 'upgrading', 'succeeded', 'failed'])
        expect(await found(`status = '${status}'`)).toEqual(order.filter((one) => one.endsWith(status)))
      expect(await found(`status in ('failed', 'published', 'nothing')`)).toEqual(only('job dk5', 'job dk4', 'job dk1'))
      expect(await found(`toVersion = '3.0'`)).toEqual(only('other'))
      expect(await found(`toVersion = '4.0'`)).toEqual([])
      expect(await found(`fromVersion = '1.1'`)).toEqual(only('other dk6', 'job dk6'))
      expect(await found(`fromVersion = '1.0' AND jobId = '${job}'`)).toEqual(
        only('job dk1', 'job dk2', 'job dk3', 'job dk4', 'job dk5'),
      )
      expect(await found(`fromVersion = '2.0'`)).toEqual([])
      expect(await found(`desc = 'half'`)).toEqual(['job dk2 upgrading'])
      expect(await found(`desc in ('x', 'Cancelled by user')`)).toEqual(only('job dk5', 'job dk4'))
      expect(await found(`desc = '' AND status = 'init'`)).toEqual(order.filter((one) => one.endsWith('init')))
      expect(await found(`desc = 'x' AND status = 'init'`)).toEqual([])
      expect(await found(`status = 'init' AND status = 'failed'`)).toEqual([])
      for (const expression of [`taskId = 'x'`, `status like 'i'`, `progress = '1'`])
        expectRefused(await jobs.post('searchTask', {}, { expression }), 99400)
      expect(all.map(({ fromVersion }) => fromVersion)).toEqual([
        '1.0',
        '1.0',
        '1.0',
        '1.0',
        '1.0',
        '1.1',
        '1.0',
        '1.1',
      ])
    })

    it('one task is as every search shows it', async () => {
      const id = await enos.newDevice('dk1', { assetId: 'asset-1' })
      const device = new DeviceClient(enos.server.url, 'dk1')
      await device.authenticate()
      await device.inform('1.0')
      const jobId = await jobs.createAndStart(await firmware())
      enos.server.clock.advance(5)
      await pushed(device)
      enos.server.clock.advance(5)
      await device.progress('40', 'at work')
      const [task] = await jobs.tasks(`status = 'upgrading'`)
      expect(Object.entries(task)).toEqual(
        Object.entries({
          taskId: task.taskId,
          orgId: 'org1',
          assetId: 'asset-1',
          productKey: 'pk1',
          deviceKey: 'dk1',
          jobId,
          fromVersion: '1.0',
          toVersion: '2.0',
          progress: 40,
          desc: 'at work',
          status: 'upgrading',
          updateTime: T + 10,
        }),
      )
      expect(id).not.toBe('asset-1')
    })
  })
})
