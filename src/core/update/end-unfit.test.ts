import { beforeEach, describe, expect, it } from 'vitest'
import { RolloutFleet } from '../../../test/support/rollout-fleet.ts'

const WIDE = { health: { allowance: 'unlimited', cohorts: [] } } as const

let fleet: RolloutFleet

beforeEach(async () => {
  fleet = await RolloutFleet.open()
  await fleet.addDevices(2)
  await fleet.start(WIDE)
  await fleet.grantAll(['d0', 'd1'])
  await fleet.core.gateway.report(await fleet.facts('d1'), 'native', { trigger: 'install' })
})

const disable = (status: 'disabled' | 'active') =>
  Promise.all(['d0', 'd1'].map((key) => fleet.core.devices.update(fleet.scope, key, { status })))

describe('an update that is not for its device any more', () => {
  it('ends when the device is disabled, gives its place back and is no evidence', async () => {
    await disable('disabled')
    expect((await fleet.facts('d0')).open).toBeUndefined()
    expect((await fleet.facts('d1')).open).toMatchObject({ state: 'cancelling', reason: 'the device was disabled' })
    expect(await fleet.outcomes()).toEqual({ superseded: 1, open: 1 })
    await fleet.later({ hours: 1 })
    expect((await fleet.room()).whole.counts).toMatchObject({ settled: 2, failed: 0 })
    await disable('active')
    expect(await fleet.grant('d0')).toMatchObject({ state: 'offered' })
    expect(await fleet.decide('d1')).toMatchObject({ kind: 'cancel' })
  })

  it('ends when the device is moved to another product, to which nothing of the old one is offered', async () => {
    const { product: pump } = await fleet.core.products.create(fleet.scope, { key: 'pump' })
    for (const key of ['d0', 'd1']) await fleet.core.devices.update(fleet.scope, key, { product: pump.serial })
    expect(await fleet.why('d0')).toBe('Nothing is assigned to the device or its group.')
    expect(await fleet.decide('d1')).toMatchObject({ kind: 'cancel', because: { kind: 'cancelled' } })
    expect(await fleet.outcomes()).toEqual({ superseded: 1, open: 1 })
  })

  it('goes on through any other change', async () => {
    await fleet.core.devices.update(fleet.scope, 'd0', { tags: { site: 'graz' }, status: 'active', name: 'D0' })
    expect(await fleet.why('d0')).toBe('It is updating to 1.1.0: offered.')
  })
})
