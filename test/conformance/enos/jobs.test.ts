import { beforeEach, describe, expect, it } from 'vitest'
import { STORAGES } from '../../support/storages.ts'
import { DeviceClient } from './device-client.ts'
import { type Enos, sharedEnos, T } from './fixture.ts'
import { JobClient, UPGRADE } from './job-client.ts'
import { expectOk, expectRefused, JOBS } from './program.ts'

const VERIFIED = { enabled: true, minSucceeded: 2, maxDevices: 3 }

describe.each(STORAGES)('OTA jobs on $name', ({ open }) => {
  const next = sharedEnos(open)
  let enos: Enos
  let jobs: JobClient
  beforeEach(async () => {
    enos = await next()
    jobs = new JobClient(enos.program)
  })

  /** A device that has reported a version. */
  async function reporting(deviceKey: string, version = '1.0'): Promise<DeviceClient> {
    await enos.newDevice(deviceKey)
    const device = new DeviceClient(enos.server.url, deviceKey)
    await device.authenticate()
    await device.inform(version)
    return device
  }

  const firmware = async (version = '2.0', given: Parameters<Enos['newFirmware']>[1] = {}) =>
    (await enos.newFirmware(version, given)).firmware.id

  describe('row 20: deleting firmware', () => {
    it('is refused while a job uses it, even one that was never started, and then allowed', async () => {
      const firmwareId = await firmware()
      const jobId = await jobs.create(firmwareId)
      const remove = () => enos.program.action('delete', { firmwareId }, { method: 'POST' })
      expectRefused(await remove(), 24604, 'Firmware cannot be deleted')
      expectOk(await jobs.post('delete', { jobId }))
      const byGet = await enos.program.action('delete', { firmwareId })
      expectRefused(byGet, 99400)
      expect(expectOk(await enos.program.action('get', { firmwareId })).firmwareId).toBe(firmwareId)
      expect(expectOk(await remove())).toBeNull()
      expectRefused(await enos.program.action('get', { firmwareId }), 24404)
    })
  })

  describe('create and get', () => {
    it('give back what was given, numbers as numbers', async () => {
      const firmwareId = await firmware('2.0', { name: { default: 'fw', locales: { zh_CN: '固件' } } })
      await reporting('dk1')
      const schedule = { startTimestamp: T, endTimestamp: T + 3_600_000 }
      const jobId = await jobs.create(firmwareId, {
        name: { defaultValue: 'spring', i18nValue: { en_US: 'Spring' } },
        upgradeScope: { type: 'partial', versionNumbers: ['1.0'], deviceKeys: ['dk1'], tags: { site: ['graz'] } },
        upgradePolicy: 'snapshot',
        upgradeTimeout: '600',
        retryPolicy: { enableRetry: true, retryInterval: '10', retryCount: 5 },
        schedulePolicy: { isRepeatDaily: true, ...schedule, timezoneOffsetInMinutes: '-60' },
        maximumConcurrency: '10',
        unknown: 'ignored',
      })
      expect(jobId).toMatch(/^[0-9a-f]{24}$/)
      expect(await jobs.info(jobId)).toEqual({
        orgId: 'org1',
        productKey: 'pk1',
        jobId,
        name: { defaultValue: 'spring', i18nValue: { en_US: 'Spring' } },
        firmwareId,
        firmwareVersion: '2.0',
        firmwareName: { defaultValue: 'fw', i18nValue: { zh_CN: '固件' } },
        type: 'upgrade',
        enableUpgradeRequest: true,
        upgradePolicy: 'snapshot',
        upgradeScope: {
          type: 'partial',
          versionNumbers: ['1.0'],
          deviceKeys: ['dk1'],
          attributes: null,
          tags: { site: ['graz'] },
          assetTrees: null,
        },
        upgradeTimeout: 600,
        retryPolicy: { enableRetry: true, retryInterval: 10, retryCount: 5 },
        schedulePolicy: { isRepeatDaily: true, ...schedule, timezoneOffsetInMinutes: -60 },
        maximumConcurrency: 10,
        status: 'stopped',
        createTime: T,
      })
    })

    it('have the defaults of the vendor', async () => {
      const jobId = await jobs.create(await firmware())
      expect(await jobs.info(jobId)).toMatchObject({
        name: null,
        upgradeTimeout: 7_200,
        maximumConcurrency: 300,
        retryPolicy: null,
        schedulePolicy: null,
        upgradeScope: {
          type: 'total',
          versionNumbers: null,
          deviceKeys: null,
          attributes: null,
          tags: null,
          assetTrees: null,
        },
      })
    })

    it('a verification job has what verification jobs have', async () => {
      await reporting('dk1')
      const jobId = await jobs.verify(await firmware('2.0', { verification: VERIFIED }), ['dk1'], {
        upgradePolicy: 'snapshot',
        retryPolicy: { enableRetry: true, retryInterval: 1, retryCount: 1 },
      })
      expect(await jobs.info(jobId)).toMatchObject({
        type: 'verify',
        enableUpgradeRequest: false,
        upgradePolicy: null,
        retryPolicy: null,
        schedulePolicy: null,
        upgradeScope: { type: 'partial', deviceKeys: ['dk1'] },
      })
    })

    it('productKey is as in FirmwareInfo; members of release 2.4.4 are given back where they are used', async () => {
      const unbound = await firmware('3.0', { product: null, module: null })
      await reporting('dk1')
      const group = await enos.server.core.groups.create(enos.tenant.scope, { key: 'pilot' })
      const scope = { type: 'total', productKey: 'pk1', deviceGroupIds: [group.id] }
      const info = await jobs.info(await jobs.create(unbound, { upgradeScope: scope }))
      expect(info).not.toHaveProperty('productKey')
      expect(info.upgradeScope).toMatchObject(scope)
      expect(info.upgradeScope).not.toHaveProperty('assetIds')
    })

    it('unknown jobs, and such as are none, are 24404', async () => {
      const { core } = enos.server
      const { product } = enos.tenant
      await enos.newFirmware('2.0')
      const rollout = await core.rollouts.create(enos.tenant.scope, {
        key: 'made-otherwise',
        release: { product: product.key, version: '2.0' },
      })
      for (const jobId of ['0'.repeat(24), 'x', rollout.id]) {
        expectRefused(await jobs.get(jobId), 24404, 'Job not found')
        for (const action of ['start', 'stop', 'delete']) expectRefused(await jobs.post(action, { jobId }), 24404)
        expectRefused(await jobs.cancelTask(jobId, 'dk1'), 24404)
        expectRefused(await jobs.retryTask(jobId, 'dk1'), 24404)
      }
      expect(await jobs.search()).toEqual([])
      for (const action of ['get', 'start', 'stop', 'delete', 'cancelTask', 'retryTask'])
        expectRefused(await enos.program.action(action, {}, { path: JOBS, method: 'POST' }), 99400)
    })

    it('firmware that is unknown is 24404; that of another organisation too', async () => {
      const other = await enos.newTenant('org2')
      const { firmware: foreign } = await enos.newFirmware('2.0', { tenant: other })
      for (const firmwareId of ['0'.repeat(24), 'x', foreign.id])
        expectRefused(await jobs.tryCreate(firmwareId, UPGRADE), 24404, 'Firmware not found')
      expectRefused(await jobs.post('create', {}, UPGRADE), 99400)
    })

    it('jobs of another organisation are 24404 and found by no search', async () => {
      const other = await enos.newTenant('org2')
      const { firmware: foreign } = await enos.newFirmware('2.0', { tenant: other })
      const theirs = new JobClient(await enos.newProgram({ tenant: other }))
      const jobId = await theirs.create(foreign.id)
      await enos.newDevice('dk9', { tenant: other })
      const device = new DeviceClient(enos.server.url, 'dk9')
      await device.authenticate()
      await device.inform('1.0')
      expect(await theirs.tasks()).toHaveLength(1)
      expectRefused(await jobs.get(jobId), 24404, 'Job not found')
      for (const action of ['start', 'stop', 'delete']) expectRefused(await jobs.post(action, { jobId }), 24404)
      await theirs.start(jobId)
      expectRefused(await jobs.cancelTask(jobId, 'dk9'), 24404)
      expect(await jobs.search()).toEqual([])
      expect(await jobs.search(`firmwareId = '${foreign.id}'`)).toEqual([])
      expect(await jobs.tasks()).toEqual([])
      expect(await jobs.tasks(`jobId = '${jobId}'`)).toEqual([])
      expect(await jobs.tasks(`deviceKey = 'dk9'`)).toEqual([])
    })

    it('a program that may only read makes and changes nothing', async () => {
      const jobId = await jobs.create(await firmware())
      const reader = new JobClient(await enos.newProgram({ permissions: ['read'] }))
      expect((await reader.info(jobId)).jobId).toBe(jobId)
      expect(await reader.search()).toHaveLength(1)
      expect(await reader.tasks()).toEqual([])
      for (const action of ['start', 'stop', 'delete', 'cancelTask', 'retryTask', 'create'])
        expectRefused(await reader.post(action, { jobId }, {}), 99403)
      for (const action of ['start', 'create'])
        expectRefused(await enos.program.action(action, { jobId }, { path: JOBS }), 99400)
    })
  })

  describe('row 27: what cannot be', () => {
    it('an upgrade with firmware that is to be verified', async () => {
      const firmwareId = await firmware('2.0', { verification: VERIFIED })
      expectRefused(await jobs.tryCreate(firmwareId, UPGRADE), 99400)
      expect(await jobs.search()).toEqual([])
    })

    it('a verification of everybody, of more devices than allowed, or of nobody', async () => {
      const firmwareId = await firmware('2.0', { verification: VERIFIED })
      for (const key of ['dk1', 'dk2', 'dk3', 'dk4']) await reporting(key)
      await enos.newDevice('dk5')
      const verify = (upgradeScope: object) => jobs.tryCreate(firmwareId, { type: 'verify', upgradeScope })
      expectRefused(await verify({ type: 'total' }), 99400)
      expectRefused(await verify({ type: 'partial' }), 99400)
      expectRefused(await verify({ type: 'partial', deviceKeys: ['dk1', 'dk2', 'dk3', 'dk4'] }), 99400)
      expectRefused(await verify({ type: 'partial', deviceKeys: ['dk1', 'dk2', 'dk3', 'dk5'] }), 99400)
      expectRefused(await verify({ type: 'partial', tags: { site: ['nowhere'] } }), 99400)
      expect(await jobs.search()).toEqual([])
      await jobs.verify(firmwareId, ['dk1', 'dk2'])
      expectRefused(await verify({ type: 'partial', deviceKeys: ['dk3', 'dk4'] }), 99400)
      await jobs.verify(firmwareId, ['dk2', 'dk3'])
      expectRefused(await verify({ type: 'partial', deviceKeys: ['dk4'] }), 99400)
      await jobs.verify(firmwareId, ['dk1', 'dk2', 'dk3'])
    })

    it('two verifications at once that together are too many', async () => {
      const firmwareId = await firmware('2.0', { verification: VERIFIED })
      for (const key of ['dk1', 'dk2', 'dk3', 'dk4']) await reporting(key)
      const verify = (...deviceKeys: string[]) =>
        jobs.tryCreate(firmwareId, { type: 'verify', upgradeScope: { type: 'partial', deviceKeys } })
      await enos.program.token()
      const replies = await Promise.all([verify('dk1', 'dk2'), verify('dk3', 'dk4')])
      expect(replies.map(({ json }) => json.code).sort()).toEqual([0, 99400])
    })
  })

  describe('row 28: scope and numbers', () => {
    it.each([
      ['no type', { type: undefined }],
      ['another type', { type: 'update' }],
      ['no scope', { upgradeScope: undefined }],
      ['a scope that is none', { upgradeScope: 'total' }],
      ['a scope without type', { upgradeScope: {} }],
      ['a scope of another type', { upgradeScope: { type: 'some' } }],
      ['versionNumbers that name the target', { upgradeScope: { type: 'total', versionNumbers: ['1.0', '2.0'] } }],
      ['versionNumbers that are no list', { upgradeScope: { type: 'total', versionNumbers: '1.0' } }],
      ['partial without selector', { upgradeScope: { type: 'partial', versionNumbers: ['1.0'] } }],
      ['partial with empty selectors', { upgradeScope: { type: 'partial', deviceKeys: [], tags: {} } }],
      ['a deviceKey that is unknown', { upgradeScope: { type: 'partial', deviceKeys: ['dk1', 'nobody'] } }],
      ['deviceKeys that are no texts', { upgradeScope: { type: 'partial', deviceKeys: [7] } }],
      ['too many deviceKeys', { upgradeScope: { type: 'partial', deviceKeys: Array.from('x'.repeat(1_001)) } }],
      ['an assetId that is unknown', { upgradeScope: { type: 'partial', assetIds: ['nobody'] } }],
      ['a group that is unknown', { upgradeScope: { type: 'partial', deviceGroupIds: ['nobody'] } }],
      ['a tag without values', { upgradeScope: { type: 'partial', tags: { site: [] } } }],
      ['a tag that is no list', { upgradeScope: { type: 'partial', tags: { site: 'graz' } } }],
      ['asset trees', { upgradeScope: { type: 'partial', assetTrees: [{ treeId: 't', includedNotes: [] }] } }],
      ['a product that is unknown', { upgradeScope: { type: 'total', productKey: 'nothing' } }],
      ['no policy', { upgradePolicy: undefined }],
      ['another policy', { upgradePolicy: 'upgrade' }],
      ['no enableUpgradeRequest', { enableUpgradeRequest: undefined }],
      ['enableUpgradeRequest as text', { enableUpgradeRequest: 'true' }],
      ['upgradeTimeout 299', { upgradeTimeout: 299 }],
      ['upgradeTimeout 172801', { upgradeTimeout: 172_801 }],
      ['upgradeTimeout as words', { upgradeTimeout: 'long' }],
      ['upgradeTimeout of a half', { upgradeTimeout: 600.5 }],
      ['no concurrency at all', { maximumConcurrency: 0 }],
      ['a name that is text', { name: 'spring' }],
      ['a name without default', { name: { i18nValue: {} } }],
      ['a retry policy that is none', { retryPolicy: true }],
      ['a retry without count', { retryPolicy: { enableRetry: true, retryInterval: 10 } }],
      ['a retry without a flag', { retryPolicy: { retryInterval: 10, retryCount: 1 } }],
      ['too many retries', { retryPolicy: { enableRetry: true, retryInterval: 10, retryCount: 100 } }],
      ['a window of 29 minutes', { schedulePolicy: windowOf(false, 29) }],
      ['a daily window of 29 minutes', { schedulePolicy: windowOf(true, 29) }],
      ['a daily window of 29 minutes on another day', { schedulePolicy: windowOf(true, 29 + 1_440) }],
      ['a window that ends before it begins', { schedulePolicy: windowOf(false, -60) }],
      ['a window without an end', { schedulePolicy: { isRepeatDaily: true, startTimestamp: T } }],
    ])('%s is 99400', async (_name, change) => {
      await reporting('dk1')
      expectRefused(await jobs.tryCreate(await firmware(), { ...UPGRADE, ...change }), 99400)
      expect(await jobs.search()).toEqual([])
    })

    it.each([
      ['"600"', { upgradeTimeout: '600' }, { upgradeTimeout: 600 }],
      ['300', { upgradeTimeout: 300 }, { upgradeTimeout: 300 }],
      ['172800', { upgradeTimeout: '172800' }, { upgradeTimeout: 172_800 }],
      ['nulls', { name: null, retryPolicy: null, schedulePolicy: null }, { upgradeTimeout: 7_200 }],
      [
        'no retry',
        { retryPolicy: { enableRetry: false } },
        { retryPolicy: { enableRetry: false, retryInterval: 0, retryCount: 0 } },
      ],
      ['a window of 30 minutes', { schedulePolicy: windowOf(false, 30) }, { schedulePolicy: windowOf(false, 30) }],
      [
        'a daily window past midnight',
        { schedulePolicy: windowOf(true, -60) },
        { schedulePolicy: windowOf(true, -60) },
      ],
      ['a whole day', { schedulePolicy: windowOf(true, 0) }, { schedulePolicy: windowOf(true, 0) }],
    ])('%s is accepted', async (_name, given, shown) => {
      expect(await jobs.info(await jobs.create(await firmware(), given))).toMatchObject(shown)
    })

    it('a body that is no object', async () => {
      const firmwareId = await firmware()
      for (const body of ['[]', '"x"', '{'])
        expectRefused(
          await enos.program.action(
            'create',
            { firmwareId },
            { path: JOBS, method: 'POST', body, contentType: 'application/json' },
          ),
          99400,
        )
      expectRefused(await jobs.post('create', { firmwareId }), 99400)
    })
  })

  it('row 29: right after its creation a job is stopped, and its tasks are init', async () => {
    await reporting('dk1')
    const jobId = await jobs.create(await firmware())
    expect((await jobs.info(jobId)).status).toBe('stopped')
    const tasks = await jobs.tasks(`jobId = '${jobId}'`)
    expect(tasks).toEqual([
      {
        taskId: expect.stringMatching(/^[0-9a-f]{24}$/),
        orgId: 'org1',
        assetId: expect.any(String),
        productKey: 'pk1',
        deviceKey: 'dk1',
        jobId,
        fromVersion: '1.0',
        toVersion: '2.0',
        progress: 0,
        desc: '',
        status: 'init',
        updateTime: T,
      },
    ])
  })

  it('row 30: start twice, stop twice, delete while started', async () => {
    const jobId = await jobs.create(await firmware())
    expectRefused(await jobs.post('stop', { jobId }), 24616, 'Job has stopped')
    expect(expectOk(await jobs.post('start', { jobId }))).toBeNull()
    expectRefused(await jobs.post('start', { jobId }), 24615, 'Job has started')
    expect((await jobs.info(jobId)).status).toBe('started')
    expectRefused(await jobs.post('delete', { jobId }), 24618, 'Not allowed to delete running job')
    expect(expectOk(await jobs.post('stop', { jobId }, {}))).toBeNull()
    expectRefused(await jobs.post('stop', { jobId }), 24616)
    expect((await jobs.info(jobId)).status).toBe('stopped')
    await jobs.start(jobId)
    await jobs.stop(jobId)
    expect(expectOk(await jobs.post('delete', { jobId }))).toBeNull()
    expectRefused(await jobs.get(jobId), 24404, 'Job not found')
    expect(await jobs.search()).toEqual([])
  })

  it('two starts at once: one is started, the other has started', async () => {
    const jobId = await jobs.create(await firmware())
    await enos.program.token()
    const replies = await Promise.all([1, 2, 3].map(() => jobs.post('start', { jobId })))
    expect(replies.map(({ json }) => json.code).sort()).toEqual([0, 24615, 24615])
  })

  describe('row 33: a device that comes into scope later', () => {
    it.each([
      ['snapshot', []],
      ['incremental', ['dk2']],
    ])('%s', async (upgradePolicy, added) => {
      await reporting('dk1')
      const firmwareId = await firmware()
      const jobId = await jobs.createAndStart(firmwareId, { upgradePolicy })
      enos.server.clock.advance(1_000)
      const late = await reporting('dk2')
      expect(Object.keys(await jobs.statuses(jobId)).sort()).toEqual(['dk1', ...added])
      expect((await late.getversion()).length).toBe(added.length)
    })
  })

  describe('row 34: verification', () => {
    it('the second device that succeeds verifies, and an upgrade is accepted', async () => {
      const firmwareId = await firmware('2.0', { verification: VERIFIED })
      const devices = [await reporting('dk1'), await reporting('dk2')]
      const jobId = await jobs.verify(firmwareId, ['dk1', 'dk2'])
      await jobs.start(jobId)
      const isVerified = async () => expectOk(await enos.program.action('get', { firmwareId })).isVerified
      for (const [index, device] of devices.entries()) {
        expectRefused(await jobs.tryCreate(firmwareId, UPGRADE), 99400)
        expect((await device.inform('1.0')).command?.payload.params.version).toBe('2.0')
        await device.progress('100')
        await device.inform('2.0')
        expect(await isVerified()).toBe(index === 1)
      }
      expect(await jobs.statuses(jobId)).toEqual({ dk1: 'succeeded', dk2: 'succeeded' })
      await jobs.create(firmwareId)
      await jobs.stop(jobId)
      expectOk(await jobs.post('delete', { jobId }))
      expect(await isVerified()).toBe(true)
    })

    it('one device that succeeds in two jobs counts once', async () => {
      const firmwareId = await firmware('2.0', { verification: VERIFIED })
      const device = await reporting('dk1')
      for (const _ of [1, 2]) {
        const jobId = await jobs.verify(firmwareId, ['dk1'])
        await jobs.start(jobId)
        await device.inform('1.0')
        await device.progress('50')
        await device.inform('2.0')
        expect(await jobs.task(jobId)).toMatchObject({ status: 'succeeded' })
        await device.inform('1.0')
      }
      expect(expectOk(await enos.program.action('get', { firmwareId })).isVerified).toBe(false)
    })

    it('whoever comes to fit after its making is not tried', async () => {
      const firmwareId = await firmware('2.0', { verification: VERIFIED })
      const { core } = enos.server
      const tagged = { tags: { lab: 'yes' } }
      await reporting('dk1')
      await core.devices.update(enos.tenant.scope, 'dk1', tagged)
      const upgradeScope = { type: 'partial', tags: { lab: ['yes'] } }
      const jobId = await jobs.verify(firmwareId, [], { upgradeScope })
      await jobs.start(jobId)
      const late = await reporting('dk2')
      await core.devices.update(enos.tenant.scope, 'dk2', tagged)
      expect((await late.inform('1.0')).command).toBeUndefined()
      expect(await jobs.statuses(jobId)).toEqual({ dk1: 'init' })
    })
  })
})

function windowOf(isRepeatDaily: boolean, minutes: number) {
  const endTimestamp = T + minutes * 60_000
  return { isRepeatDaily, startTimestamp: T, endTimestamp, timezoneOffsetInMinutes: 0 }
}
