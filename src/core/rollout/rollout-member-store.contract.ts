import { describe, expect, it } from 'vitest'
import { START } from '../../../test/support/fixed-clock.ts'
import { newMember, newRollout } from '../../../test/support/rollout-rows.ts'
import * as rows from '../../../test/support/rows.ts'
import {
  conflict,
  expectSlices,
  type Fleet,
  insertFleet,
  times,
  useStorage,
} from '../../../test/support/storage-suite.ts'
import type { Millis, Serial } from '../common.ts'
import type { Storage, Stores } from '../ports.ts'
import type { MemberPatch, RolloutMember } from './member.ts'
import type { Rollout } from './rollout.ts'

export function describeRolloutMemberStore(name: string, open: () => Promise<Storage>): void {
  describe(`rollout member store: ${name}`, () => {
    const suite = useStorage(open)
    type Given = Parameters<typeof newMember>
    const insert = (...given: Given) => suite.write((stores) => stores.rolloutMembers.insert(newMember(...given)))
    const insertRollout = async (given: Partial<Rollout> = {}): Promise<Fleet & { rollout: Rollout }> => {
      const fleet = await suite.write(insertFleet)
      const rollout = await suite.write((stores) => stores.rollouts.insert(newRollout(fleet.release, given)))
      return { ...fleet, rollout }
    }
    const insertDevices = (organisation: number, count: number) =>
      suite.write((stores) =>
        stores.devices.insertMany(Array.from({ length: count }, () => rows.newDevice(organisation))),
      )
    const bySerial = (members: readonly RolloutMember[]) => members.toSorted((a, b) => a.serial - b.serial)

    it('returns a new member whole', async () => {
      const { rollout, device } = await insertRollout()
      const row = newMember(rollout, device, {
        state: 'rolled-back',
        stage: 2,
        grantedAt: START + 1,
        settleAt: START + 2,
        isSettled: true,
        hasFailed: true,
        isVerifiable: false,
        counted: [
          { scope: 'rollout', run: 0 },
          { scope: 'cohort/hardwareRevision=C|1', run: 3 },
        ],
        update: 2 ** 31,
        attempts: 3,
        holdsSlot: true,
        excludedAt: START + 3,
        excludedReason: 'ill',
        pardonedAt: START + 4,
        changedAt: START + 5,
      })
      const member = await suite.write((stores) => stores.rolloutMembers.insert(row))
      expect(member).toEqual({ ...row, serial: expect.any(Number) })
      expect(await suite.read.rolloutMembers.find(rollout.serial, device.serial)).toEqual(member)
      expect(await suite.read.rolloutMembers.find(rollout.serial + 9999, device.serial)).toBeUndefined()
    })

    it('has each device once in a rollout, also when it comes twice at once', async () => {
      const { rollout, device, release } = await insertRollout()
      const outcomes = await Promise.allSettled([insert(rollout, device), insert(rollout, device)])
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
      await suite.write(async (stores) => {
        const again = stores.rolloutMembers.insert(newMember(rollout, device))
        await expect(again).rejects.toMatchObject(conflict('rollout-member', 'device'))
        const second = await stores.rollouts.insert(newRollout(release))
        await stores.rolloutMembers.insert(newMember(second, device))
      })
      await expect(insert(rollout, { serial: 999_999 })).rejects.toMatchObject({ code: 'not-found' })
      await expect(insert({ ...rollout, serial: 999_999 }, device)).rejects.toMatchObject({ code: 'not-found' })
    })

    it('adds many, without those that are members already', async () => {
      const { rollout, organisation } = await insertRollout()
      const devices = await insertDevices(organisation.serial, 150)
      const [first, second] = devices
      if (!first || !second) throw new Error('needs devices')
      const held = await insert(rollout, first, { state: 'open' })
      const insertMany = (members: readonly { serial: number }[]) =>
        suite.write((stores) => stores.rolloutMembers.insertMany(members.map((device) => newMember(rollout, device))))
      expect(await insertMany([...devices, second])).toBe(149)
      expect(await insertMany(devices)).toBe(0)
      expect(await insertMany([])).toBe(0)
      const all = await suite.read.rolloutMembers.list({ rollout: rollout.serial }, { limit: 500 })
      expect(all.map(({ device }) => device)).toEqual(devices.map(({ serial }) => serial))
      expect(all[0]).toEqual(held)
    })

    it('lists the memberships of a device, and the members among devices', async () => {
      const { rollout, device, release, organisation } = await insertRollout()
      const others = await suite.write((stores) => times(2, () => stores.rollouts.insert(newRollout(release))))
      const [second, third] = others
      const [stranger] = await insertDevices(organisation.serial, 1)
      if (!second || !third || !stranger) throw new Error('needs rollouts')
      const mine = await times(3, async (index) => insert([rollout, second, third][index] ?? rollout, device))
      const its = await insert(rollout, stranger)
      const { rolloutMembers } = suite.read
      const all = [rollout.serial, second.serial, third.serial]
      expect(bySerial(await rolloutMembers.listByDevice(device.serial, all))).toEqual(mine)
      expect(bySerial(await rolloutMembers.listByDevice(device.serial, [...all, ...all, 999_999]))).toEqual(mine)
      expect(await rolloutMembers.listByDevice(device.serial, [third.serial])).toEqual([mine[2]])
      expect(await rolloutMembers.listByDevice(stranger.serial, all)).toEqual([its])
      expect(await rolloutMembers.listByDevice(device.serial, [])).toEqual([])
      expect(bySerial(await rolloutMembers.listByDevice(device.serial))).toEqual(mine)
      expect(await rolloutMembers.listByDevice(stranger.serial)).toEqual([its])
      const both = [device.serial, stranger.serial, device.serial, 999_999]
      expect(bySerial(await rolloutMembers.listByDevices(rollout.serial, both))).toEqual([mine[0], its])
      expect(await rolloutMembers.listByDevices(second.serial, both)).toEqual([mine[1]])
      expect(await rolloutMembers.listByDevices(rollout.serial, [])).toEqual([])
    })

    it('changes what is given, and nothing else', async () => {
      const { rollout, device } = await insertRollout()
      const member = await insert(rollout, device, { settleAt: START, excludedAt: START, excludedReason: 'x' })
      const update = (patch: MemberPatch) => suite.write((stores) => stores.rolloutMembers.update(member.serial, patch))
      const granted = { state: 'open', stage: 0, holdsSlot: true, counted: [{ scope: 'rollout', run: 0 }] } as const
      expect(await update(granted)).toEqual({ ...member, ...granted })
      const cleared = { settleAt: null, excludedAt: null, excludedReason: '', holdsSlot: false }
      expect(await update(cleared)).toEqual({ ...member, ...granted, ...cleared })
      expect(await update({})).toEqual({ ...member, ...granted, ...cleared })
      expect(await suite.read.rolloutMembers.find(rollout.serial, device.serial)).toMatchObject(cleared)
      expect(await suite.write((stores) => stores.rolloutMembers.update(999_999, granted))).toBeUndefined()
    })

    it('slices a list and filters and counts it', async () => {
      const { rollout, organisation } = await insertRollout()
      const devices = await insertDevices(organisation.serial, 5)
      const given: Array<Partial<RolloutMember>> = [
        { state: 'open', stage: 0 },
        { state: 'failed', stage: 0, excludedAt: START },
        { state: 'open', stage: 1 },
        { state: 'waiting', excludedAt: START },
        { state: 'succeeded', stage: 1 },
      ]
      const all = await times(5, (index) => insert(rollout, devices[index] ?? { serial: 0 }, given[index]))
      const { rolloutMembers } = suite.storage.management
      await expectSlices((slice) => rolloutMembers.list({ rollout: rollout.serial }, slice), all)
      const found = async (more: object) => {
        const filter = { rollout: rollout.serial, ...more }
        const listed = await rolloutMembers.list(filter, { limit: 9 })
        expect(await rolloutMembers.count(filter)).toBe(listed.length)
        return listed.map((row) => all.findIndex(({ serial }) => serial === row.serial))
      }
      expect(await found({ states: ['open'] })).toEqual([0, 2])
      expect(await found({ states: ['succeeded', 'open', 'failed'] })).toEqual([0, 1, 2, 4])
      expect(await found({ states: [] })).toEqual([])
      expect(await found({ isExcluded: true })).toEqual([1, 3])
      expect(await found({ isExcluded: false })).toEqual([0, 2, 4])
      expect(await found({ stage: 1 })).toEqual([2, 4])
      expect(await found({ stage: 0, states: ['open'], isExcluded: false })).toEqual([0])
      expect(await rolloutMembers.list({ rollout: 999_999 }, { limit: 9 })).toEqual([])
      expect(await rolloutMembers.recount(rollout.serial)).toEqual({
        waiting: 1,
        open: 2,
        succeeded: 1,
        failed: 1,
        'rolled-back': 0,
        cancelled: 0,
        superseded: 0,
        delivered: 0,
      })
    })

    it('settles in the order of the times, each once, and says how they were', async () => {
      const { rollout, organisation } = await insertRollout()
      const devices = await insertDevices(organisation.serial, 6)
      const times6 = [50, 10, 30, 10, null, 40].map((at) => (at === null ? null : START + at))
      const all = await times(6, (index) =>
        insert(rollout, devices[index] ?? { serial: 0 }, {
          settleAt: times6[index] ?? null,
          ...(index === 5 && { isSettled: true }),
          state: 'open',
        }),
      )
      const settling = async (now: number) => {
        const listed = await suite.read.rolloutMembers.listSettling(now, 9999)
        return listed.filter((serial) => serial === rollout.serial)
      }
      const settle = (now: number, limit: number) =>
        suite.write(async (stores) => {
          await stores.rolloutTallies.lock(rollout.serial)
          return settleDue(stores, rollout.serial, { now, limit })
        })
      expect(await settling(START + 9)).toEqual([])
      expect(await settle(START + 9, 9)).toEqual([])
      expect(await settling(START + 30)).toEqual([rollout.serial])
      expect(await settle(START + 49, 2)).toEqual([all[1], all[3]])
      expect(await settle(START + 49, 2)).toEqual([all[2]])
      expect(await settle(START + 49, 2)).toEqual([])
      expect(await settling(START + 49)).toEqual([])
      expect(await suite.read.rolloutMembers.find(rollout.serial, devices[1]?.serial ?? 0)).toEqual({
        ...all[1],
        isSettled: true,
      })
      expect(await settle(START + 50, 9)).toEqual([all[0]])
      expect(await suite.read.rolloutMembers.listSettling(START - 1, 9)).toEqual([])
    })

    it('settles as failed those that are named so, besides those that had failed before', async () => {
      const { rollout, organisation } = await insertRollout()
      const given: ReadonlyArray<readonly [row: Partial<RolloutMember>, hasFailed: boolean]> = [
        [{ state: 'open' }, true],
        [{ state: 'succeeded' }, false],
        [{ state: 'failed', hasFailed: true }, true],
        [{ state: 'open', isSettled: true }, false],
      ]
      const devices = await insertDevices(organisation.serial, given.length)
      const all = await times(given.length, (index) =>
        insert(rollout, devices[index] ?? { serial: 0 }, { settleAt: START, ...given[index]?.[0] }),
      )
      const [a, b, c, d] = all.map(({ serial }) => serial) as [number, number, number, number]
      const settled = await suite.write((stores) => stores.rolloutMembers.settle([d, c, b, a], [a, d]))
      expect(settled.sort((left, right) => left - right)).toEqual([a, b, c])
      for (const [index, member] of all.entries())
        expect(await suite.read.rolloutMembers.find(rollout.serial, member.device)).toEqual({
          ...member,
          isSettled: true,
          hasFailed: given[index]?.[1],
        })
      expect(await suite.write((stores) => stores.rolloutMembers.settle([], []))).toEqual([])
    })

    it('undoes settling with its transaction, and shows it to nobody before', async () => {
      const { rollout, organisation } = await insertRollout()
      const devices = await insertDevices(organisation.serial, 4)
      for (const device of devices) await insert(rollout, device, { settleAt: 2000 })
      const { rolloutMembers } = suite.read
      const settling = async () => (await rolloutMembers.listSettling(2000, 99)).includes(rollout.serial)
      const settleAll = suite.write(async (stores) => {
        expect(await settleDue(stores, rollout.serial, { now: 2000, limit: 9 })).toHaveLength(4)
        expect(await stores.rolloutMembers.listSettling(2000, 99)).not.toContain(rollout.serial)
        expect(await settling()).toBe(true)
        throw new Error('later step')
      })
      await expect(settleAll).rejects.toThrow('later step')
      const again = await suite.write((stores) => settleDue(stores, rollout.serial, { now: 2000, limit: 9 }))
      expect(again.map(({ device }) => device)).toEqual(devices.map(({ serial }) => serial))
      expect(await settling()).toBe(false)
    })

    it('lists each rollout that settles once', async () => {
      const [a, b] = [await insertRollout(), await insertRollout()]
      for (const { rollout, organisation } of [a, b])
        for (const device of await insertDevices(organisation.serial, 3))
          await insert(rollout, device, { settleAt: 1000 })
      expect(await suite.read.rolloutMembers.listSettling(1000, 9)).toEqual([a.rollout.serial, b.rollout.serial])
      expect(await suite.read.rolloutMembers.listSettling(1000, 1)).toEqual([a.rollout.serial])
    })

    it('settles each member once when two settle at once', async () => {
      const { rollout, organisation } = await insertRollout()
      const devices = await insertDevices(organisation.serial, 40)
      await suite.write(async (stores) => {
        await stores.rolloutTallies.create(rollout.serial, [], { grantLimit: 0, unverifiableLimit: 0 })
        const members = devices.map((device, index) => newMember(rollout, device, { settleAt: START + (index % 7) }))
        await stores.rolloutMembers.insertMany(members)
      })
      for (const mode of ['locked', 'unlocked'] as const) {
        const settle = () =>
          suite.write(async (stores) => {
            if (mode === 'locked') await stores.rolloutTallies.lock(rollout.serial)
            return settleDue(stores, rollout.serial, { now: START + 9, limit: 15 })
          })
        const batches = await Promise.all([settle(), settle()])
        const settled = batches.flat().map(({ serial }) => serial)
        expect(new Set(settled).size).toBe(settled.length)
        if (mode === 'locked') expect(settled).toHaveLength(30)
      }
      const left = await suite.write((stores) => settleDue(stores, rollout.serial, { now: START + 9, limit: 99 }))
      expect(left.length).toBeLessThanOrEqual(10)
      const every = await suite.read.rolloutMembers.list({ rollout: rollout.serial }, { limit: 99 })
      expect(every.filter(({ isSettled }) => isSettled)).toHaveLength(40)
    })

    it('counts the devices on which a release was verified, each once', async () => {
      const { release, organisation, rollout: plain } = await insertRollout({ kind: 'update' })
      const [a, b, c, d] = await insertDevices(organisation.serial, 4)
      if (!a || !b || !c || !d) throw new Error('needs devices')
      const verification = () =>
        suite.write((stores) => stores.rollouts.insert(newRollout(release, { kind: 'verification' })))
      const [first, second] = [await verification(), await verification()]
      await insert(first, a, { state: 'succeeded', grantedAt: START })
      await insert(second, a, { state: 'failed', grantedAt: START })
      await insert(first, b, { state: 'failed', grantedAt: START })
      await insert(second, c, { state: 'waiting' })
      await insert(plain, d, { state: 'succeeded', grantedAt: START })
      const { rolloutMembers } = suite.read
      expect(await rolloutMembers.countVerified(release.serial)).toEqual({ succeeded: 1, granted: 2 })
      expect(await rolloutMembers.countVerified(999_999)).toEqual({ succeeded: 0, granted: 0 })
    })

    it('goes with its device', async () => {
      const { rollout, device } = await insertRollout()
      await insert(rollout, device)
      await suite.write((stores) => stores.devices.delete(device.serial))
      expect(await suite.read.rolloutMembers.count({ rollout: rollout.serial })).toBe(0)
      expect(await suite.read.rollouts.find(rollout.serial)).toEqual(rollout)
    })
  })
}

/** Settles what is due, none of it as failed; answers it as it was before. */
async function settleDue(stores: Stores, rollout: Serial, { now, limit }: { now: Millis; limit: number }) {
  const due = await stores.rolloutMembers.listDue(rollout, now, limit)
  const serials = due.map(({ serial }) => serial)
  const settled = new Set(await stores.rolloutMembers.settle(serials, []))
  return due.filter(({ serial }) => settled.has(serial))
}
