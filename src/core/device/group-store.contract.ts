import { describe, expect, it } from 'vitest'
import * as rows from '../../../test/support/rows.ts'
import { conflict, expectSlices, insertFleet, times, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'

export function describeGroupStore(name: string, open: () => Promise<Storage>): void {
  describe(`group store: ${name}`, () => {
    const suite = useStorage(open)
    const insertOrganisation = async () =>
      (await suite.write((stores) => stores.organisations.insert(rows.newOrganisation()))).serial
    const insert = (organisation: number, given?: Parameters<typeof rows.newGroup>[1]) =>
      suite.write((stores) => stores.groups.insert(rows.newGroup(organisation, given)))

    it('returns a new group whole, by serial, id and key, and in its organisation alone', async () => {
      const [mine, other] = [await insertOrganisation(), await insertOrganisation()]
      const row = rows.newGroup(mine)
      const group = await suite.write((stores) => stores.groups.insert(row))
      expect(group).toEqual({ ...row, serial: expect.any(Number), revision: 1 })
      expect(await suite.read.groups.find(group.serial)).toEqual(group)
      expect(await suite.read.groups.findById(mine, row.id)).toEqual(group)
      expect(await suite.read.groups.findById(other, row.id)).toBeUndefined()
      expect(await suite.read.groups.findByIdOnServer(row.id)).toEqual(group)
      expect(await suite.read.groups.findByKey(mine, row.key)).toEqual(group)
      expect(await suite.read.groups.findByKey(other, row.key)).toBeUndefined()
      await expect(insert(mine, { key: row.key })).rejects.toMatchObject(conflict('group', 'key'))
      await expect(insert(other, { id: row.id })).rejects.toMatchObject(conflict('group', 'id'))
      expect((await insert(other, { key: row.key })).key).toBe(row.key)
    })

    it('slices, searches and counts the groups of an organisation', async () => {
      const organisation = await insertOrganisation()
      const all = await times(5, (index) => insert(organisation, { name: `Group ${index} of 100%` }))
      await insert(organisation, { name: 'else' })
      const filter = { organisation, search: 'of 100%' }
      await expectSlices((slice) => suite.read.groups.list(filter, slice), all)
      expect(await suite.read.groups.count(filter)).toBe(5)
      expect(await suite.read.groups.count({ organisation })).toBe(6)
      expect(
        await suite.read.groups.list({ organisation, search: all[2]?.key.toUpperCase() ?? '' }, { limit: 9 }),
      ).toEqual([all[2]])
    })

    it('changes a group only from the expected revision', async () => {
      const row = await insert(await insertOrganisation())
      const update = (title: string, ifRevision?: number) =>
        suite.write((stores) => stores.groups.update(row.serial, { name: title }, ifRevision))
      expect(await update('A', 1)).toEqual({ ...row, name: 'A', revision: 2 })
      expect(await update('B', 1)).toBeUndefined()
      expect(await update('C')).toEqual({ ...row, name: 'C', revision: 3 })
    })

    it('deletes a group with its credentials and assignment', async () => {
      const { organisation, device, release } = await suite.write(insertFleet)
      const group = await insert(organisation.serial)
      const target = { device: null, group: group.serial }
      const credential = await suite.write(async (stores) => {
        await stores.assignments.put(rows.newAssignment(device, release, target))
        return stores.credentials.insert(rows.newCredential(device, target))
      })
      await suite.write((stores) => stores.groups.delete(group.serial))
      expect(await suite.read.groups.find(group.serial)).toBeUndefined()
      expect(await suite.read.credentials.find(credential.serial)).toBeUndefined()
      expect(await suite.read.assignments.findByGroup(group.serial)).toBeUndefined()
      expect(await suite.read.devices.find(device.serial)).toEqual(device)
    })
  })
}
