import { afterEach, describe, expect, it } from 'vitest'
import type { Storage, Stores } from '../../../src/core/ports.ts'
import { overtake, pausingStorage } from '../../support/pausing-storage.ts'
import { refusal } from '../../support/race.ts'
import { RolloutFleet } from '../../support/rollout-fleet.ts'
import { STORAGES } from '../../support/storages.ts'

const OFF = { health: { mode: 'off', allowance: 'unlimited' } } as const

/** Only where several transactions run at once can one be overtaken. */
const CONCURRENT = STORAGES.filter(({ name }) => name === 'PostgreSQL')

describe.each(CONCURRENT)('an operator who is overtaken by another, on $name', ({ open }) => {
  const opened: Storage[] = []
  afterEach(async () => {
    for (const storage of opened.splice(0)) await storage.close()
  })

  async function prepare<S extends keyof Stores>(store: S, method: keyof Stores[S] & string) {
    const pausing = pausingStorage(await open(), store, method)
    opened.push(pausing.storage)
    const fleet = await RolloutFleet.open({ storage: pausing.storage })
    return { fleet, pausing, ...fleet.core }
  }

  it('stages change while the next one begins: it begins as it was changed, or is not changed', async () => {
    const { fleet, pausing, rollouts, rolloutControl } = await prepare('rollouts', 'update')
    await fleet.start({ ...OFF, stages: [{ count: 1 }, { count: 2 }] })
    const change = () => refusal(rollouts.update(fleet.scope, 'spring', { stages: [{ count: 1 }, { count: 3 }] }))
    const [refused] = await overtake(pausing, change, () => rolloutControl.advance(fleet.scope, 'spring'))
    const { stage, stages } = await fleet.rollout()
    const types = await eventsOf(fleet)
    expect(stage).toBe(1)
    if (refused) expect(stages[1]?.reach).toEqual({ kind: 'count', count: 2 })
    else expect(types.indexOf('rollout.changed')).toBeLessThan(types.lastIndexOf('rollout.stage-started'))
  })

  it('deletion while it is resumed: it is gone, or goes on', async () => {
    const { fleet, pausing, rollouts, rolloutControl } = await prepare('rollouts', 'delete')
    await fleet.start(OFF)
    await rolloutControl.pause(fleet.scope, 'spring')
    const [refused, missing] = await overtake(
      pausing,
      () => refusal(rollouts.delete(fleet.scope, 'spring')),
      () => refusal(rolloutControl.resume(fleet.scope, 'spring')),
    )
    expect([refused, missing]).toEqual(refused ? ['wrong-state', undefined] : [undefined, 'not-found'])
  })

  it('resume while it is deleted: there is no such rollout', async () => {
    const { fleet, pausing, rollouts, rolloutControl } = await prepare('rolloutTallies', 'lock')
    await fleet.start(OFF)
    await rolloutControl.pause(fleet.scope, 'spring')
    const resume = () => refusal(rolloutControl.resume(fleet.scope, 'spring'))
    const [missing] = await overtake(pausing, resume, () => rollouts.delete(fleet.scope, 'spring'))
    expect(missing).toBe('not-found')
  })

  it('undo while the gate stops it: it is stopped once', async () => {
    const { fleet, pausing, undos } = await prepare('rolloutTallies', 'lock')
    const keys = await fleet.addDevices(10)
    await fleet.start({ options: { retry: { attempts: 1 } } })
    await fleet.grantAll(keys)
    const failures = async () => {
      for (const key of keys.slice(0, 4)) await fleet.fail(key)
    }
    await overtake(pausing, () => undos.undo(fleet.scope, 'spring', { allowDowngrade: true }), failures)
    expect((await eventsOf(fleet)).filter((type) => type === 'rollout.stopped')).toHaveLength(1)
    expect(await fleet.rollout()).toMatchObject({ state: 'stopped' })
  })

  it('a tender that found nothing to cancel, while it is resumed and stopped again: what is new is cancelled', async () => {
    const { fleet, pausing, rolloutControl } = await prepare('rolloutTallies', 'lock')
    const [key = ''] = await fleet.addDevices(1)
    await fleet.start(OFF)
    await rolloutControl.stop(fleet.scope, 'spring', { cancel: true })
    await overtake(
      pausing,
      () => fleet.tend(),
      async () => {
        await rolloutControl.resume(fleet.scope, 'spring')
        await fleet.grant(key)
        await rolloutControl.stop(fleet.scope, 'spring', { cancel: true })
      },
    )
    await fleet.tend()
    expect(await fleet.outcomes()).toEqual({ cancelled: 1 })
  })
})

async function eventsOf(fleet: RolloutFleet): Promise<string[]> {
  const { id } = await fleet.rollout()
  const filter = { organisation: fleet.scope.organisation, subjectId: id }
  return (await fleet.core.deps.storage.read.events.list(filter, { limit: 100 })).map(({ type }) => type)
}
