import { beforeEach, expect, it } from 'vitest'
import { RolloutFleet } from '../../../test/support/rollout-fleet.ts'
import { passExhaustedStages } from './exhausted-stages.ts'

let fleet: RolloutFleet

beforeEach(async () => {
  fleet = await RolloutFleet.open()
})

const stage = async () => (await fleet.rollout()).stage

it('a stage that reaches nobody does not hold the others up, once it has soaked', async () => {
  await fleet.addDevices(3)
  await fleet.core.groups.create(fleet.scope, { key: 'pilot' })
  await fleet.start({ stages: [{ groups: ['pilot'], soakSeconds: 60 }, { percent: 100 }] })
  await passExhaustedStages(fleet.core.deps)
  expect(await stage()).toBe(0)
  fleet.clock.advance({ minutes: 1 })
  await passExhaustedStages(fleet.core.deps)
  expect(await stage()).toBe(1)
  expect(await fleet.grant('d0')).toBeDefined()
})

it('a stage with a device that is still to come waits for it', async () => {
  await fleet.addDevices(3)
  await fleet.core.groups.create(fleet.scope, { key: 'pilot' })
  await fleet.core.groups.changeMembers(fleet.scope, 'pilot', { add: ['d1'], remove: [] })
  await fleet.start({ stages: [{ groups: ['pilot'] }, { percent: 100 }] })
  await passExhaustedStages(fleet.core.deps)
  expect(await stage()).toBe(0)
  await fleet.grant('d1')
  await passExhaustedStages(fleet.core.deps)
  expect(await stage()).toBe(0)
})

it('a stage that asks for more devices than it has goes on when they all are good, and not when they are bad', async () => {
  const keys = await fleet.addDevices(3)
  await fleet.core.groups.create(fleet.scope, { key: 'pilot' })
  await fleet.core.groups.changeMembers(fleet.scope, 'pilot', { add: keys.slice(0, 2), remove: [] })
  const stages = [{ groups: ['pilot'], minMatured: 10 }, { percent: 100 }]
  await fleet.start({ stages, options: { retry: { attempts: 1 } } })
  await fleet.grantAll(keys)
  await fleet.install('d0')
  await fleet.fail('d1')
  await fleet.later({ hours: 1 })
  await passExhaustedStages(fleet.core.deps)
  expect(await stage()).toBe(0)

  const second = { release: { product: 'panel', version: '1.2.0' }, key: 'summer' } as const
  await fleet.core.rolloutControl.finish(fleet.scope, 'spring')
  await fleet.start({ ...second, stages })
  for (const key of await fleet.grantAll(keys)) await fleet.install(key, '1.2.0')
  await fleet.later({ hours: 1 })
  await passExhaustedStages(fleet.core.deps)
  expect((await fleet.rollout('summer')).stage).toBe(1)
})

it('a stage whose devices all run the release already goes on', async () => {
  await fleet.addDevices(3, { running: '1.1.0' })
  await fleet.start({ stages: [{ percent: 50 }, { percent: 100 }] })
  await passExhaustedStages(fleet.core.deps)
  expect(await stage()).toBe(1)
})
