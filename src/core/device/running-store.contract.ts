import { describe, expect, it } from 'vitest'
import { START } from '../../../test/support/fixed-clock.ts'
import * as rows from '../../../test/support/rows.ts'
import { expectSlices, insertFleet, times, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'

export function describeRunningStore(name: string, open: () => Promise<Storage>): void {
  describe(`running store: ${name}`, () => {
    const suite = useStorage(open)
    const put = (device: number, module: number, version: string, reportedAt = START) =>
      suite.write((stores) => stores.running.put({ device, module, version, reportedAt }))

    it('keeps the version that was replaced, and only when it differs', async () => {
      const { device, module } = await suite.write(insertFleet)
      const of = (version: string, previousVersion: string | null, reportedAt: number) => {
        return { device: device.serial, module: module.serial, version, previousVersion, reportedAt }
      }
      expect(await put(device.serial, module.serial, '1', 10)).toEqual(of('1', null, 10))
      expect(await put(device.serial, module.serial, '1', 20)).toEqual(of('1', null, 20))
      expect(await put(device.serial, module.serial, '2', 30)).toEqual(of('2', '1', 30))
      expect(await put(device.serial, module.serial, '2', 40)).toEqual(of('2', '1', 40))
      expect(await put(device.serial, module.serial, '1', 50)).toEqual(of('1', '2', 50))
      expect(await suite.read.running.listByDevice(device.serial)).toEqual([of('1', '2', 50)])
    })

    it('knows the versions that devices could be sent back to', async () => {
      const { device, module } = await suite.write(insertFleet)
      const put = (version: string) =>
        suite.write((stores) =>
          stores.running.put({ device: device.serial, module: module.serial, version, reportedAt: START }),
        )
      await put('1.0.0')
      expect(await suite.read.running.isPrevious(module.serial, '1.0.0')).toBe(false)
      await put('1.1.0')
      expect(await suite.read.running.isPrevious(module.serial, '1.0.0')).toBe(true)
      expect(await suite.read.running.isPrevious(module.serial, '1.1.0')).toBe(false)
      expect(await suite.read.running.isPrevious(module.serial + 1, '1.0.0')).toBe(false)
    })

    it('lists what several devices run', async () => {
      const { organisation, product, module, device: a } = await suite.write(insertFleet)
      const second = await suite.write((stores) =>
        stores.modules.insert(rows.newModule(product, { key: 'second', isPrimary: false })),
      )
      const [b, c] = await times(2, () =>
        suite.write((stores) => stores.devices.insert(rows.newDevice(organisation.serial))),
      )
      if (!b || !c) throw new Error('two devices')
      const all = [
        await put(a.serial, module.serial, '1'),
        await put(a.serial, second.serial, '2'),
        await put(b.serial, module.serial, '3'),
      ]
      const listed = await suite.read.running.listByDevices([a.serial, b.serial, c.serial])
      expect(listed).toHaveLength(3)
      expect(listed).toEqual(expect.arrayContaining(all))
      expect(await suite.read.running.listByDevices([])).toEqual([])
    })

    it('lists the versions of a product once each, by code point', async () => {
      const { organisation, module, product } = await suite.write(insertFleet)
      const versions = ['b', 'a', 'B', '10', '9', 'a', 'ä', '\u{10000}', '\uFFFD']
      for (const version of versions) {
        const device = await suite.write((stores) => stores.devices.insert(rows.newDevice(organisation.serial)))
        await put(device.serial, module.serial, version)
      }
      const sorted = ['10', '9', 'B', 'a', 'b', 'ä', '\uFFFD', '\u{10000}']
      expect(await suite.read.running.versionsOfProduct(product.serial)).toEqual(sorted)
      const { product: other } = await suite.write(insertFleet)
      expect(await suite.read.running.versionsOfProduct(other.serial)).toEqual([])
    })

    it('finds devices by what the primary module of their product runs', async () => {
      const { organisation, product, module, device: silent } = await suite.write(insertFleet)
      const owner = organisation.serial
      const other = await suite.write((stores) => stores.products.insert(rows.newProduct(owner)))
      const otherModule = await suite.write((stores) => stores.modules.insert(rows.newModule(other)))
      const second = await suite.write((stores) =>
        stores.modules.insert(rows.newModule(product, { key: 'second', isPrimary: false })),
      )
      const reporting = async (of: { serial: number }, on: { serial: number }, version: string) => {
        const row = rows.newDevice(owner, { product: of.serial })
        const device = await suite.write((stores) => stores.devices.insert(row))
        await put(device.serial, on.serial, version)
        return device
      }
      await put(silent.serial, second.serial, '1')
      const five = await times(5, () => reporting(product, module, '1'))
      const newer = await reporting(product, module, '2')
      const foreign = await reporting(other, otherModule, '1')
      await reporting(other, module, '1')

      const list = (filter: object) =>
        suite.storage.management.running.listReporting({ organisation: owner, ...filter }, { limit: 99 })
      const serials = (devices: readonly { serial: number }[]) => devices.map(({ serial }) => serial)
      await expectSlices(
        async (slice) => {
          const filter = { organisation: owner, products: [product.serial], versions: ['1', '7'] }
          const found = await suite.read.running.listReporting(filter, slice)
          return found.map((serial) => ({ serial }))
        },
        five.map(({ serial }) => ({ serial })),
      )
      expect(await list({})).toEqual(serials([...five, newer, foreign]))
      expect(await list({ versions: ['2'] })).toEqual([newer.serial])
      expect(await list({ products: [other.serial] })).toEqual([foreign.serial])
      expect(await list({ products: [] })).toEqual([])
      expect(await list({ versions: [] })).toEqual([])
      const { organisation: stranger } = await suite.write(insertFleet)
      expect(await list({ organisation: stranger.serial })).toEqual([])
    })

    it('tells devices that are upgrading from those that are not', async () => {
      const { organisation, product, module, device: busy, release } = await suite.write(insertFleet)
      const idle = await suite.write((stores) =>
        stores.devices.insert(rows.newDevice(organisation.serial, { product: product.serial })),
      )
      await put(busy.serial, module.serial, '1')
      await put(idle.serial, module.serial, '1')
      await suite.write(async (stores) => {
        await stores.updates.insert(rows.newUpdate(busy, release, { state: 'installing' }))
        await stores.updates.insert(rows.newUpdate(idle, release, { state: 'succeeded', closedAt: START }))
      })
      const list = (isUpgrading: boolean) =>
        suite.read.running.listReporting({ organisation: organisation.serial, isUpgrading }, { limit: 9 })
      expect(await list(true)).toEqual([busy.serial])
      expect(await list(false)).toEqual([idle.serial])
    })
  })
}
