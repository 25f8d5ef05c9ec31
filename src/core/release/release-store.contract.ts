import { describe, expect, it } from 'vitest'
import * as rows from '../../../test/support/rows.ts'
import { conflict, expectSlices, IN_USE, insertFleet, times, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'

export function describeReleaseStore(name: string, open: () => Promise<Storage>): void {
  describe(`release store: ${name}`, () => {
    const suite = useStorage(open)
    type Given = Parameters<typeof rows.newRelease>
    const insert = (...given: Given) => suite.write((stores) => stores.releases.insert(rows.newRelease(...given)))

    it('returns a new release whole, and only to its organisation', async () => {
      const [mine, other] = [await suite.write(insertFleet), await suite.write(insertFleet)]
      const second = await suite.write((stores) => stores.firmware.insert(rows.newFirmware(mine.organisation.serial)))
      const row = rows.newRelease(mine.firmware, {
        version: '2026.11',
        isSilent: false,
        firmware: [second.serial, mine.firmware.serial],
      })
      const release = await suite.write((stores) => stores.releases.insert(row))
      expect(release).toEqual({ ...row, serial: expect.any(Number), revision: 1 })
      const { releases } = suite.read
      expect(await releases.find(release.serial)).toEqual(release)
      expect(await releases.findById(row.organisation, row.id)).toEqual(release)
      expect(await releases.findById(other.organisation.serial, row.id)).toBeUndefined()
      const product = mine.product.serial
      expect(await releases.findByVersion(row.organisation, product, '2026.11')).toEqual(release)
      expect(await releases.findByVersion(other.organisation.serial, product, '2026.11')).toBeUndefined()
      expect(await releases.findByVersion(row.organisation, other.product.serial, '2026.11')).toBeUndefined()
    })

    it('holds silent releases apart from named ones', async () => {
      const { organisation, product, firmware, release } = await suite.write(insertFleet)
      const { releases } = suite.read
      expect(await releases.findSilent(firmware.serial)).toEqual(release)
      expect(await releases.findByVersion(organisation.serial, product.serial, firmware.version)).toBeUndefined()
      expect(await releases.list({ organisation: organisation.serial }, { limit: 9 })).toEqual([])

      const named = await insert(firmware, { isSilent: false })
      expect(await releases.findByVersion(organisation.serial, product.serial, firmware.version)).toEqual(named)
      expect(await releases.findSilent(firmware.serial)).toEqual(release)
      await expect(insert(firmware, { isSilent: false })).rejects.toMatchObject(conflict('release', 'version'))
    })

    it('makes one silent release of a firmware, even when two ask at once', async () => {
      const { organisation } = await suite.write(insertFleet)
      const firmware = await suite.write((stores) => stores.firmware.insert(rows.newFirmware(organisation.serial)))
      const outcomes = await Promise.allSettled([insert(firmware), insert(firmware)])
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
      expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'conflict' } })
    })

    it('slices the named releases of an organisation or a product', async () => {
      const { organisation, product, firmware } = await suite.write(insertFleet)
      const all = await times(5, (index) => insert(firmware, { isSilent: false, version: `v${index}` }))
      const loose = await insert(firmware, { isSilent: false, version: 'loose', product: null })
      const filter = { organisation: organisation.serial, product: product.serial }
      await expectSlices((slice) => suite.read.releases.list(filter, slice), all)
      expect(await suite.read.releases.list({ organisation: organisation.serial }, { limit: 9 })).toEqual([
        ...all,
        loose,
      ])
    })

    it('deletes a release, unless an assignment or an update refers to it', async () => {
      const fleets = await times(3, () => suite.write(insertFleet))
      const [assigned, updated, free] = fleets
      if (!assigned || !updated || !free) throw new Error('three fleets')
      await suite.write(async (stores) => {
        await stores.assignments.put(rows.newAssignment(assigned.device, assigned.release))
        await stores.updates.insert(rows.newUpdate(updated.device, updated.release))
      })
      for (const { release } of [assigned, updated]) {
        await expect(suite.write((stores) => stores.releases.delete(release.serial))).rejects.toMatchObject(IN_USE)
        expect(await suite.read.releases.find(release.serial)).toEqual(release)
      }
      await suite.write((stores) => stores.releases.delete(free.release.serial))
      expect(await suite.read.releases.find(free.release.serial)).toBeUndefined()
      expect(await suite.read.firmware.find(free.firmware.serial)).toEqual(free.firmware)
    })
  })
}
