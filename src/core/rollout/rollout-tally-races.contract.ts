import { describe, expect, it } from 'vitest'
import { START } from '../../../test/support/fixed-clock.ts'
import { newRollout } from '../../../test/support/rollout-rows.ts'
import { insertFleet, times, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'
import type { Claim, RolloutTallyStore } from './rollout-store.ts'
import { stageScope, WHOLE } from './tally.ts'

const STAGE = stageScope(0)

/** Grants, stops, cohorts and locks that come at once. */
export function describeRolloutTallyRaces(name: string, open: () => Promise<Storage>): void {
  describe(`rollout tally races: ${name}`, () => {
    const suite = useStorage(open)
    const insertRollout = (grantLimit: number) =>
      suite.write(async (stores) => {
        const { release } = await insertFleet(stores)
        const { serial } = await stores.rollouts.insert(newRollout(release))
        await stores.rolloutTallies.create(serial, [STAGE], { grantLimit, unverifiableLimit: grantLimit })
        await stores.rolloutTallies.setLimits(serial, WHOLE, { isActive: true })
        return serial
      })
    const atOnce = <T>(count: number, work: (tallies: RolloutTallyStore, index: number) => Promise<T>) =>
      Promise.all(
        Array.from({ length: count }, (_, index) => suite.write((stores) => work(stores.rolloutTallies, index))),
      )
    const first = { scope: WHOLE, now: START, grant: 'first', isVerifiable: true } as const

    it.each<[limit: string, given: Partial<Claim>, grantLimit: number]>([
      ['the gate', {}, 10],
      ['devices that cannot be verified', { isVerifiable: false }, 10],
      ['the gate, of further trials', { grant: 'anew' }, 10],
      ['slots', { scope: STAGE, concurrency: 10 }, 0],
      ['slots of further tries', { scope: STAGE, concurrency: 10, grant: 'again' }, 0],
      ['the rate', { scope: STAGE, ratePerMinute: 10 }, 0],
      ['the devices of a stage', { scope: STAGE, devices: 10 }, 0],
    ])('grants exactly 10 of 50 at once: %s', async (_, given, grantLimit) => {
      const rollout = await insertRollout(grantLimit)
      const claims = await atOnce(50, (tallies) => tallies.claim({ ...first, ...given, rollout }))
      expect(claims.filter(Boolean)).toHaveLength(10)
      expect(await suite.read.rolloutTallies.find(rollout, given.scope ?? WHOLE)).toMatchObject({
        slots: 10,
        outcomes: { open: 10 },
      })
    })

    it('grants nothing to those that come after a stop, and counts those before', async () => {
      const rollout = await insertRollout(1000)
      const outcomes = await atOnce(40, async (tallies, index) => {
        if (index === 20) await tallies.setLimits(rollout, WHOLE, { isActive: false })
        return index === 20 ? false : tallies.claim({ ...first, rollout })
      })
      const granted = outcomes.filter(Boolean).length
      expect(await suite.read.rolloutTallies.find(rollout, WHOLE)).toMatchObject({
        counts: { granted },
        slots: granted,
      })
      expect(await suite.write((stores) => stores.rolloutTallies.claim({ ...first, rollout }))).toBe(false)
    })

    it('loses no addition', async () => {
      const rollout = await insertRollout(0)
      await atOnce(50, (tallies) => tallies.add(rollout, WHOLE, { failed: 1, slots: 2, outcomes: { failed: 1 } }, 0))
      expect(await suite.read.rolloutTallies.find(rollout, WHOLE)).toMatchObject({
        counts: { failed: 50 },
        slots: 100,
        outcomes: { failed: 50 },
      })
    })

    it('gives cohorts that come at once different positions, and one cohort one', async () => {
      const rollout = await insertRollout(0)
      const ensure = (lock: boolean) =>
        atOnce(24, async (tallies, index) => {
          if (lock) await tallies.lock(rollout)
          const cohort = { family: lock ? 'locked' : 'free', value: `${index % 12}` }
          return tallies.ensureCohort(rollout, cohort, { grantLimit: 1 })
        })
      for (const lock of [true, false]) {
        const cohorts = await ensure(lock)
        const positions = new Map(cohorts.map(({ scope, position }) => [scope, position]))
        expect([...positions.values()].sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, at) => at + 1))
        for (const { scope, position } of cohorts) expect(position).toBe(positions.get(scope))
      }
    })

    it('lets one transaction at a time go on behind the lock', async () => {
      const rollout = await insertRollout(0)
      let inside = 0
      const most: number[] = []
      await atOnce(12, async (tallies) => {
        await tallies.lock(rollout)
        inside += 1
        most.push(inside)
        await times(3, () => new Promise((resume) => setImmediate(resume)))
        const seen = (await tallies.find(rollout, WHOLE))?.slots ?? -1
        await tallies.add(rollout, WHOLE, { slots: 1 })
        expect((await tallies.find(rollout, WHOLE))?.slots).toBe(seen + 1)
        inside -= 1
      })
      expect(Math.max(...most)).toBe(1)
      expect((await suite.read.rolloutTallies.find(rollout, WHOLE))?.slots).toBe(12)
    })

    it('keeps claims out while the lock is held', async () => {
      const rollout = await insertRollout(1)
      const order: string[] = []
      const { promise: isLocked, resolve: locked } = Promise.withResolvers<void>()
      const holding = suite.write(async ({ rolloutTallies }) => {
        await rolloutTallies.lock(rollout)
        locked()
        await times(20, () => new Promise((resume) => setImmediate(resume)))
        await rolloutTallies.setLimits(rollout, WHOLE, { grantLimit: 0 })
        order.push('limited')
      })
      await isLocked
      const claimed = await suite.write(async ({ rolloutTallies }) => {
        const isClaimed = await rolloutTallies.claim({ ...first, rollout })
        order.push('claimed')
        return isClaimed
      })
      await holding
      expect(claimed).toBe(false)
      expect(order).toEqual(['limited', 'claimed'])
    })
  })
}
