import { describe, expect, it } from 'vitest'
import { START } from '../../../test/support/fixed-clock.ts'
import { newRollout } from '../../../test/support/rollout-rows.ts'
import * as rows from '../../../test/support/rows.ts'
import { conflict, expectSlices, insertFleet, times, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'
import { CLOSED_STATES, OPEN_STATES } from './update.ts'

export function describeUpdateStore(name: string, open: () => Promise<Storage>): void {
  describe(`update store: ${name}`, () => {
    const suite = useStorage(open)
    type Given = Parameters<typeof rows.newUpdate>
    const insert = (...given: Given) => suite.write((stores) => stores.updates.insert(rows.newUpdate(...given)))
    const closed = { state: 'succeeded' as const, closedAt: START }

    it('returns a new update whole, and only to its organisation', async () => {
      const [mine, other] = [await suite.write(insertFleet), await suite.write(insertFleet)]
      const { device, release, module, firmware } = mine
      const assignment = await suite.write((stores) => stores.assignments.put(rows.newAssignment(device, release)))
      const rollout = await suite.write((stores) => stores.rollouts.insert(newRollout(release)))
      const row = rows.newUpdate(device, release, {
        assignment: assignment.serial,
        rollout: rollout.serial,
        progress: -2,
        reason: 'no space',
        attempt: 3,
        steps: [
          { module: module.serial, firmware: firmware.serial, from: null, to: '2' },
          { module: null, firmware: firmware.serial, from: '1', to: '2' },
        ],
        confirmAfter: START + 60_000,
        deadline: START + 90_000,
        timeOuts: { offered: null, work: 300, offeredExpiry: 'release-slot', reason: 'late' },
      })
      const update = await suite.write((stores) => stores.updates.insert(row))
      expect(update).toEqual({ ...row, serial: expect.any(Number), revision: 1 })
      expect(update.serial).toBeLessThan(2 ** 31)
      expect(await suite.read.updates.find(update.serial)).toEqual(update)
      expect(await suite.read.updates.findById(device.organisation, row.id)).toEqual(update)
      expect(await suite.read.updates.findById(other.organisation.serial, row.id)).toBeUndefined()
    })

    it('has one open update per device, in whatever state, and any number of closed ones', async () => {
      for (const state of OPEN_STATES) {
        const { device, release } = await suite.write(insertFleet)
        await insert(device, release, { state })
        await expect(insert(device, release)).rejects.toMatchObject(conflict('update', 'device'))
      }
      const { device, release } = await suite.write(insertFleet)
      for (const state of CLOSED_STATES) await insert(device, release, { state, closedAt: START })
      const open = await insert(device, release)
      expect(await suite.read.updates.findOpen(device.serial)).toEqual(open)
    })

    it('opens one of two updates that are asked for at once', async () => {
      const { device, release } = await suite.write(insertFleet)
      const outcomes = await Promise.allSettled([insert(device, release), insert(device, release)])
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
      expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
        reason: conflict('update', 'device'),
      })
      const filter = { organisation: device.organisation, device: device.serial }
      expect(await suite.read.updates.list(filter, { limit: 9 })).toHaveLength(1)
    })

    it('finds the open and the latest update of a device', async () => {
      const { device, release } = await suite.write(insertFleet)
      expect(await suite.read.updates.findLatest(device.serial)).toBeUndefined()
      await insert(device, release, closed)
      const latest = await insert(device, release, closed)
      expect(await suite.read.updates.findOpen(device.serial)).toBeUndefined()
      expect(await suite.read.updates.findLatest(device.serial)).toEqual(latest)
      const open = await insert(device, release)
      expect(await suite.read.updates.findLatest(device.serial)).toEqual(open)
    })

    it('finds the newest success of a device, whatever came after it', async () => {
      const { device, release } = await suite.write(insertFleet)
      const find = () => suite.read.updates.findLatestSucceeded(device.serial)
      await insert(device, release, { ...closed, state: 'failed' })
      expect(await find()).toBeUndefined()
      await insert(device, release, closed)
      const newest = await insert(device, release, closed)
      for (const state of CLOSED_STATES) if (state !== 'succeeded') await insert(device, release, { ...closed, state })
      await insert(device, release)
      expect(await find()).toEqual(newest)
    })

    it('finds the latest updates of many devices, and many updates by serial', async () => {
      const fleets = await times(3, () => suite.write(insertFleet))
      const [first, second, third] = fleets.map(({ device, release }) => ({ device, release }))
      if (!first || !second || !third) throw new Error('three fleets')
      const old = await insert(first.device, first.release, closed)
      const open = await insert(first.device, first.release)
      const ended = await insert(second.device, second.release, closed)
      const devices = [first, second, third, first].map(({ device }) => device.serial)
      const bySerial = (found: readonly { serial: number }[]) => found.toSorted((a, b) => a.serial - b.serial)
      const { updates } = suite.read
      expect(bySerial(await updates.listLatest(devices))).toEqual([open, ended])
      expect(await updates.listLatest([third.device.serial])).toEqual([])
      expect(await updates.listLatest([])).toEqual([])
      expect(bySerial(await updates.listBySerials([ended.serial, old.serial, 999_999, old.serial]))).toEqual([
        old,
        ended,
      ])
      expect(await updates.listBySerials([])).toEqual([])
      const filler = Array.from({ length: 2_500 }, (_, index) => 1_000_000 + index)
      expect(await updates.listLatest([...filler, second.device.serial])).toEqual([ended])
      expect(await updates.listBySerials([...filler, old.serial])).toEqual([old])
    })

    it('moves an update only from the expected state', async () => {
      const { device, release } = await suite.write(insertFleet)
      const row = await insert(device, release)
      const move = (...args: Parameters<typeof suite.read.updates.move>) =>
        suite.write((stores) => stores.updates.move(...args))
      const patch = { state: 'offered' as const, changedAt: START + 1 }
      expect(await move(row.serial, 'pending', patch)).toEqual({ ...row, ...patch, revision: 2 })
      expect(await move(row.serial, 'pending', { state: 'failed' })).toBeUndefined()
      expect(await move(row.serial, 'offered', { progress: 40 })).toMatchObject({ state: 'offered', progress: 40 })
      expect(await move(row.serial + 9999, 'offered', { progress: 40 })).toBeUndefined()
      await move(row.serial, 'offered', closed)
      expect(await suite.read.updates.findOpen(device.serial)).toBeUndefined()
      expect((await insert(device, release)).serial).toBeGreaterThan(row.serial)
    })

    it('moves an update that must be unchanged only while it is', async () => {
      const { device, release } = await suite.write(insertFleet)
      const row = await insert(device, release)
      const move = (...args: Parameters<typeof suite.read.updates.move>) =>
        suite.write((stores) => stores.updates.move(...args))
      const news = await move(row.serial, row, { progress: 10, deadline: START + 1 })
      expect(news).toMatchObject({ revision: 2, progress: 10, deadline: START + 1 })
      expect(await move(row.serial, row, { state: 'failed' })).toBeUndefined()
      expect(await move(row.serial, { state: 'offered', revision: 2 }, { state: 'failed' })).toBeUndefined()
      const ended = await move(row.serial, news ?? row, { ...closed, deadline: null })
      expect(ended).toMatchObject({ state: 'succeeded', deadline: null, revision: 3 })
    })

    it('lets one of two moves from the same state through', async () => {
      const { device, release } = await suite.write(insertFleet)
      const { serial } = await insert(device, release)
      const moves = await Promise.all(
        (['offered', 'cancelling'] as const).map((state) =>
          suite.write((stores) => stores.updates.move(serial, 'pending', { state })),
        ),
      )
      expect(moves.filter((row) => row !== undefined)).toHaveLength(1)
    })

    it('filters a list by rollout', async () => {
      const { organisation, device, release } = await suite.write(insertFleet)
      const rollout = await suite.write((stores) => stores.rollouts.insert(newRollout(release)))
      const its = { ...closed, rollout: rollout.serial }
      const all = await times(5, () => insert(device, release, its))
      await insert(device, release)
      const second = await suite.write((stores) => stores.devices.insert(rows.newDevice(organisation.serial)))
      const open = await insert(second, release, { rollout: rollout.serial })
      const filter = { organisation: organisation.serial, rollout: rollout.serial }
      const { updates } = suite.storage.management
      await expectSlices((slice) => updates.list({ ...filter, device: device.serial }, slice), all)
      expect(await updates.list(filter, { limit: 9 })).toEqual([...all, open])
      expect(await updates.list({ ...filter, states: ['pending'] }, { limit: 9 })).toEqual([open])
      expect(await updates.list({ ...filter, organisation: organisation.serial + 9999 }, { limit: 9 })).toEqual([])
      await expect(insert(second, release, { ...closed, rollout: 999_999 })).rejects.toMatchObject({
        code: 'not-found',
      })
    })

    it('slices a list and filters it by device, release and states', async () => {
      const { organisation, device, release } = await suite.write(insertFleet)
      const all = await times(5, () => insert(device, release, { ...closed, state: 'failed' }))
      const second = await suite.write((stores) => stores.devices.insert(rows.newDevice(organisation.serial)))
      const open = await insert(second, release)
      const filter = { organisation: organisation.serial, device: device.serial, release: release.serial }
      await expectSlices((slice) => suite.read.updates.list(filter, slice), all)
      const list = (more: object) =>
        suite.storage.management.updates.list({ organisation: organisation.serial, ...more }, { limit: 9 })
      expect(await list({})).toEqual([...all, open])
      expect(await list({ states: ['pending', 'offered'] })).toEqual([open])
      expect(await list({ states: ['failed'], device: second.serial })).toEqual([])
      expect(await list({ states: [] })).toEqual([])
      expect(await list({ release: release.serial + 9999 })).toEqual([])
      const { organisation: stranger } = await suite.write(insertFleet)
      expect(await list({ organisation: stranger.serial })).toEqual([])
      expect(await list({ organisation: stranger.serial, device: device.serial })).toEqual([])
    })

    it('lists open updates whose confirmation is due', async () => {
      const confirmable = async (confirmAfter: number | null, more: object = {}) => {
        const { device, release } = await suite.write(insertFleet)
        return insert(device, release, { state: 'downloaded', confirmAfter, ...more })
      }
      const due = await confirmable(1000)
      const later = await confirmable(1001)
      await confirmable(null)
      await confirmable(500, closed)
      expect(await suite.read.updates.listDue(1000, 9)).toEqual([due])
      const both = await suite.read.updates.listDue(2000, 9)
      expect(both.sort((a, b) => a.serial - b.serial)).toEqual([due, later])
      expect(await suite.read.updates.listDue(2000, 1)).toHaveLength(1)
      expect(await suite.read.updates.listDue(999, 9)).toEqual([])
    })

    it('lists open updates whose deadline has come, the longest overdue first', async () => {
      const timed = async (deadline: number | null, more: object = {}) => {
        const { device, release } = await suite.write(insertFleet)
        return insert(device, release, { state: 'installing', deadline, ...more })
      }
      const base = 7 * 60_000
      const [third, first, second] = [await timed(base + 2), await timed(base - 1), await timed(base + 1)]
      await timed(null)
      await timed(5, closed)
      const list = (now: number, limit = 9) => suite.read.updates.listOverdue(now, limit)
      expect(await list(base + 60_000)).toEqual([first, second, third])
      expect(await list(base + 60_000, 2)).toEqual([first, second])
      expect(await list(base + 1)).toEqual([first, second])
      expect(await list(base - 2)).toEqual([])
      await suite.write(async (stores) => {
        await stores.updates.move(first.serial, 'installing', { ...closed, deadline: null })
        await stores.updates.move(second.serial, 'installing', { deadline: base + 120_000 })
        expect(await stores.updates.listOverdue(base + 60_000, 9)).toEqual([third])
        // What is not committed is not seen by others.
        expect((await list(base + 60_000)).map(({ serial }) => serial)).toEqual(
          [first, second, third].map(({ serial }) => serial),
        )
      })
      expect(await list(base + 60_000)).toEqual([third])
      expect((await list(base + 120_000)).map(({ serial }) => serial)).toEqual([third.serial, second.serial])
    })

    it('deletes closed updates that ended before a time, in batches', async () => {
      const { device, release } = await suite.write(insertFleet)
      const old = await times(3, () => insert(device, release, { ...closed, closedAt: 1000 }))
      const kept = await insert(device, release, { ...closed, closedAt: 2000 })
      const open = await insert(device, release)
      const collect = (limit: number) => suite.write((stores) => stores.updates.deleteClosed(2000, limit))
      expect(await collect(2)).toBe(2)
      expect(await collect(2)).toBe(1)
      expect(await collect(2)).toBe(0)
      for (const { serial } of old) expect(await suite.read.updates.find(serial)).toBeUndefined()
      const filter = { organisation: device.organisation, device: device.serial }
      expect(await suite.read.updates.list(filter, { limit: 9 })).toEqual([kept, open])
    })
  })
}
