import { beforeEach, describe, expect, it } from 'vitest'
import { NATIVE, RolloutFleet } from '../../../test/support/rollout-fleet.ts'

const FREE = { health: { mode: 'off' }, stages: [{ percent: 100, successThreshold: 0 }] } as const

let fleet: RolloutFleet

beforeEach(async () => {
  fleet = await RolloutFleet.open()
})

/** What an offered device is told, and whether its update is taken back. */
async function expectTakenBack(key: string): Promise<void> {
  expect(await fleet.decide(key)).toMatchObject({ kind: 'cancel', because: { kind: 'rollout-stopped' } })
  await fleet.core.gateway.beginCancel(await fleet.facts(key), NATIVE)
  expect((await fleet.facts(key)).open).toBeUndefined()
}

describe('what devices had not begun when a rollout was stopped is taken back', () => {
  it('also once the stopped rollout was finished', async () => {
    await fleet.addDevices(1)
    await fleet.start(FREE)
    await fleet.grant('d0')
    await fleet.core.rolloutControl.stop(fleet.scope, 'spring', { reason: 'the display flickers' })
    await fleet.core.rolloutControl.finish(fleet.scope, 'spring')
    await expectTakenBack('d0')
    expect(await fleet.outcomes()).toEqual({ superseded: 1 })
  })

  it('also when many others were stopped after it', async () => {
    await fleet.addDevices(1)
    await fleet.start(FREE)
    await fleet.grant('d0')
    await fleet.core.rolloutControl.stop(fleet.scope, 'spring')
    for (let other = 0; other < 12; other++) {
      const key = `other-${other}`
      await fleet.start({ ...FREE, key, select: { filter: 'key = "nobody"' } })
      await fleet.core.rolloutControl.stop(fleet.scope, key)
    }
    await expectTakenBack('d0')
  })

  it('not while it is finished without a stop: what is under way ends as it will', async () => {
    await fleet.addDevices(1)
    await fleet.start(FREE)
    await fleet.grant('d0')
    await fleet.core.rolloutControl.finish(fleet.scope, 'spring')
    expect(await fleet.why('d0')).toBe('It is updating to 1.1.0: offered.')
  })

  it('not after it was resumed', async () => {
    await fleet.addDevices(1)
    await fleet.start(FREE)
    await fleet.grant('d0')
    await fleet.core.rolloutControl.stop(fleet.scope, 'spring')
    await fleet.core.rolloutControl.resume(fleet.scope, 'spring')
    expect(await fleet.why('d0')).toBe('It is updating to 1.1.0: offered.')
  })
})
