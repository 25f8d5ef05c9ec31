import { beforeEach, describe, expect, it } from 'vitest'
import { NATIVE, RolloutFleet } from '../../../test/support/rollout-fleet.ts'
import { DEFAULT_CORE_LIMITS } from '../limits.ts'
import type { RolloutInput } from './rollout-input.ts'

const PULL = { ...NATIVE, pulls: true }

let fleet: RolloutFleet

beforeEach(async () => {
  fleet = await RolloutFleet.open()
  await fleet.addDevices(2)
})

const start = (key: string, version: string, input: Partial<RolloutInput> = {}) =>
  fleet.start({ key, release: { product: 'panel', version }, health: { mode: 'off' }, ...input })

describe('several rollouts of a product', () => {
  it('an older one that is done with a device does not bar a newer one', async () => {
    await start('first', '1.1.0')
    await fleet.grant('d0')
    await fleet.install('d0', '1.1.0')
    expect(await fleet.why('d0')).toBe('It runs 1.1.0 already.')
    expect(await fleet.decide('d0')).toMatchObject({ kind: 'none', offer: { version: '1.1.0' } })
    await start('second', '1.2.0')
    expect(await fleet.why('d0')).toBe('It will be offered 1.2.0 by rollout second, stage 1 of 1.')
    await fleet.grant('d0')
    await fleet.install('d0', '1.2.0')
    expect(await fleet.why('d0')).toMatch(/^Rollout first updated it to 1.1.0 before/)
    expect(await fleet.grant('d0')).toBeUndefined()
  })

  it('an older one whose release a device runs without it keeps the device from newer ones', async () => {
    await fleet.install('d0', '1.1.0')
    await start('first', '1.1.0')
    await start('second', '1.2.0')
    expect(await fleet.why('d0')).toBe('It runs 1.1.0 already.')
  })

  it('one that is only pushed leaves devices that ask by themselves to the next', async () => {
    await start('pushed', '1.1.0', { options: { pull: false } })
    await start('open', '1.2.0')
    expect(await fleet.why('d0', PULL)).toBe('It will be offered 1.2.0 by rollout open, stage 1 of 1.')
    expect(await fleet.why('d0')).toBe('It will be offered 1.1.0 by rollout pushed, stage 1 of 1.')
    expect(await fleet.grant('d0', PULL)).toMatchObject({ state: 'offered', steps: [{ to: '1.2.0' }] })
    expect(await fleet.grant('d1')).toMatchObject({ state: 'offered', steps: [{ to: '1.1.0' }] })
  })

  it('are no more than devices look at', async () => {
    for (let index = 0; index < DEFAULT_CORE_LIMITS.rolloutsPerProduct; index += 1) await start(`r${index}`, '1.1.0')
    const refused = { code: 'limit-reached' }
    await expect(start('more', '1.2.0')).rejects.toMatchObject(refused)
    await fleet.core.rolloutControl.pause(fleet.scope, 'r0')
    await expect(fleet.core.rolloutControl.start(fleet.scope, 'more')).rejects.toMatchObject(refused)
    await fleet.core.rolloutControl.finish(fleet.scope, 'r0')
    expect(await fleet.core.rolloutControl.start(fleet.scope, 'more')).toMatchObject({ state: 'running' })
  })
})
