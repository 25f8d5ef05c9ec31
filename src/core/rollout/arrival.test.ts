import { beforeEach, describe, expect, it } from 'vitest'
import { RolloutFleet } from '../../../test/support/rollout-fleet.ts'
import { noteArrival } from './arrival.ts'

let fleet: RolloutFleet

beforeEach(async () => {
  fleet = await RolloutFleet.open()
  await fleet.addDevices(2)
})

const NO_GATE = { health: { mode: 'off' } } as const

async function arrive(key: string, reference = 'spring'): Promise<boolean> {
  const { core } = fleet
  const rollout = await fleet.rollout(reference)
  const device = await fleet.device(key)
  return core.deps.storage.transaction((stores) => noteArrival(stores, core.deps, rollout, device))
}

async function expectRecount(): Promise<void> {
  const { serial } = await fleet.rollout()
  const counted = Object.entries(await fleet.core.deps.storage.read.rolloutMembers.recount(serial))
  const devices = counted.filter(([state, count]) => count > 0 && state !== 'waiting')
  expect(await fleet.outcomes()).toEqual(Object.fromEntries(devices))
}

describe('a device that comes to run the release by itself', () => {
  it('counts as updated, once, with an event', async () => {
    await fleet.start(NO_GATE)
    expect(await arrive('d0')).toBe(true)
    expect(await arrive('d0')).toBe(false)
    expect(await fleet.outcomes()).toEqual({ succeeded: 1 })
    const filter = { organisation: fleet.scope.organisation, type: 'rollout.arrived' }
    const events = await fleet.core.deps.storage.read.events.list(filter, { limit: 9 })
    expect(events.map(({ details }) => details['key'])).toEqual(['spring'])
  })

  it('counts as a waiting member of a snapshot, before the start too', async () => {
    await fleet.create({ membership: 'snapshot' })
    expect(await arrive('d1')).toBe(true)
    expect(await fleet.outcomes()).toEqual({ succeeded: 1 })
    await expectRecount()
  })

  it('counts after a failure only once its next try is due', async () => {
    await fleet.start({ ...NO_GATE, options: { retry: { attempts: 2, pauseSeconds: 60 } } })
    await fleet.grant('d0')
    await fleet.fail('d0')
    expect(await arrive('d0')).toBe(false)
    fleet.clock.advance({ seconds: 60 })
    expect(await arrive('d0')).toBe(true)
    expect(await fleet.outcomes()).toEqual({ succeeded: 1 })
    await expectRecount()
  })

  it('does not count while its update is open, or when it was left out', async () => {
    await fleet.start(NO_GATE)
    await fleet.grant('d0')
    expect(await arrive('d0')).toBe(false)
    await fleet.core.rolloutMembers.exclude(fleet.scope, 'spring', { devices: ['d1'], reason: 'ill' })
    expect(await arrive('d1')).toBe(false)
    expect(await fleet.outcomes()).toEqual({ open: 1 })
  })

  it('proves a version that is being verified', async () => {
    const { core, scope } = fleet
    const { firmware } = await core.deps.storage.transaction(async (stores) => {
      const [module] = await stores.modules.listByProduct((await fleet.facts('d0')).product?.serial ?? 0)
      const found = await stores.firmware.findByVersion(scope.organisation, module?.serial ?? 0, '1.1.0')
      const verification = { enabled: true, verified: false, maxDevices: 5, minSucceeded: 1 }
      return { firmware: await stores.firmware.update(found?.serial ?? 0, { verification }) }
    })
    await fleet.start({ ...NO_GATE, key: 'trial', kind: 'verification' })
    await arrive('d0', 'trial')
    expect(await core.firmware.get(scope.organisation, firmware?.id ?? '')).toMatchObject({
      verification: { verified: true },
    })
  })
})
