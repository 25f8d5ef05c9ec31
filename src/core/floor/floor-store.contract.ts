import { describe, expect, it } from 'vitest'
import * as rows from '../../../test/support/rows.ts'
import { conflict, IN_USE, insertFleet, times, useStorage } from '../../../test/support/storage-suite.ts'
import type { Change, Storage } from '../ports.ts'

export function describeFloorStore(name: string, open: () => Promise<Storage>): void {
  describe(`floor store: ${name}`, () => {
    const suite = useStorage(open)
    type Given = Parameters<typeof rows.newFloor>
    const insert = (...given: Given) => suite.write((stores) => stores.floors.insert(rows.newFloor(...given)))

    it('returns a new floor whole, and only to its organisation', async () => {
      const [mine, other] = [await suite.write(insertFleet), await suite.write(insertFleet)]
      const row = rows.newFloor(mine.firmware, { reason: 'moves the partitions' })
      const floor = await suite.write((stores) => stores.floors.insert(row))
      expect(floor).toEqual({ ...row, serial: expect.any(Number), revision: 1 })
      const { floors } = suite.read
      expect(await floors.find(floor.serial)).toEqual(floor)
      expect(await floors.findById(row.organisation, row.id)).toEqual(floor)
      expect(await floors.findById(other.organisation.serial, row.id)).toBeUndefined()
      expect(await floors.findByFirmware(mine.firmware.serial)).toEqual(floor)
      expect(await floors.findByFirmware(other.firmware.serial)).toBeUndefined()
    })

    it('lists the floors of a product by serial', async () => {
      const [mine, other] = [await suite.write(insertFleet), await suite.write(insertFleet)]
      const target = { product: mine.product.serial, module: mine.module.serial }
      const all = await times(3, async () => {
        const firmware = await suite.write((stores) =>
          stores.firmware.insert(rows.newFirmware(mine.organisation.serial, target)),
        )
        return insert(firmware)
      })
      const elsewhere = await insert(other.firmware)
      expect(await suite.read.floors.listByProduct(mine.product.serial)).toEqual(all)
      expect(await suite.read.floors.listByProduct(other.product.serial)).toEqual([elsewhere])
    })

    it('changes a floor only from the expected revision', async () => {
      const floor = await insert((await suite.write(insertFleet)).firmware)
      const update = (reason: string, ifRevision?: number) =>
        suite.write((stores) => stores.floors.update(floor.serial, { reason }, ifRevision))
      expect(await update('A', 1)).toEqual({ ...floor, reason: 'A', revision: 2 })
      expect(await update('B', 1)).toBeUndefined()
      expect(await suite.read.floors.find(floor.serial)).toEqual({ ...floor, reason: 'A', revision: 2 })
    })

    it('takes a firmware once, even when two ask at once', async () => {
      const { firmware } = await suite.write(insertFleet)
      const outcomes = await Promise.allSettled([insert(firmware), insert(firmware)])
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
      expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'conflict' } })
      await expect(insert(firmware)).rejects.toMatchObject(conflict('floor', 'firmware'))
    })

    it('refuses a taken id or serial, and what does not exist', async () => {
      const { firmware, product } = await suite.write(insertFleet)
      const { id, serial } = await insert(firmware)
      const another = await suite.write(insertFleet)
      await expect(insert(another.firmware, { id })).rejects.toMatchObject(conflict('floor', 'id'))
      await expect(insert(another.firmware, { serial })).rejects.toMatchObject(conflict('floor', 'serial'))
      const nothing = rows.newFloor({ ...another.firmware, serial: 2 ** 40 })
      await expect(suite.write((stores) => stores.floors.insert(nothing))).rejects.toMatchObject({ code: 'not-found' })
      expect(await suite.read.floors.listByProduct(product.serial)).toHaveLength(1)
    })

    it('holds its firmware, with the silent release, until it is deleted', async () => {
      const { firmware, release } = await suite.write(insertFleet)
      const floor = await insert(firmware)
      const drop = () => suite.write((stores) => stores.firmware.delete(firmware.serial))
      await expect(drop()).rejects.toMatchObject(IN_USE)
      expect(await suite.read.firmware.find(firmware.serial)).toEqual(firmware)
      expect(await suite.read.releases.findSilent(firmware.serial)).toEqual(release)
      await suite.write((stores) => stores.floors.delete(floor.serial))
      expect(await suite.read.floors.find(floor.serial)).toBeUndefined()
      await drop()
      expect(await suite.read.firmware.find(firmware.serial)).toBeUndefined()
    })

    it('tells that the fleet changed', async () => {
      const { firmware, organisation } = await suite.write(insertFleet)
      const seen: Change[] = []
      suite.storage.onChange((changes) => seen.push(...changes))
      const { serial } = await insert(firmware)
      expect(seen.splice(0)).toEqual([{ kind: 'fleet', organisation: organisation.serial }])
      await suite.write((stores) => stores.floors.update(serial, { reason: 'other' }))
      expect(seen.splice(0)).toEqual([{ kind: 'fleet', organisation: organisation.serial }])
      await suite.write((stores) => stores.floors.delete(serial))
      expect(seen.splice(0)).toEqual([{ kind: 'fleet', organisation: organisation.serial }])
      await suite.write((stores) => stores.floors.delete(serial))
      expect(seen).toEqual([])
    })
  })
}
