import { beforeEach, describe, expect, it } from 'vitest'
import { EnosBackoffice, type EnosReply } from '../../../src/simulator/devices/enos-backoffice.ts'
import { EnosDevice } from '../../../src/simulator/devices/enos-device.ts'
import { STORAGES } from '../../support/storages.ts'
import { ACCESS_KEY, type Enos, SECRET, sharedEnos, someBytes } from './fixture.ts'

const BYTES = someBytes(200_000)

// The simulator shares no code with the server: a device and a back office as the vendor's SDKs behave.
describe.each(STORAGES)('simulated devices and programs on $name', ({ open }) => {
  const next = sharedEnos(open)
  let enos: Enos
  let backoffice: EnosBackoffice
  beforeEach(async () => {
    enos = await next()
    const { server } = enos
    const options = { url: server.url, appKey: ACCESS_KEY, appSecret: SECRET, orgId: 'org1', clock: clockOf(enos) }
    backoffice = new EnosBackoffice(options)
    await enos.newDevice('dk1')
  })

  const newDevice = (given: Partial<ConstructorParameters<typeof EnosDevice>[0]> = {}) =>
    new EnosDevice({
      url: enos.server.url,
      device: { productKey: 'pk1', deviceKey: 'dk1', secret: 's3cr3t' },
      version: '1.0',
      clock: clockOf(enos),
      ...given,
    })

  async function ship(version: string): Promise<void> {
    const upload = { name: `fw ${version}`, version, file: BYTES, productKey: 'pk1' }
    const created = await backoffice.createFirmware(upload)
    expect(created).toMatchObject({ kind: 'ok', data: { firmwareId: expect.any(String) } })
    const reference = { product: 'pk1', version }
    await enos.server.core.assignments.assign(enos.tenant.scope, { device: 'dk1' }, reference)
  }

  it.each([
    ['by the push on its first reply', {}],
    ['answering the command', { answersCommands: true }],
    ['through a signed address', { throughAddress: true }],
    ['whole', { pieceBytes: 0 }],
    ['in odd pieces', { pieceBytes: 7_777 }],
  ])('a device updates %s', async (_name, given) => {
    await ship('2.0')
    const device = newDevice(given)
    const outcome = await device.run()
    expect(outcome).toMatchObject({ kind: 'updated', version: '2.0', size: 200_000 })
    expect(outcome.pushes).toHaveLength(1)
    expect(outcome.pushes[0]).toMatchObject({ on: 'inform', topic: '/sys/pk1/dk1/ota/device/upgrade' })
    expect(await enos.update('dk1')).toMatchObject({ state: 'succeeded', progress: 100 })
    expect(await device.run()).toMatchObject({ kind: 'nothing', version: '2.0' })
    backoffice.close()
  })

  it.each([
    ['download', -2],
    ['verification', -3],
    ['writing', -4],
  ] as const)('a device fails at the %s', async (failsAt, progress) => {
    await ship('2.0')
    expect(await newDevice({ failsAt }).run()).toMatchObject({ kind: 'failed', code: progress, version: '1.0' })
    expect(await enos.update('dk1')).toMatchObject({ state: 'failed', progress })
    backoffice.close()
  })

  it('a program verifies firmware on one device and ships it to the others', async () => {
    await enos.newDevice('dk2')
    const upload = { name: 'fw', version: '2.0', file: BYTES, productKey: 'pk1', enableVerification: true }
    const { firmwareId } = dataOf<{ firmwareId: string }>(await backoffice.createFirmware(upload))
    const other = { productKey: 'pk1', deviceKey: 'dk2', secret: 's3cr3t' }
    expect(await newDevice().run()).toMatchObject({ kind: 'nothing' })
    expect(await newDevice({ device: other }).run()).toMatchObject({ kind: 'nothing' })
    const upgrade = {
      type: 'upgrade',
      upgradeScope: { type: 'total' },
      upgradePolicy: 'incremental',
      enableUpgradeRequest: true,
    } as const
    expect(await backoffice.createJob(firmwareId, upgrade)).toMatchObject({ kind: 'refused', code: 99400 })

    const upgradeScope = { type: 'partial', deviceKeys: ['dk1'] } as const
    const trial = dataOf<{ jobId: string }>(await backoffice.createJob(firmwareId, { type: 'verify', upgradeScope }))
    dataOf(await backoffice.startJob(trial.jobId))
    expect(await newDevice({ device: other }).run()).toMatchObject({ kind: 'nothing' })
    expect(await newDevice().run()).toMatchObject({ kind: 'updated', version: '2.0' })

    const { jobId } = dataOf<{ jobId: string }>(await backoffice.createJob(firmwareId, upgrade))
    dataOf(await backoffice.startJob(jobId))
    expect(await newDevice({ device: other, failsAt: 'writing' }).run()).toMatchObject({ kind: 'failed', code: -4 })
    dataOf(await backoffice.retryTasks(jobId, ['dk2']))
    expect(await newDevice({ device: other }).run()).toMatchObject({ kind: 'updated', version: '2.0' })
    const tasks = dataOf<unknown[]>(await backoffice.searchTasks(`toVersion = '2.0'`, { pageNo: 1, pageSize: 50 }))
    expect(tasks).toMatchObject([
      { deviceKey: 'dk2', jobId, status: 'succeeded', fromVersion: '1.0' },
      { deviceKey: 'dk1', jobId: trial.jobId, status: 'succeeded', fromVersion: '1.0' },
    ])
    dataOf(await backoffice.stopJob(jobId))
    expect(dataOf(await backoffice.getJob(jobId))).toMatchObject({ status: 'stopped' })
    dataOf(await backoffice.deleteJob(jobId))
    expect(await backoffice.getJob(jobId)).toMatchObject({ kind: 'refused', code: 24404 })
    backoffice.close()
  })

  it('a device takes its task by asking, where the job allows it', async () => {
    const { firmwareId } = dataOf<{ firmwareId: string }>(
      await backoffice.createFirmware({ name: 'fw', version: '2.0', file: BYTES, productKey: 'pk1' }),
    )
    await newDevice({ pull: false }).run()
    const job = { type: 'upgrade', upgradeScope: { type: 'total' }, upgradePolicy: 'snapshot' } as const
    const { jobId } = dataOf<{ jobId: string }>(
      await backoffice.createJob(firmwareId, { ...job, enableUpgradeRequest: true }),
    )
    dataOf(await backoffice.startJob(jobId))
    expect(await newDevice({ pull: true }).run()).toMatchObject({ kind: 'updated', version: '2.0' })
    backoffice.close()
  })

  it('a program reads what it has created', async () => {
    await ship('2.0')
    const found = await backoffice.call({ api: 'ota-firmwares', action: 'search', method: 'POST' })
    expect(found).toMatchObject({ kind: 'ok', data: [{ version: '2.0', fileSize: 200_000 }] })
    const [{ firmwareId }] = found.kind === 'ok' ? (found.data as [{ firmwareId: string }]) : [{ firmwareId: '' }]
    expect(await backoffice.getFirmware(firmwareId)).toMatchObject({ kind: 'ok', data: { firmwareId, version: '2.0' } })
    backoffice.close()
  })
})

function clockOf({ server }: Enos) {
  return { now: () => server.clock.now(), sleep: async (ms: number) => server.clock.advance(ms) }
}

function dataOf<T>(reply: EnosReply): T {
  if (reply.kind !== 'ok') throw new Error(JSON.stringify(reply))
  return reply.data as T
}
