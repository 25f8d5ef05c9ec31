import { beforeEach, describe, expect, it } from 'vitest'
import { RolloutFleet } from '../../../test/support/rollout-fleet.ts'
import { bytesOf, pushFirmware } from '../../../test/support/test-core.ts'

const REASON = 'it moves the partitions'

describe('a device without a way to what is assigned to it', () => {
  let fleet: RolloutFleet
  beforeEach(async () => {
    fleet = await RolloutFleet.open()
  })
  const floorAt = (version: string) =>
    fleet.core.floors.create(fleet.scope, { product: 'panel', firmware: { version }, reason: REASON })
  const assign = (version: string) =>
    fleet.core.assignments.assign(fleet.scope, { device: 'd0' }, { product: 'panel', version })
  const change = async (version: string, patch: object) => {
    const { read } = fleet.core.deps.storage
    const [row] = await read.firmware.list({ organisation: fleet.scope.organisation, version }, { limit: 1 })
    await fleet.core.firmware.update(fleet.scope, row?.id ?? '', patch)
  }
  const because = async () => (await fleet.decide('d0')).because

  it('is told that the floor between was withdrawn', async () => {
    await fleet.addDevices(1)
    await floorAt('1.1.0')
    await assign('1.2.0')
    await change('1.1.0', { withdrawn: true })
    expect(await because()).toEqual({
      kind: 'no-path',
      from: '1.0.0',
      to: '1.2.0',
      needs: '1.1.0',
      reason: REASON,
      barrier: { kind: 'floor-withdrawn', floor: '1.1.0', reason: REASON },
    })
    expect(await fleet.why('d0')).toBe(
      `It runs 1.0.0; there is no way to 1.2.0: it needs version 1.1.0 first (${REASON}), which was withdrawn.`,
    )
    await change('1.1.0', { withdrawn: false })
    expect(await fleet.why('d0')).toContain('It must install 1.1.0 first')
  })

  it('is told that it never said what it runs', async () => {
    await fleet.addDevices(1, { running: null })
    await floorAt('1.1.0')
    await assign('1.2.0')
    expect(await fleet.why('d0')).toBe(
      `It runs an unknown version; there is no way to 1.2.0: it may need version 1.1.0 first, which must not be jumped over (${REASON}).`,
    )
    await fleet.install('d0', '1.1.0')
    expect(await fleet.why('d0')).toContain('It will be offered 1.2.0')
  })

  it('is told that nothing orders what it runs, until a sequence does', async () => {
    await pushFirmware(fleet.core, fleet.scope, 'panel', 'legacy')
    await fleet.addDevices(1, { running: 'legacy' })
    await floorAt('1.1.0')
    await assign('1.2.0')
    expect(await fleet.why('d0')).toBe(
      `It runs legacy; there is no way to 1.2.0: nothing says whether version 1.1.0, which must not be jumped over (${REASON}), is older or newer than legacy; sequences would.`,
    )
    await change('legacy', { sequence: 1 })
    await change('1.1.0', { sequence: 2 })
    expect(await fleet.why('d0')).toBe(`It must install 1.1.0 first, on its way to 1.2.0: ${REASON}.`)
    await change('legacy', { sequence: 3 })
    expect(await fleet.why('d0')).toContain('It will be offered 1.2.0')
  })

  it('is told that the floor itself cannot be installed from here', async () => {
    await fleet.addDevices(1)
    await floorAt('1.1.0')
    await assign('1.2.0')
    await change('1.1.0', { fromVersions: '>=1.0.5' })
    expect(await fleet.why('d0')).toBe(
      'It runs 1.0.0; there is no way to 1.2.0: version 1.1.0 can be installed only from >=1.0.5, and it would come from 1.0.0.',
    )
  })

  it('is told that the step after the floor is barred, and does not take the first', async () => {
    await fleet.addDevices(1)
    await floorAt('1.1.0')
    await assign('1.2.0')
    await change('1.2.0', { fromVersions: '1.0.0' })
    expect(await fleet.why('d0')).toBe(
      'It runs 1.0.0; there is no way to 1.2.0: version 1.2.0 can be installed only from 1.0.0, and it would come from 1.1.0.',
    )
    expect(await fleet.grant('d0')).toBeUndefined()
  })
})

describe('a device that has installed a part of a release', () => {
  it('is offered the rest, also where the part says from which versions it can be installed', async () => {
    const fleet = await RolloutFleet.open()
    const { core, scope } = fleet
    const { serial: product } = await core.products.get(scope.organisation, 'panel')
    const extra = await core.products.addModule(scope, 'panel', { key: 'extra' })
    const staged = await core.deps.blobs.stage(bytesOf('extra 2'), { maxBytes: 1000 })
    const module = { product, module: extra.serial, version: '2.0.0', active: true, fileName: 'extra.bin' }
    await core.firmware.create(scope, module, staged)
    const [main] = await core.deps.storage.read.firmware.list(
      { organisation: scope.organisation, version: '1.1.0' },
      { limit: 1 },
    )
    await core.firmware.update(scope, main?.id ?? '', { fromVersions: '<1.1.0' })
    await fleet.addDevices(1)
    await core.gateway.checkIn(await fleet.facts('d0'), { running: { extra: '1.0.0' } })
    await core.releases.create(scope, {
      product: 'panel',
      version: 'both',
      firmware: { main: '1.1.0', extra: '2.0.0' },
    })
    await fleet.start({ release: { product: 'panel', release: 'both' }, options: { retry: { pauseSeconds: 0 } } })
    await fleet.grant('d0')
    await fleet.install('d0', '1.1.0')
    await fleet.fail('d0')
    expect(await fleet.why('d0')).toBe('It will be offered both by rollout spring, stage 1 of 1.')
    expect(await fleet.grant('d0')).toMatchObject({
      steps: [
        { from: '1.1.0', to: '1.1.0' },
        { from: '1.0.0', to: '2.0.0' },
      ],
    })
  })
})
