import { describe, expect, it } from 'vitest'
import { immature } from '../../../src/core/rollout/health/counts.ts'
import { RACE_SEED, races } from '../../support/race.ts'
import { useStorage } from '../../support/storage-suite.ts'
import { STORAGES } from '../../support/storages.ts'

const HALF = 32

describe.each(STORAGES)(
  `the allowance of floors and of the release together, on $name (seed ${RACE_SEED})`,
  ({ open }) => {
    const suite = useStorage(() => open({ connections: 12 }))
    const race = races(() => suite.storage)

    it(
      'is never exceeded by 64 devices that ask at once, half of which need a floor first',
      { timeout: 180_000 },
      race(async ({ fleet, atOnce, counted }) => {
        const { core, scope } = fleet
        const firmware = { version: '1.1.0' }
        await core.floors.create(scope, { product: 'panel', firmware, reason: 'it moves the partitions' })
        const keys = await fleet.addDevices(2 * HALF)
        for (const key of keys.slice(HALF)) await fleet.install(key, '1.1.0')
        await fleet.start({ release: { product: 'panel', version: '1.2.0' } })
        const ask = async (asking: readonly string[]) => {
          const granted = await atOnce(asking.map((key) => () => fleet.grant(key)))
          return asking.filter((_, index) => granted[index] !== undefined)
        }
        const first = await ask(keys)
        expect(first).toHaveLength(10)
        expect((await fleet.room()).whole).toMatchObject({ counts: { granted: 10 }, devices: 10, slots: 10 })
        // Those at the floor go on in their places, while all others try for one.
        const isAtFloor = (key: string) => keys.indexOf(key) < HALF
        for (const key of first) await fleet.install(key, isAtFloor(key) ? '1.1.0' : '1.2.0')
        expect((await ask(keys)).toSorted()).toEqual(first.filter(isAtFloor).toSorted())
        expect((await fleet.room()).whole.counts.granted).toBe(10)
        await counted()
        // Later some have settled, some begin anew, and some fail meanwhile: whatever holds the release has a place.
        for (const key of first.filter(isAtFloor)) await fleet.install(key, '1.2.0')
        await fleet.later({ hours: 2 })
        const more = await ask(keys)
        expect(more).toHaveLength(15)
        await counted()
        const { whole } = await fleet.room()
        expect([whole.counts.granted, immature(whole.counts)]).toEqual([25, 15])
      }),
    )

    it(
      'is never exceeded after a resume, by devices that had the release before and others together',
      { timeout: 180_000 },
      race(async ({ fleet, atOnce, counted }) => {
        const keys = await fleet.addDevices(2 * HALF)
        const mode = { kind: 'threshold', failures: 1_000 } as const
        const options = { retry: { attempts: 9, pauseSeconds: 1 }, ignorePenalty: true }
        await fleet.start({ health: { mode, allowance: 'unlimited' }, options })
        const before = keys.slice(0, HALF)
        await fleet.grantAll(before)
        for (const key of before) await fleet.fail(key)
        fleet.clock.advance({ minutes: 5 })
        const { serial } = await fleet.rollout()
        await fleet.core.rolloutControl.stop(fleet.scope, 'spring')
        // As a rollout with an allowance from the beginning would be.
        const health = { ...(await fleet.rollout()).health, allowance: { initial: 10, growth: 1.5, brake: 20 } }
        await suite.write((stores) => stores.rollouts.update(serial, { health }))
        await fleet.core.rolloutControl.resume(fleet.scope, 'spring')
        const granted = await atOnce(keys.map((key) => () => fleet.grant(key)))
        expect(granted.filter((one) => one !== undefined)).toHaveLength(10)
        expect((await fleet.room()).whole).toMatchObject({ run: 1, counts: { granted: 10 }, slots: 10 })
        await counted()
      }),
    )
  },
)
