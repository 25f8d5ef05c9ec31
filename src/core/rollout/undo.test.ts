import { beforeEach, expect, it } from 'vitest'
import { RolloutFleet } from '../../../test/support/rollout-fleet.ts'

const FREE = { health: { mode: 'off' }, stages: [{ percent: 100, successThreshold: 0 }] } as const

let fleet: RolloutFleet

beforeEach(async () => {
  fleet = await RolloutFleet.open()
  await fleet.addDevices(3)
  await fleet.start(FREE)
  await fleet.grantAll(['d0', 'd1', 'd2'])
  for (const key of ['d0', 'd1', 'd2']) await fleet.install(key)
})

it('an undo leaves devices alone that run something else by now', async () => {
  await fleet.install('d1', '1.2.0')
  await fleet.install('d2', '1.0.0')
  await fleet.core.undos.undo(fleet.scope, 'spring', { allowDowngrade: true })
  expect(await fleet.why('d0')).toBe('It will be offered 1.0.0 by rollout spring-undo, stage 1 of 1.')
  const moved = await fleet.decide('d1')
  expect(moved).toMatchObject({ kind: 'none' })
  expect(moved.kind === 'none' && moved.considered?.[0]?.because).toMatchObject({
    kind: 'not-selected',
    reason: 'it runs 1.2.0 by now, which the rollout that is taken back did not bring',
  })
  expect(await fleet.why('d2')).toBe('It runs 1.0.0 already.')
})
