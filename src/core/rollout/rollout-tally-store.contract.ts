import { describe, expect, it } from 'vitest'
import { START } from '../../../test/support/fixed-clock.ts'
import { newRollout } from '../../../test/support/rollout-rows.ts'
import { insertFleet, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'
import { NO_COUNTS } from './health/counts.ts'
import type { Claim, RolloutTallyStore, TallyChange } from './rollout-store.ts'
import { cohortScope, minuteOf, NO_OUTCOMES, stageScope, type Tally, UNLIMITED, WHOLE } from './tally.ts'

const STAGE = stageScope(0)
const MINUTE = 60_000

export function describeRolloutTallyStore(name: string, open: () => Promise<Storage>): void {
  describe(`rollout tally store: ${name}`, () => {
    const suite = useStorage(open)
    const write = <T>(work: (tallies: RolloutTallyStore) => Promise<T>) =>
      suite.write((stores) => work(stores.rolloutTallies))
    /** With room for so many devices; its whole is active. */
    const insertRollout = (limits = { grantLimit: 2, unverifiableLimit: 1 }) =>
      suite.write(async (stores) => {
        const { release } = await insertFleet(stores)
        const { serial } = await stores.rollouts.insert(newRollout(release))
        await stores.rolloutTallies.create(serial, [WHOLE, STAGE, stageScope(1)], limits)
        await stores.rolloutTallies.setLimits(serial, WHOLE, { isActive: true })
        return serial
      })
    const claimFor = (rollout: number, given: Partial<Claim> = {}): Claim => ({
      rollout,
      scope: WHOLE,
      now: START,
      grant: 'first',
      isVerifiable: true,
      ...given,
    })
    const claim = (...given: Parameters<typeof claimFor>) => write((tallies) => tallies.claim(claimFor(...given)))
    const find = async (rollout: number, scope = WHOLE): Promise<Tally> => {
      const tally = await suite.read.rolloutTallies.find(rollout, scope)
      if (!tally) throw new Error(`no tally of ${scope}`)
      return tally
    }
    const empty = (rollout: number, scope: string): Tally => ({
      rollout,
      scope,
      family: '',
      value: '',
      position: 0,
      isActive: true,
      stopWords: null,
      run: 0,
      counts: NO_COUNTS,
      unverifiable: 0,
      grantLimit: UNLIMITED,
      unverifiableLimit: UNLIMITED,
      devices: 0,
      slots: 0,
      outcomes: NO_OUTCOMES,
      minute: 0,
      minuteGrants: 0,
    })

    it('makes rows for the whole, which grants nothing yet, and for each stage, which has no gate', async () => {
      const rollout = await suite.write(async (stores) => {
        const { release } = await insertFleet(stores)
        return (await stores.rollouts.insert(newRollout(release))).serial
      })
      const scopes = Array.from({ length: 11 }, (_, stage) => stageScope(stage))
      await write((tallies) => tallies.create(rollout, scopes, { grantLimit: 10, unverifiableLimit: 3 }))
      const whole = { ...empty(rollout, WHOLE), isActive: false, grantLimit: 10, unverifiableLimit: 3 }
      const all = [whole, ...scopes.map((scope) => empty(rollout, scope))]
      expect(await suite.read.rolloutTallies.list(rollout, 99)).toEqual(all)
      expect(await suite.read.rolloutTallies.list(rollout, 3)).toEqual(all.slice(0, 3))
      expect(await suite.read.rolloutTallies.find(rollout, stageScope(10))).toEqual(all[11])
      expect(await suite.read.rolloutTallies.find(rollout, 'stage/11')).toBeUndefined()
      expect(await claim(rollout)).toBe(false)
    })

    it('leaves rows that are there as they are when further stages come', async () => {
      const rollout = await insertRollout()
      await claim(rollout)
      const before = await find(rollout)
      await write((tallies) => tallies.create(rollout, [STAGE, 'stage/2'], { grantLimit: 99, unverifiableLimit: 99 }))
      expect(await find(rollout)).toEqual(before)
      expect(await find(rollout, 'stage/2')).toEqual(empty(rollout, 'stage/2'))
    })

    it('counts a first grant once with everything, and stops at the limit', async () => {
      const rollout = await insertRollout({ grantLimit: 2, unverifiableLimit: 1 })
      expect(await claim(rollout)).toBe(true)
      expect(await find(rollout)).toEqual({
        ...empty(rollout, WHOLE),
        grantLimit: 2,
        unverifiableLimit: 1,
        counts: { ...NO_COUNTS, granted: 1 },
        devices: 1,
        slots: 1,
        outcomes: { ...NO_OUTCOMES, open: 1 },
        minute: minuteOf(START),
        minuteGrants: 1,
      })
      expect([await claim(rollout), await claim(rollout), await claim(rollout)]).toEqual([true, false, false])
      const full = await find(rollout)
      expect(full).toMatchObject({ counts: { granted: 2 }, devices: 2, slots: 2, minuteGrants: 2 })
      // Those that cannot be verified have a limit of their own.
      expect(await claim(rollout, { isVerifiable: false })).toBe(true)
      expect(await claim(rollout, { isVerifiable: false })).toBe(false)
      expect(await find(rollout)).toMatchObject({ counts: { granted: 2 }, unverifiable: 1, devices: 3, slots: 3 })
      await write((tallies) => tallies.setLimits(rollout, WHOLE, { grantLimit: 3, unverifiableLimit: 2 }))
      const more = [await claim(rollout), await claim(rollout), await claim(rollout, { isVerifiable: false })]
      expect(more).toEqual([true, false, true])
    })

    it('asks of what goes on with a trial nothing of the gate, and counts no device', async () => {
      const rollout = await insertRollout({ grantLimit: 0, unverifiableLimit: 0 })
      for (const isVerifiable of [true, false, true, false])
        expect(await claim(rollout, { grant: 'again', isVerifiable, devices: 0 })).toBe(true)
      expect(await find(rollout)).toMatchObject({
        counts: NO_COUNTS,
        unverifiable: 0,
        devices: 0,
        slots: 4,
        outcomes: { ...NO_OUTCOMES, open: 4 },
        minuteGrants: 4,
      })
    })

    it('asks another trial of a device for a place, and counts no device again', async () => {
      const rollout = await insertRollout({ grantLimit: 2, unverifiableLimit: 1 })
      const anew = (isVerifiable = true) => claim(rollout, { grant: 'anew', isVerifiable, devices: 0 })
      expect([await anew(), await claim(rollout), await anew(), await claim(rollout)]).toEqual([
        true,
        true,
        false,
        false,
      ])
      expect([await anew(false), await anew(false)]).toEqual([true, false])
      expect(await find(rollout)).toMatchObject({
        counts: { ...NO_COUNTS, granted: 2 },
        unverifiable: 1,
        devices: 1,
        slots: 3,
        outcomes: { ...NO_OUTCOMES, open: 3 },
        minuteGrants: 3,
      })
      // Slots and the rate are asked of it like of any other.
      const more = { grantLimit: 9, unverifiableLimit: 9 }
      await write((tallies) => tallies.setLimits(rollout, WHOLE, more))
      for (const limit of [{ concurrency: 3 }, { ratePerMinute: 3 }])
        for (const isVerifiable of [true, false])
          expect(await claim(rollout, { grant: 'anew', isVerifiable, ...limit })).toBe(false)
    })

    it('grants nothing in a scope that is not active, whatever is asked', async () => {
      const rollout = await insertRollout({ grantLimit: 9, unverifiableLimit: 9 })
      await write((tallies) => tallies.setLimits(rollout, WHOLE, { isActive: false }))
      const before = await find(rollout)
      for (const grant of ['first', 'anew', 'again'] as const)
        for (const isVerifiable of [true, false])
          expect(await claim(rollout, { grant, isVerifiable }), grant).toBe(false)
      expect(await find(rollout)).toEqual(before)
      expect(await claim(rollout, { scope: STAGE })).toBe(true)
      expect(await claim(rollout, { scope: 'stage/99' })).toBe(false)
      expect(await claim(999_999)).toBe(false)
    })

    it('holds slots, and gives them back', async () => {
      const rollout = await insertRollout()
      const slot = (grant: Claim['grant']) => claim(rollout, { scope: STAGE, grant, concurrency: 2 })
      expect([await slot('first'), await slot('anew'), await slot('again'), await slot('first')]).toEqual([
        true,
        true,
        false,
        false,
      ])
      await write((tallies) => tallies.add(rollout, STAGE, { slots: -1, outcomes: { open: -1, succeeded: 1 } }))
      expect(await slot('again')).toBe(true)
      expect(await find(rollout, STAGE)).toMatchObject({
        slots: 2,
        devices: 1,
        outcomes: { ...NO_OUTCOMES, open: 2, succeeded: 1 },
      })
      expect(await claim(rollout, { scope: STAGE, concurrency: 0 })).toBe(false)
    })

    it('takes the first devices of a stage and no more', async () => {
      const rollout = await insertRollout()
      const first = (isVerifiable: boolean) => claim(rollout, { scope: STAGE, devices: 2, isVerifiable })
      expect([await first(true), await first(false), await first(true), await first(false)]).toEqual([
        true,
        true,
        false,
        false,
      ])
      expect(await claim(rollout, { scope: STAGE, devices: 2, grant: 'again' })).toBe(true)
    })

    it('grants so many in each minute of the clock', async () => {
      const rollout = await insertRollout()
      const start = minuteOf(START) * MINUTE
      const at = (now: number, grant: Claim['grant'] = 'first') =>
        claim(rollout, { scope: STAGE, now, ratePerMinute: 2, grant })
      expect([await at(start), await at(start + 1, 'anew'), await at(start + MINUTE - 1, 'again')]).toEqual([
        true,
        true,
        false,
      ])
      expect(await at(start + MINUTE)).toBe(true)
      expect(await find(rollout, STAGE)).toMatchObject({ minute: minuteOf(START) + 1, minuteGrants: 1 })
      // A process whose clock is behind opens no second window of its own.
      expect([await at(start + 5), await at(start + 5), await at(start + MINUTE)]).toEqual([true, false, false])
      expect(await find(rollout, STAGE)).toMatchObject({ minute: minuteOf(START) + 1, minuteGrants: 2 })
      expect(await at(start + 9 * MINUTE)).toBe(true)
      // One that was far ahead does not stop the others for long.
      expect(await at(start + 2 * MINUTE)).toBe(true)
      expect(await find(rollout, STAGE)).toMatchObject({ minute: minuteOf(START) + 2, minuteGrants: 1 })
      expect(await claim(rollout, { scope: STAGE, ratePerMinute: 0, now: start + 2 * MINUTE })).toBe(false)
    })

    it('changes nothing of a scope that has no room, whichever limit it is', async () => {
      const rollout = await insertRollout({ grantLimit: 9, unverifiableLimit: 9 })
      expect(await claim(rollout)).toBe(true)
      const before = await find(rollout)
      for (const limit of [{ concurrency: 1 }, { ratePerMinute: 1 }, { devices: 1 }])
        expect(await claim(rollout, limit), JSON.stringify(limit)).toBe(false)
      expect(await find(rollout)).toEqual(before)
      expect(await claim(rollout, { concurrency: 2, ratePerMinute: 2, devices: 2 })).toBe(true)
    })

    it('adds what is given, and with a run only in it', async () => {
      const rollout = await insertRollout()
      const add = (change: TallyChange, run?: number) => write((tallies) => tallies.add(rollout, WHOLE, change, run))
      const before = await find(rollout)
      await add({})
      await add({ settled: 0, outcomes: {} })
      expect(await find(rollout)).toEqual(before)
      await add({ settled: 3, failed: 2, settledFailed: 1, silent: 1 }, 0)
      await add({ failed: 1, slots: 5, outcomes: { open: 4, 'rolled-back': 1, cancelled: 2, superseded: 3 } })
      await add({ slots: -2, outcomes: { open: -3, failed: 1, delivered: 2, succeeded: 6 } })
      const counts = { granted: 0, settled: 3, failed: 3, settledFailed: 1, silent: 1 }
      const outcomes = {
        open: 1,
        succeeded: 6,
        failed: 1,
        'rolled-back': 1,
        cancelled: 2,
        superseded: 3,
        delivered: 2,
      }
      expect(await find(rollout)).toEqual({ ...before, counts, slots: 3, outcomes })
      await add({ failed: 9 }, 1)
      expect((await find(rollout)).counts).toEqual(counts)
      expect((await find(rollout, STAGE)).counts).toEqual(NO_COUNTS)
      await write((tallies) => tallies.add(rollout, 'stage/99', { slots: 1 }))
    })

    it('sets limits, and leaves those that are absent', async () => {
      const rollout = await insertRollout({ grantLimit: 2, unverifiableLimit: 1 })
      const before = await find(rollout)
      const set = (...limits: Parameters<RolloutTallyStore['setLimits']>) =>
        write((tallies) => tallies.setLimits(...limits))
      await set(rollout, WHOLE, {})
      expect(await find(rollout)).toEqual(before)
      await set(rollout, WHOLE, { isActive: false, stopWords: '7 of 9 failed' })
      expect(await find(rollout)).toEqual({ ...before, isActive: false, stopWords: '7 of 9 failed' })
      await set(rollout, WHOLE, { grantLimit: 5, stopWords: null })
      expect(await find(rollout)).toEqual({ ...before, isActive: false, grantLimit: 5 })
      expect(await find(rollout, STAGE)).toEqual(empty(rollout, STAGE))
    })

    it('begins the numbers of the gate again, and goes on with all others', async () => {
      const rollout = await insertRollout()
      await claim(rollout)
      await claim(rollout, { isVerifiable: false })
      await write(async (tallies) => {
        await tallies.add(rollout, WHOLE, { settled: 1, failed: 1, settledFailed: 1, silent: 1 })
        await tallies.setLimits(rollout, WHOLE, { isActive: false, stopWords: 'it failed' })
      })
      const before = await find(rollout)
      const limits = { grantLimit: 7, unverifiableLimit: 6 }
      await write((tallies) => tallies.restart(rollout, WHOLE, limits))
      expect(await find(rollout)).toEqual({ ...before, ...limits, run: 1, counts: NO_COUNTS, unverifiable: 0 })
      await write((tallies) => tallies.add(rollout, WHOLE, { failed: 1, slots: -1 }, 0))
      expect(await find(rollout)).toMatchObject({ run: 1, counts: NO_COUNTS, slots: 2, devices: 2 })
      await write((tallies) => tallies.restart(rollout, WHOLE, limits))
      expect((await find(rollout)).run).toBe(2)
    })

    it('makes a cohort once, in the next position of its family', async () => {
      const rollout = await insertRollout()
      const ensure = (family: string, value: string) =>
        write((tallies) => tallies.ensureCohort(rollout, { family, value }, { grantLimit: 4 }))
      const c = await ensure('hardwareRevision', 'C')
      expect(c).toEqual({
        ...empty(rollout, 'cohort/hardwareRevision=C'),
        family: 'hardwareRevision',
        value: 'C',
        position: 1,
        grantLimit: 4,
      })
      const old = await ensure('from-version', '1.0|beta=2')
      const d = await ensure('hardwareRevision', 'D')
      expect([old.position, d.position]).toEqual([1, 2])
      await write((tallies) => tallies.setLimits(rollout, c.scope, { isActive: false, grantLimit: 9 }))
      const changed = { ...c, isActive: false, grantLimit: 9 }
      expect(await ensure('hardwareRevision', 'C')).toEqual(changed)
      const other = await insertRollout()
      const elsewhere = { family: 'hardwareRevision', value: 'C' }
      expect((await write((t) => t.ensureCohort(other, elsewhere, { grantLimit: 1 }))).position).toBe(1)
      const scopes = [WHOLE, STAGE, 'stage/1', old.scope, c.scope, d.scope]
      const listed = await suite.read.rolloutTallies.list(rollout, 99)
      expect(listed.map(({ scope }) => scope)).toEqual(scopes)
      expect(listed.find(({ scope }) => scope === c.scope)).toEqual(changed)
      await expect(
        write((tallies) => tallies.ensureCohort(999_999, elsewhere, { grantLimit: 1 })),
      ).rejects.toMatchObject({ code: 'not-found' })
    })

    it('counts of a cohort the verifiable devices alone', async () => {
      const rollout = await insertRollout()
      const cohort = { family: 'hardwareRevision', value: 'C' }
      const scope = cohortScope(cohort)
      const ensured = await write((tallies) => tallies.ensureCohort(rollout, cohort, { grantLimit: 2 }))
      // Limits of a stage mean nothing here.
      const limits = { concurrency: 0, ratePerMinute: 0, devices: 0 }
      const ask = (given: Partial<Claim> = {}) => claim(rollout, { scope, ...limits, ...given })
      expect([await ask(), await ask({ isVerifiable: false }), await ask({ grant: 'again' })]).toEqual([
        true,
        true,
        true,
      ])
      expect([await ask({ grant: 'anew' }), await ask(), await ask({ grant: 'anew' })]).toEqual([true, false, false])
      expect([await ask({ grant: 'again' }), await ask({ grant: 'anew', isVerifiable: false })]).toEqual([true, true])
      expect(await find(rollout, scope)).toEqual({ ...ensured, counts: { ...NO_COUNTS, granted: 2 } })
      await write((tallies) => tallies.setLimits(rollout, scope, { isActive: false, grantLimit: 9 }))
      expect([await ask(), await ask({ isVerifiable: false }), await ask({ grant: 'again' })]).toEqual([
        false,
        false,
        false,
      ])
      expect(await claim(rollout, { scope: 'cohort/hardwareRevision=Z' })).toBe(false)
      expect(await claim(rollout, { scope: 'cohort/hardwareRevision=Z', grant: 'again' })).toBe(false)
    })

    it('undoes a claim with the transaction that it was made in', async () => {
      const rollout = await insertRollout({ grantLimit: 1, unverifiableLimit: 1 })
      const failing = write(async (tallies) => {
        expect(await tallies.claim(claimFor(rollout))).toBe(true)
        throw new Error('no room elsewhere')
      })
      await expect(failing).rejects.toThrow('no room elsewhere')
      expect(await claim(rollout)).toBe(true)
    })
  })
}
