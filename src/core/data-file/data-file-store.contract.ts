import { describe, expect, it } from 'vitest'
import { START } from '../../../test/support/fixed-clock.ts'
import { newDataFile, newDevice, someHash } from '../../../test/support/rows.ts'
import { expectSlices, insertFleet, times, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'

export function describeDataFileStore(name: string, open: () => Promise<Storage>): void {
  describe(`data file store: ${name}`, () => {
    const suite = useStorage(open)
    const insert = (...given: Parameters<typeof newDataFile>) =>
      suite.write((stores) => stores.dataFiles.insert(newDataFile(...given)))

    it('returns a data file whole, before and after its upload, and only to its organisation', async () => {
      const [{ device, module }, other] = [await suite.write(insertFleet), await suite.write(insertFleet)]
      const row = newDataFile(device, { module: module.serial, type: 'trace' })
      const file = await suite.write((stores) => stores.dataFiles.insert(row))
      expect(file).toEqual({ ...row, serial: expect.any(Number), revision: 1 })
      const uploaded = { sha256: someHash(), size: 2 ** 33, uploadedAt: START }
      const changed = await suite.write((stores) => stores.dataFiles.update(file.serial, uploaded))
      expect(changed).toEqual({ ...file, ...uploaded, revision: 2 })
      expect(await suite.read.dataFiles.find(file.serial)).toEqual(changed)
      expect(await suite.read.dataFiles.findById(device.organisation, row.id)).toEqual(changed)
      expect(await suite.read.dataFiles.findById(other.organisation.serial, row.id)).toBeUndefined()
      expect(await suite.write((stores) => stores.dataFiles.update(file.serial + 9999, uploaded))).toBeUndefined()
    })

    it('slices a list, filters it, and sums what a device has stored', async () => {
      const { organisation, device } = await suite.write(insertFleet)
      const second = await suite.write((stores) => stores.devices.insert(newDevice(organisation.serial)))
      const stored = (size: number) => ({ sha256: someHash(), size, uploadedAt: START })
      const all = await times(5, (index) => insert(device, stored(index)))
      const trace = await insert(second, { ...stored(2 ** 32), type: 'trace' })
      const owner = organisation.serial
      const list = (filter: object) => suite.read.dataFiles.list({ organisation: owner, ...filter }, { limit: 9 })
      await expectSlices(
        (slice) => suite.read.dataFiles.list({ organisation: owner, device: device.serial, type: 'log' }, slice),
        all,
      )
      expect(await list({})).toEqual([...all, trace])
      expect(await list({ type: 'trace' })).toEqual([trace])
      expect(await list({ device: device.serial, type: 'trace' })).toEqual([])
      expect(await suite.read.dataFiles.usage(device.serial)).toEqual({ files: 5, bytes: 10 })
      expect(await suite.read.dataFiles.usage(second.serial)).toEqual({ files: 1, bytes: 2 ** 32 })
      expect(await suite.read.dataFiles.usage(second.serial + 9999)).toEqual({ files: 0, bytes: 0 })
    })

    it('deletes one, and in batches those made before a time', async () => {
      const { device } = await suite.write(insertFleet)
      const [gone] = await times(4, () => insert(device, { createdAt: 1000 }))
      const kept = await insert(device, { createdAt: 2000 })
      await suite.write((stores) => stores.dataFiles.delete(gone?.serial ?? 0))
      const collect = (limit: number) => suite.write((stores) => stores.dataFiles.deleteBefore(2000, limit))
      expect(await collect(2)).toBe(2)
      expect(await collect(2)).toBe(1)
      expect(await collect(2)).toBe(0)
      const filter = { organisation: device.organisation }
      expect(await suite.read.dataFiles.list(filter, { limit: 9 })).toEqual([kept])
    })
  })
}
