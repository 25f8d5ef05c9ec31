import { describe, expect, it } from 'vitest'
import { START } from '../../../test/support/fixed-clock.ts'
import * as rows from '../../../test/support/rows.ts'
import { expectSlices, insertFleet, times, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'

export function describeAssignmentStore(name: string, open: () => Promise<Storage>): void {
  describe(`assignment store: ${name}`, () => {
    const suite = useStorage(open)
    type Given = Parameters<typeof rows.newAssignment>
    const put = (...given: Given) => suite.write((stores) => stores.assignments.put(rows.newAssignment(...given)))
    const newerRelease = (firmware: Parameters<typeof rows.newRelease>[0]) =>
      suite.write((stores) => stores.releases.insert(rows.newRelease(firmware, { isSilent: false })))

    it('replaces the release of a device and keeps serial, id and creation', async () => {
      const { device, firmware, release } = await suite.write(insertFleet)
      const row = rows.newAssignment(device, release)
      const first = await suite.write((stores) => stores.assignments.put(row))
      expect(first).toEqual({ ...row, serial: expect.any(Number), revision: 1 })
      const newer = await newerRelease(firmware)
      const second = await put(device, newer, { createdAt: START + 5, assignedAt: START + 5 })
      expect(second).toEqual({ ...first, release: newer.serial, assignedAt: START + 5, revision: 2 })
      expect(await suite.read.assignments.findByDevice(device.serial)).toEqual(second)
      expect(await suite.read.assignments.countByRelease(release.serial)).toBe(0)
      expect(await suite.read.assignments.countByRelease(newer.serial)).toBe(1)
    })

    it('replaces the release of a group as well, apart from devices', async () => {
      const { device, firmware, release } = await suite.write(insertFleet)
      const group = await suite.write((stores) => stores.groups.insert(rows.newGroup(device.organisation)))
      const target = { device: null, group: group.serial }
      const first = await put(device, release, target)
      const newer = await newerRelease(firmware)
      const second = await put(device, newer, target)
      const own = await put(device, release)
      const { assignments } = suite.read
      expect(second).toEqual({ ...first, release: newer.serial, revision: 2 })
      expect(await assignments.findByGroup(group.serial)).toEqual(second)
      expect(await assignments.findByDevice(device.serial)).toEqual(own)
      const list = (filter: object) => assignments.list({ organisation: device.organisation, ...filter }, { limit: 9 })
      expect(await list({})).toEqual([second, own])
      expect(await list({ target: 'device' })).toEqual([own])
      expect(await list({ target: 'group' })).toEqual([second])
      expect(await list({ device: device.serial })).toEqual([own])
      expect(await list({ release: newer.serial })).toEqual([second])
      const { organisation: stranger } = await suite.write(insertFleet)
      expect(await list({ organisation: stranger.serial })).toEqual([])
      expect(await assignments.findById(device.organisation, own.id)).toEqual(own)
      expect(await assignments.findById(stranger.serial, own.id)).toBeUndefined()
    })

    it('finds those of many devices and groups', async () => {
      const { device, release } = await suite.write(insertFleet)
      const { organisation } = device
      const group = await suite.write((stores) => stores.groups.insert(rows.newGroup(organisation)))
      const other = await suite.write((stores) => stores.devices.insert(rows.newDevice(organisation)))
      const own = await put(device, release)
      const ofGroup = await put(device, release, { device: null, group: group.serial })
      const find = async (devices: number[], groups: number[]) =>
        (await suite.read.assignments.listByTargets({ devices, groups })).toSorted((a, b) => a.serial - b.serial)
      expect(await find([device.serial, other.serial, device.serial], [group.serial])).toEqual([own, ofGroup])
      expect(await find([other.serial], [])).toEqual([])
      expect(await find([], [group.serial, 999_999])).toEqual([ofGroup])
      expect(await find([], [])).toEqual([])
      const filler = Array.from({ length: 2_500 }, (_, index) => 1_000_000 + index)
      expect(await find([...filler, device.serial], [...filler, group.serial])).toEqual([own, ofGroup])
    })

    it('makes one assignment when several are put at once', async () => {
      const { device, release } = await suite.write(insertFleet)
      const puts = await Promise.all(
        Array.from({ length: 5 }, (_, index) => put(device, release, { assignedAt: START + index })),
      )
      expect(new Set(puts.map(({ serial, id }) => `${serial} ${id}`)).size).toBe(1)
      expect(puts.map(({ revision }) => revision).sort()).toEqual([1, 2, 3, 4, 5])
      expect(await suite.read.assignments.countByRelease(release.serial)).toBe(1)
    })

    it('slices the list by serial', async () => {
      const { organisation, release } = await suite.write(insertFleet)
      const all = await times(5, async () => {
        const device = await suite.write((stores) => stores.devices.insert(rows.newDevice(organisation.serial)))
        return put(device, release)
      })
      const filter = { organisation: organisation.serial, release: release.serial }
      await expectSlices((slice) => suite.read.assignments.list(filter, slice), all)
      expect(await suite.read.assignments.countByRelease(release.serial)).toBe(5)
    })

    it('deletes an assignment; the next one of the device is a new one', async () => {
      const { device, release } = await suite.write(insertFleet)
      const first = await put(device, release)
      await suite.write((stores) => stores.assignments.delete(first.serial))
      expect(await suite.read.assignments.findByDevice(device.serial)).toBeUndefined()
      const second = await put(device, release)
      expect(second.serial).toBeGreaterThan(first.serial)
      expect(second.revision).toBe(1)
    })
  })
}
