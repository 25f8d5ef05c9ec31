import { describe, expect, it } from 'vitest'
import { START } from '../../../test/support/fixed-clock.ts'
import * as rows from '../../../test/support/rows.ts'
import { conflict, expectSlices, IN_USE, insertFleet, times, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'
import type { Firmware } from './firmware.ts'

/** Firmware and artifacts. */
export function describeFirmwareStores(name: string, open: () => Promise<Storage>): void {
  describe(`firmware stores: ${name}`, () => {
    const suite = useStorage(open)
    type Given = Parameters<typeof rows.newFirmware>
    const insert = (...given: Given) => suite.write((stores) => stores.firmware.insert(rows.newFirmware(...given)))

    it('returns a new firmware whole, by serial, id and alias, and in its organisation alone', async () => {
      const [mine, other] = [await suite.write(insertFleet), await suite.write(insertFleet)]
      const row = rows.newFirmware(mine.organisation.serial, {
        product: mine.product.serial,
        module: mine.module.serial,
        sequence: 2 ** 53 - 1,
        fromVersions: '>=1.2.0 || rev-b',
        sealed: true,
        active: true,
        withdrawn: true,
        name: { default: 'Main', locales: { de: 'Haupt' } },
        description: 'd',
        notes: 'line\nline',
        tags: { channel: 'stable' },
        verification: { enabled: true, verified: true, maxDevices: 5, minSucceeded: 3 },
        declaredDigest: { method: 'md5', value: 'f'.repeat(32) },
        warnings: ['odd', 'very odd'],
        releasedAt: START,
        signature: 'c2ln',
      })
      const firmware = await suite.write((stores) => stores.firmware.insert(row))
      expect(firmware).toEqual({ ...row, serial: expect.any(Number), revision: 1 })
      const { read } = suite
      expect(await read.firmware.find(firmware.serial)).toEqual(firmware)
      expect(await read.firmware.findByFileAlias(row.fileAlias)).toEqual(firmware)
      expect(await read.firmware.findById(row.organisation, row.id)).toEqual(firmware)
      expect(await read.firmware.findById(other.organisation.serial, row.id)).toBeUndefined()
      expect(await read.firmware.findByVersion(row.organisation, mine.module.serial, row.version)).toEqual(firmware)
      expect(
        await read.firmware.findByVersion(other.organisation.serial, mine.module.serial, row.version),
      ).toBeUndefined()
      expect(await read.firmware.findByVersion(row.organisation, mine.module.serial, 'none')).toBeUndefined()
    })

    it('keeps the place among versions, also when it is taken away', async () => {
      const row = await insert((await suite.write(insertFleet)).organisation.serial)
      expect([row.sequence, row.fromVersions]).toEqual([null, null])
      const change = (patch: Partial<Firmware>) =>
        suite.write((stores) =>
          stores.firmware.update(row.serial, patch as Parameters<typeof stores.firmware.update>[1]),
        )
      expect(await change({ sequence: 0, fromVersions: '1.0.0' })).toMatchObject({ sequence: 0, fromVersions: '1.0.0' })
      expect(await change({ sequence: null, fromVersions: null })).toEqual({ ...row, revision: 3 })
    })

    it('has one library firmware per version of a module and per name of a product', async () => {
      const { organisation, product, module, firmware } = await suite.write(insertFleet)
      const owner = organisation.serial
      const second = await suite.write((stores) =>
        stores.modules.insert(rows.newModule(product, { key: 'second', isPrimary: false })),
      )
      const target = { product: product.serial, module: module.serial }
      const { version, name: title } = firmware
      await expect(insert(owner, { ...target, version })).rejects.toMatchObject(conflict('firmware', 'version'))
      await expect(insert(owner, { ...target, name: title })).rejects.toMatchObject(conflict('firmware', 'name'))
      await expect(insert(owner, { ...target, id: firmware.id })).rejects.toMatchObject(conflict('firmware', 'id'))
      await expect(insert(owner, { ...target, serial: firmware.serial })).rejects.toMatchObject(
        conflict('firmware', 'serial'),
      )
      await expect(insert(owner, { ...target, module: second.serial, name: title })).rejects.toMatchObject(
        conflict('firmware', 'name'),
      )
      expect((await insert(owner, { ...target, module: second.serial, version })).version).toBe(version)
      expect((await insert(owner, { version, name: title })).product).toBeNull()
      await expect(insert(owner, { version })).rejects.toMatchObject(conflict('firmware', 'version'))
      await expect(insert(owner, { name: title })).rejects.toMatchObject(conflict('firmware', 'name'))

      const { serial } = await insert(owner, target)
      const rename = (patch: Partial<Firmware>) =>
        suite.write((stores) => stores.firmware.update(serial, patch as Parameters<typeof stores.firmware.update>[1]))
      await expect(rename({ name: title })).rejects.toMatchObject(conflict('firmware', 'name'))
      await expect(rename({ version })).rejects.toMatchObject(conflict('firmware', 'version'))
    })

    it('lets private firmware share versions and names, and never finds it by version', async () => {
      const { organisation, product, module, firmware } = await suite.write(insertFleet)
      const { version, name: title } = firmware
      const twin = { product: product.serial, module: module.serial, version, name: title, scope: 'private' as const }
      await times(2, () => insert(organisation.serial, twin))
      const { read } = suite
      expect(await read.firmware.findByVersion(organisation.serial, module.serial, version)).toEqual(firmware)
      expect(await read.firmware.count({ organisation: organisation.serial, scope: 'private' })).toBe(2)
    })

    it('changes a firmware only from the expected revision', async () => {
      const { firmware } = await suite.write(insertFleet)
      const update = (notes: string, ifRevision?: number) =>
        suite.write((stores) => stores.firmware.update(firmware.serial, { notes, active: true }, ifRevision))
      expect(await update('A', 1)).toEqual({ ...firmware, notes: 'A', active: true, revision: 2 })
      expect(await update('B', 1)).toBeUndefined()
      expect(await update('C')).toMatchObject({ notes: 'C', revision: 3 })
    })

    it('slices and filters lists, with files and counts alike', async () => {
      const { organisation, product, module } = await suite.write(insertFleet)
      const owner = organisation.serial
      const target = { product: product.serial, module: module.serial, active: true }
      const files = await times(5, async () => {
        const firmware = await insert(owner, target)
        const [, artifact] = await suite.write(async (stores) => [
          await stores.artifacts.insert(rows.newArtifact(firmware, { isPrimary: false })),
          await stores.artifacts.insert(rows.newArtifact(firmware)),
        ])
        return { serial: firmware.serial, firmware, artifact }
      })
      const loose = await insert(owner, { withdrawn: true, version: 'loose' })
      const filter = { organisation: owner, active: true }
      await expectSlices(
        (slice) => suite.storage.management.firmware.list(filter, slice),
        files.map(({ firmware }) => firmware),
      )
      await expectSlices(async (slice) => {
        const listed = await suite.read.firmware.listFiles(filter, slice)
        return listed.map((file) => ({ serial: file.firmware.serial, ...file }))
      }, files)

      const list = async (more: object) => {
        const found = await suite.read.firmware.list({ organisation: owner, ...more }, { limit: 99 })
        expect(await suite.read.firmware.count({ organisation: owner, ...more })).toBe(found.length)
        return found
      }
      expect(await list({})).toHaveLength(7)
      expect(await list({ product: null })).toEqual([loose])
      expect(await list({ product: product.serial })).toHaveLength(6)
      expect(await list({ module: module.serial, active: false })).toHaveLength(1)
      expect(await list({ withdrawn: true })).toEqual([loose])
      expect(await list({ version: 'loose' })).toEqual([loose])
      expect(await list({ version: 'Loose' })).toEqual([])
      expect(await list({ scope: 'library' })).toHaveLength(7)
    })

    it('searches version, name and notes literally and without case', async () => {
      const { organisation } = await suite.write(insertFleet)
      const owner = organisation.serial
      await insert(owner, { version: '9.9.9-RC_1' })
      await insert(owner, { version: 'b', name: { default: 'Winter 100%', locales: { de: 'Sommer' } } })
      await insert(owner, { version: 'c', notes: 'fixes C:\\boot' })
      const search = async (text: string) => {
        const found = await suite.read.firmware.list({ organisation: owner, search: text }, { limit: 9 })
        expect(await suite.read.firmware.count({ organisation: owner, search: text })).toBe(found.length)
        return found.map(({ version }) => version)
      }
      expect(await search('rc_1')).toEqual(['9.9.9-RC_1'])
      expect(await search('_')).toEqual(['9.9.9-RC_1'])
      expect(await search('WINTER')).toEqual(['b'])
      expect(await search('%')).toEqual(['b'])
      expect(await search('c:\\BOOT')).toEqual(['c'])
      expect(await search('sommer')).toEqual([])
    })

    it('lists the artifacts of a firmware primary first', async () => {
      const { firmware, artifact } = await suite.write(insertFleet)
      const more = await times(2, () =>
        suite.write((stores) => stores.artifacts.insert(rows.newArtifact(firmware, { isPrimary: false }))),
      )
      const late = await insert(firmware.organisation)
      const [extra, primary] = [{ isPrimary: false }, { isPrimary: true }]
      const [a, b] = await times(2, (index) =>
        suite.write((stores) => stores.artifacts.insert(rows.newArtifact(late, index === 0 ? extra : primary))),
      )
      expect(await suite.read.artifacts.listByFirmware(firmware.serial)).toEqual([artifact, ...more])
      expect(await suite.read.artifacts.listByFirmware(late.serial)).toEqual([b, a])
      expect(await suite.read.artifacts.find(artifact.serial)).toEqual(artifact)
      expect(await suite.read.artifacts.find(artifact.serial + 9999)).toBeUndefined()
    })

    it('deletes a firmware with its artifacts and its silent release', async () => {
      const { firmware, artifact, release } = await suite.write(insertFleet)
      await suite.write((stores) => stores.firmware.delete(firmware.serial))
      expect(await suite.read.firmware.find(firmware.serial)).toBeUndefined()
      expect(await suite.read.artifacts.find(artifact.serial)).toBeUndefined()
      expect(await suite.read.releases.find(release.serial)).toBeUndefined()
    })

    it('keeps a firmware while a named release, an assignment or an update refers to it', async () => {
      const fleets = await times(3, () => suite.write(insertFleet))
      const [named, assigned, updated] = fleets
      if (!named || !assigned || !updated) throw new Error('three fleets')
      await suite.write(async (stores) => {
        await stores.releases.insert(rows.newRelease(named.firmware, { isSilent: false, version: '2026.11' }))
        await stores.assignments.put(rows.newAssignment(assigned.device, assigned.release))
        await stores.updates.insert(rows.newUpdate(updated.device, updated.release, { state: 'failed', closedAt: 1 }))
      })
      for (const { firmware, artifact, release } of fleets) {
        await expect(suite.write((stores) => stores.firmware.delete(firmware.serial))).rejects.toMatchObject(IN_USE)
        expect(await suite.read.artifacts.listByFirmware(firmware.serial)).toEqual([artifact])
        expect(await suite.read.releases.findSilent(firmware.serial)).toEqual(release)
      }
    })
  })
}
