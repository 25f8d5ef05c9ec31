import { beforeEach, describe, expect, it } from 'vitest'
import { RolloutFleet } from '../../../test/support/rollout-fleet.ts'
import { noteArrival } from './arrival.ts'

let fleet: RolloutFleet

beforeEach(async () => {
  fleet = await RolloutFleet.create(['d0', 'd1'])
})

async function arrive(key: string, reference = 'spring'): Promise<boolean> {
  const { core, scope } = fleet
  const rollout = await core.rollouts.get(scope.organisation, reference)
  const device = await core.devices.get(scope.organisation, key)
  return core.deps.storage.transaction((stores) => noteArrival(stores, core.deps, rollout, device))
}

async function expectRecount(reference = 'spring'): Promise<void> {
  const { core, scope } = fleet
  const { serial } = await core.rollouts.get(scope.organisation, reference)
  const counted = Object.entries(await core.deps.storage.read.rolloutMembers.recount(serial))
  const devices = counted.filter(([state, count]) => count > 0 && state !== 'waiting')
  expect(await fleet.outcomes(reference)).toEqual(Object.fromEntries(devices))
}

describe('a device that comes to run the release by itself', () => {
  it('counts as updated, once, with an event', async () => {
    await fleet.start('spring', '1.1.0')
    expect(await arrive('d0')).toBe(true)
    expect(await arrive('d0')).toBe(false)
    expect(await fleet.outcomes('spring')).toEqual({ succeeded: 1 })
    const filter = { organisation: fleet.scope.organisation, type: 'rollout.arrived' }
    const events = await fleet.core.deps.storage.read.events.list(filter, { limit: 9 })
    expect(events.map(({ details }) => details['key'])).toEqual(['spring'])
  })

  it('counts as a waiting member of a snapshot, before the start too', async () => {
    const release = { product: 'panel', version: '1.1.0' }
    await fleet.core.rollouts.create(fleet.scope, { key: 'spring', release, membership: 'snapshot' })
    expect(await arrive('d1')).toBe(true)
    expect(await fleet.outcomes('spring')).toEqual({ succeeded: 1 })
    await expectRecount()
  })

  it('counts after a failure only once its next try is due', async () => {
    await fleet.start('spring', '1.1.0', { options: { retry: { attempts: 2, pauseSeconds: 60 } } })
    await fleet.grant('d0')
    await fleet.fail('d0')
    expect(await arrive('d0')).toBe(false)
    fleet.clock.advance({ seconds: 60 })
    expect(await arrive('d0')).toBe(true)
    expect(await fleet.outcomes('spring')).toEqual({ succeeded: 1 })
    await expectRecount()
  })

  it('does not count while its update is open, or when it was left out', async () => {
    await fleet.start('spring', '1.1.0')
    await fleet.grant('d0')
    expect(await arrive('d0')).toBe(false)
    await fleet.core.rolloutMembers.exclude(fleet.scope, 'spring', { devices: ['d1'], reason: 'ill' })
    expect(await arrive('d1')).toBe(false)
    expect(await fleet.outcomes('spring')).toEqual({ open: 1 })
  })

  it('proves a version that is being verified', async () => {
    const { core, scope } = fleet
    const { firmware } = await core.deps.storage.transaction(async (stores) => {
      const [module] = await stores.modules.listByProduct((await fleet.facts('d0')).product?.serial ?? 0)
      const found = await stores.firmware.findByVersion(scope.organisation, module?.serial ?? 0, '1.1.0')
      const verification = { enabled: true, verified: false, maxDevices: 5, minSucceeded: 1 }
      return { firmware: await stores.firmware.update(found?.serial ?? 0, { verification }) }
    })
    await fleet.start('trial', '1.1.0', { kind: 'verification' })
    await arrive('d0', 'trial')
    expect(await core.firmware.get(scope.organisation, firmware?.id ?? '')).toMatchObject({
      verification: { verified: true },
    })
  })
})
