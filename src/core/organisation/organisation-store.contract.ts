import { describe, expect, it } from 'vitest'
import { newOrganisation } from '../../../test/support/rows.ts'
import { conflict, expectSlices, times, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'

export function describeOrganisationStore(name: string, open: () => Promise<Storage>): void {
  describe(`organisation store: ${name}`, () => {
    const suite = useStorage(open)
    const insert = (given?: Parameters<typeof newOrganisation>[0]) =>
      suite.write((stores) => stores.organisations.insert(newOrganisation(given)))

    it('slices the list', async () => {
      const all = await times(5, () => insert())
      await expectSlices((slice) => suite.read.organisations.list(slice), all)
    })

    it('returns a new organisation whole, by serial, id and key', async () => {
      const row = newOrganisation({ aliases: { 'enos/org-id': 'o1' }, settings: { a: true, b: 2, c: 'three' } })
      const inserted = await insert(row)
      expect(inserted).toEqual({ ...row, serial: expect.any(Number), revision: 1 })
      expect(await suite.read.organisations.find(inserted.serial)).toEqual(inserted)
      expect(await suite.read.organisations.findById(row.id)).toEqual(inserted)
      expect(await suite.read.organisations.findByKey(row.key)).toEqual(inserted)
      expect(await suite.read.organisations.find(inserted.serial + 1000)).toBeUndefined()
      expect(await suite.read.organisations.findById('0'.repeat(24))).toBeUndefined()
      expect(await suite.read.organisations.findByKey(row.key.toUpperCase())).toBeUndefined()
    })

    it('refuses a taken key or id', async () => {
      const { key, id } = await insert()
      await expect(insert({ key })).rejects.toMatchObject(conflict('organisation', 'key'))
      await expect(insert({ id })).rejects.toMatchObject(conflict('organisation', 'id'))
    })

    it('changes what is given, counts the revision, and only from the expected one', async () => {
      const row = await insert()
      const update = (...args: [patch: { frozen: boolean }, ifRevision?: number]) =>
        suite.write((stores) => stores.organisations.update(row.serial, ...args))
      expect(await update({ frozen: true })).toEqual({ ...row, frozen: true, revision: 2 })
      expect(await update({ frozen: false }, 1)).toBeUndefined()
      expect(await update({ frozen: false }, 2)).toEqual({ ...row, frozen: false, revision: 3 })
      expect(await suite.read.organisations.find(row.serial)).toEqual({ ...row, revision: 3 })
      expect(
        await suite.write((stores) => stores.organisations.update(row.serial + 1000, { frozen: true })),
      ).toBeUndefined()
    })
  })
}
