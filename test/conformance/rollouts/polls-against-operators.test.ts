import { describe, expect, it } from 'vitest'
import type { Update } from '../../../src/core/update/update.ts'
import { RACE_SEED, races, refusal } from '../../support/race.ts'
import { NATIVE, type RolloutFleet } from '../../support/rollout-fleet.ts'
import { useStorage } from '../../support/storage-suite.ts'
import { STORAGES } from '../../support/storages.ts'

const OFF = { health: { mode: 'off', allowance: 'unlimited' } } as const
const RETRIED = { ...OFF, options: { retry: { attempts: 5, pauseSeconds: 1 } } } as const

describe.each(STORAGES)(`polls against operators, on $name (seed ${RACE_SEED})`, ({ open }) => {
  const suite = useStorage(() => open({ connections: 12 }))
  const race = races(() => suite.storage)

  for (const action of ['stop', 'pause', 'finish'] as const)
    it(
      `${action}: nothing is granted after its answer, and what was granted before is counted`,
      race(async ({ fleet, atOnce, counted }) => {
        const keys = await fleet.addDevices(24)
        await fleet.start(OFF)
        let devicesAtAnswer: number | undefined
        const late: string[] = []
        const act = async () => {
          await fleet.core.rolloutControl[action](fleet.scope, 'spring')
          devicesAtAnswer = (await fleet.room()).whole.devices
          for (const key of keys) if (await isNew(fleet, key)) late.push(key)
          return undefined
        }
        const granted = await atOnce<Update | undefined>([...keys.map((key) => () => fleet.grant(key)), act])
        const { whole } = await fleet.room()
        expect(late, 'granted after the answer').toEqual([])
        expect(whole.devices).toBe(devicesAtAnswer)
        expect(granted.filter((one) => one !== undefined)).toHaveLength(whole.devices)
        await counted()
      }),
    )

  it(
    'pause and resume at once with polls: everybody is granted in the end, each once',
    race(async ({ fleet, atOnce, counted }) => {
      const keys = await fleet.addDevices(16)
      await fleet.start(OFF)
      const toggle = async () => {
        await fleet.core.rolloutControl.pause(fleet.scope, 'spring')
        await fleet.core.rolloutControl.resume(fleet.scope, 'spring')
      }
      await atOnce<unknown>([...keys.map((key) => () => fleet.grant(key)), toggle])
      await fleet.grantAll(keys)
      expect((await fleet.room()).whole).toMatchObject({ devices: 16, slots: 16, outcomes: { open: 16 } })
      await counted()
    }),
  )

  it(
    'two rollouts and two connections of each device: one open update, and the loser counts nothing',
    race(async ({ fleet, atOnce, random, counted }) => {
      const keys = await fleet.addDevices(12)
      await fleet.start(OFF)
      await fleet.start({ ...OFF, key: 'summer', release: { product: 'panel', version: '1.2.0' }, priority: -1 })
      const swap = () => fleet.core.rollouts.update(fleet.scope, 'summer', { priority: random.integer(2) * 2 - 1 })
      const options = [NATIVE, { ...NATIVE, via: 'enos' }]
      const polls = keys.flatMap((key) => options.map((option) => () => fleet.grant(key, option)))
      await atOnce<unknown>([...polls, swap, swap])
      await fleet.grantAll(keys)
      const [spring, summer] = [await fleet.room('spring'), await fleet.room('summer')]
      expect(spring.whole.devices + summer.whole.devices).toBe(12)
      await counted(['spring', 'summer'])
    }),
  )

  it(
    'retry of failed devices that may ask again anyway: each is granted once, and forgotten once',
    race(async ({ fleet, atOnce, counted }) => {
      const keys = await fleet.addDevices(16)
      await fleet.start(RETRIED)
      await fleet.grantAll(keys)
      for (const key of keys) await fleet.fail(key)
      fleet.clock.advance({ minutes: 5 })
      const retry = (devices?: string[]) => () => fleet.core.rolloutMembers.retry(fleet.scope, 'spring', devices)
      const named = keys.slice(0, 4).map((key) => () => refusal(retry([key])()))
      await atOnce<unknown>([...keys.map((key) => () => fleet.grant(key)), retry(), retry(), ...named])
      await counted()
      await fleet.grantAll(keys)
      expect(await fleet.outcomes()).toEqual({ open: 16 })
      await counted()
    }),
  )

  it.each([
    ['new to the rollout', false],
    ['about to be tried again', true],
  ])('exclude: a device %s has nothing open after the answer', (_, isKnown) =>
    race(async ({ fleet, atOnce, counted }) => {
      const keys = await fleet.addDevices(12)
      await fleet.start(RETRIED)
      if (isKnown) {
        await fleet.grantAll(keys)
        for (const key of keys) await fleet.fail(key)
        fleet.clock.advance({ minutes: 5 })
      }
      const input = { devices: keys.slice(0, 8), reason: 'on loan' }
      const exclude = () => fleet.core.rolloutMembers.exclude(fleet.scope, 'spring', input)
      await atOnce<unknown>([...keys.map((key) => () => fleet.grant(key)), exclude])
      for (const key of input.devices) expect((await fleet.facts(key)).open, key).toBeUndefined()
      expect(await fleet.grantAll(keys.slice(0, 8))).toEqual([])
      await fleet.grantAll(keys)
      expect((await fleet.outcomes())['open']).toBe(4)
      await counted()
    })(),
  )

  it(
    'a stage that ends while devices ask: nobody is granted beyond either stage',
    race(async ({ fleet, atOnce, counted }) => {
      const keys = await fleet.addDevices(20)
      await fleet.start({ ...OFF, stages: [{ count: 5 }, { count: 6, concurrency: 6 }] })
      const advance = () => refusal(fleet.core.rolloutControl.advance(fleet.scope, 'spring'))
      await atOnce<unknown>([...keys.map((key) => () => fleet.grant(key)), advance])
      await fleet.grantAll(keys)
      const { stages } = await fleet.room()
      expect(stages[0]?.devices).toBeLessThanOrEqual(5)
      expect(stages[1]?.devices).toBe(6)
      await counted()
    }),
  )
})

/** Asks once more, and tells whether that opened an update. */
async function isNew(fleet: RolloutFleet, key: string): Promise<boolean> {
  const before = (await fleet.facts(key)).open
  return before === undefined && (await fleet.grant(key)) !== undefined
}
