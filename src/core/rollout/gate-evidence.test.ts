import { beforeEach, describe, expect, it } from 'vitest'
import { NATIVE, RolloutFleet } from '../../../test/support/rollout-fleet.ts'

/** Everybody at once, watched by the test alone. */
const WIDE = { health: { allowance: 'unlimited', cohorts: [] } } as const

let fleet: RolloutFleet

beforeEach(async () => {
  fleet = await RolloutFleet.open()
})

const counts = async () => (await fleet.room()).whole.counts
const members = () => fleet.core.rolloutMembers

describe('evidence for the health gate', () => {
  it('is a device that confirmed and fell back within its hour', async () => {
    await fleet.addDevices(2)
    await fleet.start(WIDE)
    await fleet.grantAll(['d0', 'd1'])
    await fleet.install('d0')
    await fleet.later({ minutes: 10 })
    await fleet.install('d0', '1.0.0')
    expect(await counts()).toMatchObject({ granted: 2, failed: 1, settled: 0 })
    await fleet.install('d1')
    await fleet.later({ minutes: 50 })
    expect(await counts()).toMatchObject({ granted: 2, failed: 1, settled: 2, settledFailed: 1, silent: 0 })
    // Later than that it is an event, and no evidence.
    await fleet.install('d1', '1.0.0')
    expect(await counts()).toMatchObject({ failed: 1 })
  })

  it('stops a release from which every device falls back', async () => {
    const keys = await fleet.addDevices(10)
    await fleet.start(WIDE)
    await fleet.grantAll(keys)
    for (const key of keys) await fleet.install(key)
    await fleet.later({ minutes: 10 })
    for (const key of keys) await fleet.install(key, '1.0.0')
    expect((await fleet.rollout()).state).toBe('stopped')
  })

  it('is not a device that an operator sent back', async () => {
    await fleet.addDevices(1)
    await fleet.start(WIDE)
    await fleet.grant('d0')
    await fleet.install('d0')
    await fleet.core.assignments.assign(fleet.scope, { device: 'd0' }, { product: 'panel', version: '1.0.0' })
    await fleet.grant('d0')
    await fleet.install('d0', '1.0.0')
    expect(await counts()).toMatchObject({ failed: 0 })
  })

  it('keeps the order of grants when failed devices are deleted', async () => {
    const keys = await fleet.addDevices(100)
    await fleet.start(WIDE)
    await fleet.grantAll(keys)
    for (const key of ['d0', 'd1', 'd2']) {
      await fleet.fail(key)
      await fleet.core.devices.delete(fleet.scope, key)
    }
    // 3 of 3 would be a bad release; 4 of 100 say little.
    await fleet.fail('d3')
    expect((await fleet.rollout()).state).toBe('running')
    expect(await counts()).toMatchObject({ granted: 100, failed: 4, settled: 0, settledFailed: 0 })
    for (const key of keys.slice(4)) await fleet.install(key)
    await fleet.later({ hours: 1 })
    // The deleted ones are mature all the same: nothing waits for them.
    expect((await fleet.rollout()).state).toBe('running')
    expect(await counts()).toMatchObject({ granted: 100, failed: 4, settled: 97, settledFailed: 1 })
  })

  it('is not a device that is asked to stop, when its hour is over', async () => {
    await fleet.addDevices(1)
    await fleet.start(WIDE)
    const update = await fleet.grant('d0')
    await fleet.core.gateway.report(await fleet.facts('d0'), 'native', { trigger: 'install' })
    await fleet.core.updates.cancel(fleet.scope, update?.id ?? '')
    await fleet.later({ hours: 1 })
    expect(await counts()).toEqual({ granted: 1, settled: 1, failed: 0, settledFailed: 0, silent: 0 })
  })

  it('is not a device that waits to be tried again, nor one whose second try has not had its hour', async () => {
    await fleet.addDevices(2)
    await fleet.start(WIDE)
    for (const key of ['d0', 'd1']) {
      const update = await fleet.grant(key)
      await fleet.core.updates.cancel(fleet.scope, update?.id ?? '')
    }
    fleet.clock.advance({ minutes: 55 })
    expect(await members().retry(fleet.scope, 'spring', ['d0', 'd1'])).toBe(2)
    await fleet.grant('d1')
    await fleet.later({ minutes: 5 })
    expect(await counts()).toEqual({ granted: 2, settled: 2, failed: 0, settledFailed: 0, silent: 0 })
  })

  it('is the failure of a second try within the hour of the first', async () => {
    await fleet.addDevices(1)
    await fleet.start(WIDE)
    const update = await fleet.grant('d0')
    await fleet.core.updates.cancel(fleet.scope, update?.id ?? '')
    await members().retry(fleet.scope, 'spring', ['d0'])
    await fleet.grant('d0')
    await fleet.fail('d0')
    expect(await counts()).toMatchObject({ granted: 1, failed: 1 })
  })
})

it('a gate that cannot be sure asks nobody twice', async () => {
  await fleet.addDevices(1)
  await fleet.start(WIDE)
  await fleet.grant('d0', NATIVE)
  await fleet.fail('d0')
  await fleet.later({ hours: 1 })
  await fleet.later({ hours: 1 })
  expect(await counts()).toEqual({ granted: 1, settled: 1, failed: 1, settledFailed: 1, silent: 0 })
})
