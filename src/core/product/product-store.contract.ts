import { describe, expect, it } from 'vitest'
import {
  newDataFile,
  newDevice,
  newFirmware,
  newModule,
  newOrganisation,
  newProduct,
  newRelease,
  someId,
} from '../../../test/support/rows.ts'
import { conflict, expectSlices, IN_USE, insertFleet, times, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'

/** Products and modules. */
export function describeProductStores(name: string, open: () => Promise<Storage>): void {
  describe(`product stores: ${name}`, () => {
    const suite = useStorage(open)
    const insertOrganisation = () => suite.write((stores) => stores.organisations.insert(newOrganisation()))
    const insertProduct = (organisation: number, given?: Parameters<typeof newProduct>[1]) =>
      suite.write((stores) => stores.products.insert(newProduct(organisation, given)))

    it('returns a new product whole, and only to its organisation', async () => {
      const [mine, other] = [await insertOrganisation(), await insertOrganisation()]
      const row = newProduct(mine.serial, {
        distribution: 'catalogue',
        downgrades: 'forbidden',
        aliases: { 'enos/product-key': 'x' },
      })
      const product = await suite.write((stores) => stores.products.insert(row))
      expect(product).toEqual({ ...row, serial: expect.any(Number), revision: 1 })
      expect(await suite.read.products.find(product.serial)).toEqual(product)
      expect(await suite.read.products.findById(mine.serial, row.id)).toEqual(product)
      expect(await suite.read.products.findById(other.serial, row.id)).toBeUndefined()
      expect(await suite.read.products.findByKey(mine.serial, row.key)).toEqual(product)
      expect(await suite.read.products.findByKey(other.serial, row.key)).toBeUndefined()
    })

    it('finds a key in every organisation', async () => {
      const [mine, other] = [await insertOrganisation(), await insertOrganisation()]
      const key = `shared-${mine.serial}`
      const first = await insertProduct(mine.serial, { key })
      await insertProduct(mine.serial)
      const second = await insertProduct(other.serial, { key })
      expect(await suite.read.products.listByKeyOnServer(key, 9)).toEqual([first, second])
      expect(await suite.read.products.listByKeyOnServer(key, 1)).toEqual([first])
      expect(await suite.read.products.listByKeyOnServer(key.toUpperCase(), 9)).toEqual([])
    })

    it('slices the products of an organisation', async () => {
      const [mine, other] = [await insertOrganisation(), await insertOrganisation()]
      await insertProduct(other.serial)
      const all = await times(5, () => insertProduct(mine.serial))
      await expectSlices((slice) => suite.read.products.list(mine.serial, slice), all)
    })

    it('refuses a taken key within the organisation, id or serial', async () => {
      const [mine, other] = [await insertOrganisation(), await insertOrganisation()]
      const { key, id, serial } = await insertProduct(mine.serial, { key: 'Panel' })
      await expect(insertProduct(mine.serial, { key })).rejects.toMatchObject(conflict('product', 'key'))
      await expect(insertProduct(mine.serial, { id })).rejects.toMatchObject(conflict('product', 'id'))
      await expect(insertProduct(mine.serial, { serial })).rejects.toMatchObject(conflict('product', 'serial'))
      expect((await insertProduct(mine.serial, { key: 'panel' })).key).toBe('panel')
      const elsewhere = await insertProduct(other.serial, { key })
      const { serial: renamed } = await insertProduct(other.serial)
      const rename = suite.write((stores) => stores.products.update(renamed, { key: elsewhere.key }))
      await expect(rename).rejects.toMatchObject(conflict('product', 'key'))
    })

    it('changes a product only from the expected revision', async () => {
      const row = await insertProduct((await insertOrganisation()).serial)
      const update = (title: string, ifRevision?: number) =>
        suite.write((stores) =>
          stores.products.update(row.serial, { name: title, downgrades: 'forbidden' }, ifRevision),
        )
      const after = { ...row, name: 'A', downgrades: 'forbidden', revision: 2 }
      expect(await update('A', 1)).toEqual(after)
      expect(await update('B', 1)).toBeUndefined()
      expect(await suite.read.products.find(row.serial)).toEqual(after)
    })

    it('deletes a product with its modules', async () => {
      const product = await insertProduct((await insertOrganisation()).serial)
      const module = await suite.write((stores) => stores.modules.insert(newModule(product)))
      await suite.write((stores) => stores.products.delete(product.serial))
      expect(await suite.read.products.find(product.serial)).toBeUndefined()
      expect(await suite.read.modules.find(module.serial)).toBeUndefined()
    })

    it('takes a deleted product out of its organisation and a deleted module out of data files', async () => {
      const { organisation, device } = await suite.write(insertFleet)
      const product = await insertProduct(organisation.serial)
      const module = await suite.write((stores) => stores.modules.insert(newModule(product)))
      const alias = { slot: 's', scope: organisation.serial, name: product.key, kind: 'product' as const }
      const file = await suite.write(async (stores) => {
        await stores.organisations.update(organisation.serial, { defaultProduct: product.serial })
        await stores.aliases.claim({ ...alias, owner: product.serial })
        return stores.dataFiles.insert(newDataFile(device, { module: module.serial }))
      })
      await suite.write((stores) => stores.products.delete(product.serial))
      expect((await suite.read.organisations.find(organisation.serial))?.defaultProduct).toBeNull()
      expect(await suite.read.aliases.find(alias.slot, alias.scope, alias.name)).toBeUndefined()
      expect((await suite.read.dataFiles.find(file.serial))?.module).toBeNull()
    })

    it('finds the products of a key in every organisation, by serial', async () => {
      const key = `shared-${someId()}`
      const owners = await times(3, insertOrganisation)
      const all = await times(3, (index) => insertProduct(owners[index]?.serial ?? 0, { key }))
      expect(await suite.read.products.listByKeyOnServer(key, 9)).toEqual(all)
      expect(await suite.read.products.listByKeyOnServer(key, 2)).toEqual(all.slice(0, 2))
      expect(await suite.read.products.listByKeyOnServer(key.toUpperCase(), 9)).toEqual([])
    })

    it('keeps a product while a device, a firmware or a release refers to it', async () => {
      const { serial: organisation } = await insertOrganisation()
      const [a, b, c] = await times(3, () => insertProduct(organisation))
      if (!a || !b || !c) throw new Error('three products')
      await suite.write(async (stores) => {
        await stores.devices.insert(newDevice(organisation, { product: a.serial }))
        const firmware = await stores.firmware.insert(newFirmware(organisation, { product: b.serial }))
        await stores.releases.insert(newRelease(firmware, { product: c.serial, isSilent: false }))
      })
      for (const product of [a, b, c]) {
        await expect(suite.write((stores) => stores.products.delete(product.serial))).rejects.toMatchObject(IN_USE)
        expect(await suite.read.products.find(product.serial)).toEqual(product)
      }
    })

    it('lists modules primary first, then in order of creation', async () => {
      const product = await insertProduct((await insertOrganisation()).serial)
      const insert = (key: string, isPrimary: boolean) =>
        suite.write((stores) => stores.modules.insert(newModule(product, { key, isPrimary })))
      const [b, a, main] = [await insert('b', false), await insert('a', false), await insert('main', true)]
      expect(await suite.read.modules.listByProduct(product.serial)).toEqual([main, b, a])
      expect(await suite.read.modules.find(a.serial)).toEqual(a)
      expect(await suite.read.modules.findByKey(product.serial, 'a')).toEqual(a)
      expect(await suite.read.modules.findByKey(product.serial, 'c')).toBeUndefined()
      await expect(insert('a', false)).rejects.toMatchObject(conflict('module', 'key'))
      const again = (given: object) =>
        suite.write((stores) => stores.modules.insert(newModule(product, { key: 'd', isPrimary: false, ...given })))
      await expect(again({ id: a.id })).rejects.toMatchObject(conflict('module', 'id'))
      await expect(again({ serial: a.serial })).rejects.toMatchObject(conflict('module', 'serial'))
    })

    it('changes and deletes a module, unless firmware or a running version refers to it', async () => {
      const { product, module, device } = await suite.write(insertFleet)
      const changed = await suite.write((stores) => stores.modules.update(module.serial, { name: 'M' }, 1))
      expect(changed).toEqual({ ...module, name: 'M', revision: 2 })
      expect(await suite.write((stores) => stores.modules.update(module.serial, { name: 'N' }, 1))).toBeUndefined()
      const [reported, unused] = await times(2, (index) =>
        suite.write((stores) => stores.modules.insert(newModule(product, { key: `m${index}`, isPrimary: false }))),
      )
      if (!reported || !unused) throw new Error('two modules')
      const running = { device: device.serial, module: reported.serial, version: '1', reportedAt: 1 }
      await suite.write((stores) => stores.running.put(running))
      for (const { serial } of [module, reported]) {
        await expect(suite.write((stores) => stores.modules.delete(serial))).rejects.toMatchObject(IN_USE)
      }
      await suite.write((stores) => stores.modules.delete(unused.serial))
      expect(await suite.read.modules.listByProduct(product.serial)).toEqual([changed, reported])
    })
  })
}
