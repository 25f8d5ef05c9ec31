import { beforeEach, describe, expect, it } from 'vitest'
import * as rows from '../../../test/support/rows.ts'
import { insertFleet, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'

export function describeBlobRecordStore(name: string, open: () => Promise<Storage>): void {
  describe(`blob record store: ${name}`, () => {
    const suite = useStorage(open)
    const touch = (sha256: string, at: number) => suite.write((stores) => stores.blobRecords.touch(sha256, 7, at))
    const collect = (sha256: string, before: number) =>
      suite.write((stores) => stores.blobRecords.deleteIfUnreferenced(sha256, before))
    const unreferenced = (before: number) => suite.read.blobRecords.listUnreferenced(before, 100)

    beforeEach(async () => {
      for (const sha256 of await unreferenced(Number.MAX_SAFE_INTEGER)) await collect(sha256, Number.MAX_SAFE_INTEGER)
    })

    it('knows a blob from its first touch until it is collected', async () => {
      const sha256 = rows.someHash()
      expect(await suite.read.blobRecords.isKnown(sha256)).toBe(false)
      await touch(sha256, 1000)
      expect(await suite.read.blobRecords.isKnown(sha256)).toBe(true)
      expect(await collect(sha256, 1001)).toBe(true)
      expect(await suite.read.blobRecords.isKnown(sha256)).toBe(false)
      expect(await collect(sha256, 1001)).toBe(false)
    })

    it('offers for collection what was last touched before a time', async () => {
      const [old, renewed, fresh] = [rows.someHash(), rows.someHash(), rows.someHash()]
      await touch(old, 1000)
      await touch(renewed, 1000)
      await touch(renewed, 2000)
      await touch(renewed, 1500)
      await touch(fresh, 1999)
      expect(await unreferenced(1000)).toEqual([])
      expect(await unreferenced(1001)).toEqual([old])
      expect((await unreferenced(2000)).sort()).toEqual([old, fresh].sort())
      expect(await suite.read.blobRecords.listUnreferenced(2000, 1)).toHaveLength(1)
      expect(await collect(renewed, 2000)).toBe(false)
      expect(await collect(fresh, 1999)).toBe(false)
      expect(await suite.read.blobRecords.isKnown(renewed)).toBe(true)
    })

    it('never offers or collects a blob to which an artifact or a data file refers', async () => {
      const { firmware, device } = await suite.write(insertFleet)
      const [image, log] = [rows.someHash(), rows.someHash()]
      const file = await suite.write(async (stores) => {
        await stores.blobRecords.touch(image, 7, 1000)
        await stores.blobRecords.touch(log, 7, 1000)
        await stores.artifacts.insert(rows.newArtifact(firmware, { sha256: image, isPrimary: false }))
        return stores.dataFiles.insert(rows.newDataFile(device, { sha256: log, size: 7 }))
      })
      expect(await unreferenced(5000)).toEqual([])
      expect(await collect(image, 5000)).toBe(false)
      expect(await collect(log, 5000)).toBe(false)
      await suite.write(async (stores) => {
        await stores.firmware.delete(firmware.serial)
        await stores.dataFiles.delete(file.serial)
      })
      expect((await unreferenced(5000)).sort()).toEqual([image, log].sort())
      expect(await collect(image, 5000)).toBe(true)
      expect(await collect(log, 5000)).toBe(true)
    })

    it('gives a blob either to a collector or to somebody who uses it, never to both', async () => {
      const { firmware } = await suite.write(insertFleet)
      const sha256 = rows.someHash()
      await touch(sha256, 1000)
      const [, known] = await Promise.all([
        collect(sha256, 5000),
        suite.write(async (stores) => {
          await stores.blobRecords.touch(sha256, 7, 6000)
          await stores.artifacts.insert(rows.newArtifact(firmware, { sha256, isPrimary: false }))
          return stores.blobRecords.isKnown(sha256)
        }),
      ])
      expect(known).toBe(true)
      expect(await suite.read.blobRecords.isKnown(sha256)).toBe(true)
      expect(await collect(sha256, 9000)).toBe(false)
    })
  })
}
