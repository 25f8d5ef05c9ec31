import { describe, expect, it } from 'vitest'
import { START } from '../../../test/support/fixed-clock.ts'
import * as rows from '../../../test/support/rows.ts'
import { conflict, expectSlices, insertFleet, times, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'
import type { DeviceFilter } from './device-store.ts'

export function describeDeviceStore(name: string, open: () => Promise<Storage>): void {
  describe(`device store: ${name}`, () => {
    const suite = useStorage(open)
    const insertOrganisation = async () =>
      (await suite.write((stores) => stores.organisations.insert(rows.newOrganisation()))).serial
    const insert = (organisation: number, given?: Parameters<typeof rows.newDevice>[1]) =>
      suite.write((stores) => stores.devices.insert(rows.newDevice(organisation, given)))

    it('returns a new device whole, by serial, id and key, and in its organisation alone', async () => {
      const [mine, other] = [await insertOrganisation(), await insertOrganisation()]
      const row = rows.newDevice(mine, {
        name: 'Grüße, 世界 𝄞',
        status: 'disabled',
        tags: { site: 'graz', __proto__x: 'x', '': 'empty' },
        attributes: { 'fw version': 'o\'hare \\ "quoted"' },
        aliases: { 'enos/asset-id': 'zzz' },
        lastSeenAt: START,
      })
      const device = await suite.write((stores) => stores.devices.insert(row))
      expect(device).toEqual({ ...row, serial: expect.any(Number), revision: 1 })
      expect(await suite.read.devices.find(device.serial)).toEqual(device)
      expect(await suite.read.devices.findById(mine, row.id)).toEqual(device)
      expect(await suite.read.devices.findByIdOnServer(row.id)).toEqual(device)
      expect(await suite.read.devices.findByKey(mine, row.key)).toEqual(device)
      expect(await suite.read.devices.findById(other, row.id)).toBeUndefined()
      expect(await suite.read.devices.findByKey(other, row.key)).toBeUndefined()
      expect(await suite.read.devices.findByKey(mine, row.key.toUpperCase())).toBeUndefined()
      expect(await suite.read.devices.list({ organisation: other }, { limit: 9 })).toEqual([])
    })

    it('refuses a taken key within the organisation, id or serial', async () => {
      const [mine, other] = [await insertOrganisation(), await insertOrganisation()]
      const { key, id, serial } = await insert(mine)
      await expect(insert(mine, { key })).rejects.toMatchObject(conflict('device', 'key'))
      await expect(insert(other, { id })).rejects.toMatchObject(conflict('device', 'id'))
      await expect(insert(other, { serial })).rejects.toMatchObject(conflict('device', 'serial'))
      expect((await insert(other, { key })).key).toBe(key)
    })

    it('takes a given serial and goes on beyond it; a serial is never used again', async () => {
      const organisation = await insertOrganisation()
      const given = (await insert(organisation)).serial + 5000
      expect((await insert(organisation, { serial: given })).serial).toBe(given)
      const next = await insert(organisation)
      expect(next.serial).toBeGreaterThan(given)
      await suite.write((stores) => stores.devices.delete(next.serial))
      expect((await insert(organisation)).serial).toBeGreaterThan(next.serial)
    })

    it('is locked until the end of the transaction: what refers to it waits', async () => {
      const { device, release } = await suite.write(insertFleet)
      const order: string[] = []
      const { promise: isLocked, resolve: locked } = Promise.withResolvers<void>()
      const holding = suite.write(async ({ devices }) => {
        expect(await devices.lock(device.serial)).toBe(true)
        expect(await devices.lock(device.serial + 9999)).toBe(false)
        locked()
        await times(20, () => new Promise((resume) => setImmediate(resume)))
        await devices.delete(device.serial)
        order.push('deleted')
      })
      await isLocked
      const update = rows.newUpdate(device, release)
      await expect(suite.write(({ updates }) => updates.insert(update))).rejects.toMatchObject({ code: 'not-found' })
      order.push('refused')
      await holding
      expect(order).toEqual(['deleted', 'refused'])
    })

    it('finds many by key, id or serial, each once', async () => {
      const [mine, other] = [await insertOrganisation(), await insertOrganisation()]
      const rowsOf = (organisation: number) => Array.from({ length: 1100 }, () => rows.newDevice(organisation))
      const [ours, theirs] = await suite.write(async (stores) => [
        await stores.devices.insertMany(rowsOf(mine)),
        await stores.devices.insertMany(rowsOf(other)),
      ])
      const keys = [...(ours ?? []), ...(theirs ?? []).slice(0, 5)].map(({ key }) => key)
      const ids = [...(ours ?? []).slice(0, 2), ...(theirs ?? []).slice(7, 8)].map(({ id }) => id)
      const serials = [...(ours ?? []).slice(0, 1), ...(theirs ?? []).slice(7, 9)].map(({ serial }) => serial)
      const found = await suite.read.devices.listNamed({ organisation: mine, keys, ids, serials })
      const wanted = [...(ours ?? []), ...(theirs ?? []).slice(7, 9)]
      expect(found.toSorted((a, b) => a.serial - b.serial)).toEqual(wanted)
      const nothing = { organisation: mine, keys: ['none'], ids: [], serials: [] }
      expect(await suite.read.devices.listNamed(nothing)).toEqual([])
    })

    it('inserts many at once in the order given, or none', async () => {
      const organisation = await insertOrganisation()
      const many = Array.from({ length: 2500 }, () => rows.newDevice(organisation))
      const inserted = await suite.write((stores) => stores.devices.insertMany(many))
      expect(inserted.map(({ key }) => key)).toEqual(many.map(({ key }) => key))
      expect(await suite.read.devices.list({ organisation }, { limit: 9999 })).toEqual(inserted)
      expect(await suite.write((stores) => stores.devices.insertMany([]))).toEqual([])
      const key = inserted[7]?.key ?? ''
      const again = [rows.newDevice(organisation), rows.newDevice(organisation, { key })]
      const clash = suite.write((stores) => stores.devices.insertMany(again))
      await expect(clash).rejects.toMatchObject(conflict('device', 'key'))
      expect(await suite.read.devices.count({ organisation })).toBe(2500)
    })

    it('changes what is given, counts the revision, and only from the expected one', async () => {
      const organisation = await insertOrganisation()
      const row = await insert(organisation, { tags: { a: '1' }, attributes: { b: '2' } })
      const update = (patch: Parameters<Storage['read']['devices']['update']>[1], ifRevision?: number) =>
        suite.write((stores) => stores.devices.update(row.serial, patch, ifRevision))
      expect(await update({ tags: { c: '3' } })).toEqual({ ...row, tags: { c: '3' }, revision: 2 })
      expect(await update({ name: 'late' }, 1)).toBeUndefined()
      expect(await update({ name: 'timely' }, 2)).toMatchObject({ name: 'timely', tags: { c: '3' }, revision: 3 })
      expect(await suite.read.devices.find(row.serial)).toMatchObject({ name: 'timely', attributes: { b: '2' } })
      const { key } = await insert(organisation)
      await expect(update({ key })).rejects.toMatchObject(conflict('device', 'key'))
      expect(await suite.write((stores) => stores.devices.update(row.serial + 9999, { name: 'x' }))).toBeUndefined()
    })

    it('lets one of two changes from the same revision through', async () => {
      const { serial } = await insert(await insertOrganisation())
      const outcomes = await Promise.all(
        ['a', 'b'].map((title) => suite.write((stores) => stores.devices.update(serial, { name: title }, 1))),
      )
      expect(outcomes.filter((row) => row !== undefined)).toHaveLength(1)
    })

    it('slices a list and filters it by product, group and status, and counts the same', async () => {
      const { organisation, product } = await suite.write(insertFleet)
      const owner = organisation.serial
      const group = await suite.write((stores) => stores.groups.insert(rows.newGroup(owner)))
      const grouped = await times(5, () => insert(owner, { group: group.serial }))
      await insert(owner, { status: 'disabled', group: group.serial, product: product.serial })
      const filter = { organisation: owner, group: group.serial, status: 'active' as const }
      await expectSlices((slice) => suite.read.devices.list(filter, slice), grouped)
      const count = (more: object) => suite.read.devices.count({ organisation: owner, ...more })
      expect(await count({})).toBe(7)
      expect(await count({ group: group.serial })).toBe(6)
      expect(await count({ product: product.serial })).toBe(2)
      expect(await count({ status: 'disabled' })).toBe(1)
      expect(await count({ product: product.serial, status: 'disabled' })).toBe(1)
    })

    it('lists and counts the devices of given serials alone', async () => {
      const [mine, other] = [await insertOrganisation(), await insertOrganisation()]
      const [first, second, third] = [await insert(mine), await insert(mine), await insert(mine)]
      const stranger = await insert(other)
      const serials = [third.serial, stranger.serial, first.serial, 999_999, first.serial]
      const { devices } = suite.read
      const filter = { organisation: mine, serials }
      expect(await devices.list(filter, { limit: 9 })).toEqual([first, third])
      expect(await devices.list(filter, { limit: 9, order: 'desc' })).toEqual([third, first])
      expect(await devices.list(filter, { limit: 1, after: first.serial })).toEqual([third])
      expect(await devices.list({ ...filter, search: second.key }, { limit: 9 })).toEqual([])
      expect(await devices.listFacts(filter, { limit: 9 })).toEqual([
        { device: first, running: [] },
        { device: third, running: [] },
      ])
      expect(await devices.count(filter)).toBe(2)
      expect(await devices.list({ organisation: mine, serials: [] }, { limit: 9 })).toEqual([])
      expect(await devices.count({ organisation: mine, serials: [] })).toBe(0)
    })

    it('searches key and name literally and without case', async () => {
      const organisation = await insertOrganisation()
      await insert(organisation, { key: 'Truck-1', name: 'has 100% grip' })
      await insert(organisation, { key: 'b', name: 'under_score' })
      await insert(organisation, { key: 'c', name: 'back\\slash' })
      await insert(organisation, { key: 'd', name: "it's a truck" })
      const search = async (more: { search?: string; nameContains?: string }) => {
        const found = await suite.storage.management.devices.list({ organisation, ...more }, { limit: 9 })
        expect(await suite.storage.management.devices.count({ organisation, ...more })).toBe(found.length)
        return found.map(({ key }) => key)
      }
      expect(await search({ search: 'TRUCK' })).toEqual(['Truck-1', 'd'])
      expect(await search({ nameContains: 'Truck' })).toEqual(['d'])
      expect(await search({ search: '%' })).toEqual(['Truck-1'])
      expect(await search({ search: '_' })).toEqual(['b'])
      expect(await search({ search: '\\' })).toEqual(['c'])
      expect(await search({ nameContains: '0% G' })).toEqual(['Truck-1'])
      expect(await search({ nameContains: "'" })).toEqual(['d'])
      expect(await search({ search: 't%k' })).toEqual([])
      await insert(organisation, { key: 'e', name: 'Übermaß' })
      expect(await search({ search: 'ÜBER' })).toEqual(['e'])
      expect(await search({ nameContains: 'überMAß' })).toEqual(['e'])
    })

    it('finds parts of any length as they stand after changes, page by page, within the other filters', async () => {
      const { organisation: mine, product } = await suite.write(insertFleet)
      const [organisation, other] = [mine.serial, await insertOrganisation()]
      const all = await times(5, () => insert(organisation, { name: 'Pump "A" 🚀🚀🚀 x' }))
      await insert(other, { name: 'Pump "A" 🚀🚀🚀 x' })
      const { devices } = suite.storage.management
      for (const search of ['pump', '"a"', 'p "', 'A" 🚀🚀🚀 X', '🚀🚀🚀', '🚀', 'ump "a" 🚀🚀🚀'])
        await expectSlices((slice) => devices.list({ organisation, search }, slice), all)
      const keys = async (filter: Partial<DeviceFilter>) =>
        (await devices.list({ organisation, ...filter }, { limit: 9 })).map(({ key }) => key)
      const [first, second, third] = all
      if (!first || !second || !third) throw new Error('five devices')
      await suite.write(({ devices: stores }) =>
        stores.update(first.serial, { name: 'Ventil', product: product.serial }),
      )
      await suite.write(({ devices: stores }) => stores.update(second.serial, { tags: { site: 'graz' } }))
      await suite.write(({ devices: stores }) => stores.delete(third.serial))
      await expect(
        suite.write(async ({ devices: stores }) => {
          await stores.update(second.serial, { name: 'Ventil' })
          throw new Error('rolled back')
        }),
      ).rejects.toThrow('rolled back')
      expect(await keys({ search: 'ventil' })).toEqual([first.key])
      expect(await keys({ search: 'ventil', product: product.serial, serials: [first.serial] })).toEqual([first.key])
      expect(await keys({ search: 'ventil', product: product.serial + 999 })).toEqual([])
      expect(await keys({ search: first.key.slice(1), nameContains: 'ventil' })).toEqual([first.key])
      expect(await keys({ search: first.key.slice(1), nameContains: first.key.slice(1) })).toEqual([])
      expect(await keys({ search: 'pump' })).toEqual(
        all
          .slice(1)
          .filter((one) => one !== third)
          .map(({ key }) => key),
      )
      expect(await devices.count({ organisation, search: 'pump' })).toBe(3)
      expect(await keys({ search: 'no such' })).toEqual([])
    })

    it('moves last seen forward only, for many at once, without a new revision', async () => {
      const organisation = await insertOrganisation()
      const [a, b, c] = await times(3, () => insert(organisation, { lastSeenAt: START }))
      if (!a || !b || !c) throw new Error('three devices')
      const fresh = await insert(organisation)
      await suite.write((stores) =>
        stores.devices.touch([
          { device: a.serial, at: START + 5 },
          { device: b.serial, at: START - 5 },
          { device: fresh.serial, at: START },
          { device: fresh.serial + 9999, at: START },
        ]),
      )
      await suite.write((stores) => stores.devices.touch([]))
      expect(await suite.read.devices.list({ organisation }, { limit: 9 })).toEqual([
        { ...a, lastSeenAt: START + 5 },
        b,
        c,
        { ...fresh, lastSeenAt: START },
      ])
    })

    it('takes every member out of a group', async () => {
      const organisation = await insertOrganisation()
      const group = await suite.write((stores) => stores.groups.insert(rows.newGroup(organisation)))
      const members = await times(3, () => insert(organisation, { group: group.serial }))
      await insert(organisation)
      expect(await suite.write((stores) => stores.devices.clearGroup(group.serial))).toBe(3)
      expect(await suite.write((stores) => stores.devices.clearGroup(group.serial))).toBe(0)
      expect(await suite.read.devices.count({ organisation, group: group.serial })).toBe(0)
      expect((await suite.read.devices.find(members[0]?.serial ?? 0))?.group).toBeNull()
      expect(await suite.read.devices.count({ organisation })).toBe(4)
    })

    it('deletes a device with everything that is its own', async () => {
      const { organisation, device, release, module } = await suite.write(insertFleet)
      const alias = { slot: 'enos/asset-id', scope: organisation.serial, name: 'zzz' }
      const { credential, assignment, update } = await suite.write(async (stores) => {
        await stores.aliases.claim({ ...alias, kind: 'device', owner: device.serial })
        await stores.running.put({ device: device.serial, module: module.serial, version: '1', reportedAt: START })
        return {
          credential: await stores.credentials.insert(rows.newCredential(device)),
          assignment: await stores.assignments.put(rows.newAssignment(device, release)),
          update: await stores.updates.insert(rows.newUpdate(device, release)),
        }
      })
      await suite.write((stores) => stores.devices.delete(device.serial))
      const { read } = suite
      expect(await read.devices.findByKey(organisation.serial, device.key)).toBeUndefined()
      expect(await read.credentials.find(credential.serial)).toBeUndefined()
      expect(await read.running.listByDevice(device.serial)).toEqual([])
      expect(await read.assignments.findById(organisation.serial, assignment.id)).toBeUndefined()
      expect(await read.updates.find(update.serial)).toBeUndefined()
      expect(await read.aliases.find(alias.slot, alias.scope, alias.name)).toBeUndefined()
      await suite.write((stores) => stores.devices.delete(device.serial))
    })
  })
}
