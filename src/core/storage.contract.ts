import { describe, expect, it } from 'vitest'
import { START } from '../../test/support/fixed-clock.ts'
import * as rows from '../../test/support/rows.ts'
import { insertFleet, useStorage } from '../../test/support/storage-suite.ts'
import type { Storage, Stores } from './ports.ts'

/** Transactions, readers and settings. */
export function describeStorage(name: string, open: () => Promise<Storage>): void {
  describe(`storage: ${name}`, () => {
    const suite = useStorage(open)
    const fail = (step: (stores: Stores) => Promise<unknown>) =>
      suite.write(async (stores) => {
        await step(stores)
        throw new Error('later step')
      })

    it('answers', async () => {
      await suite.storage.check()
      expect(typeof suite.storage.invalidation.isSoleWriter).toBe('boolean')
    })

    it('makes a committed transaction visible to all readers', async () => {
      const inserted = await suite.write((stores) => stores.organisations.insert(rows.newOrganisation()))
      expect(await suite.storage.read.organisations.findByKey(inserted.key)).toEqual(inserted)
      expect(await suite.storage.management.organisations.findByKey(inserted.key)).toEqual(inserted)
    })

    it('shows a transaction its own writes and nobody else before the commit', async () => {
      const { organisation, device, release } = await suite.write(insertFleet)
      const owner = organisation.serial
      const newer = rows.newDevice(owner)
      const look = async ({ devices, credentials, updates }: Stores) => ({
        renamed: (await devices.find(device.serial))?.name === 'renamed',
        byOldKey: (await devices.findByKey(owner, device.key))?.serial,
        byNewKey: (await devices.findByKey(owner, 'moved'))?.serial,
        inserted: (await devices.findByKey(owner, newer.key))?.key,
        listed: (await devices.list({ organisation: owner }, { limit: 9 })).length,
        counted: await devices.count({ organisation: owner }),
        credentials: (await credentials.listByDevice(device.serial)).length,
        open: (await updates.findOpen(device.serial))?.device,
      })
      const before = {
        renamed: false,
        byOldKey: device.serial,
        byNewKey: undefined,
        inserted: undefined,
        listed: 1,
        counted: 1,
        credentials: 0,
        open: undefined,
      }
      const after = {
        renamed: true,
        byOldKey: undefined,
        byNewKey: device.serial,
        inserted: newer.key,
        listed: 2,
        counted: 2,
        credentials: 1,
        open: device.serial,
      }
      await suite.write(async (stores) => {
        await stores.devices.update(device.serial, { name: 'renamed', key: 'moved' })
        await stores.devices.insert(newer)
        await stores.credentials.insert(rows.newCredential(device))
        await stores.updates.insert(rows.newUpdate(device, release))
        expect(await look(stores)).toEqual(after)
        expect(await look(suite.storage.read)).toEqual(before)
        expect(await look(suite.storage.management)).toEqual(before)
      })
      expect(await look(suite.storage.read)).toEqual(after)
      expect(await look(suite.storage.management)).toEqual(after)
    })

    it('takes back every write of a transaction that throws, and passes the error on', async () => {
      const fleet = await suite.write(insertFleet)
      const { organisation, product, module, device, firmware, release } = fleet
      const owner = organisation.serial
      const credential = await suite.write((stores) => stores.credentials.insert(rows.newCredential(device)))
      const failing = fail(async (stores) => {
        await stores.devices.update(device.serial, { name: 'renamed', key: 'moved' })
        await stores.running.put({ device: device.serial, module: module.serial, version: '1', reportedAt: START })
        await stores.devices.delete(device.serial)
        await stores.devices.insert(rows.newDevice(owner, { key: device.key }))
        await stores.firmware.delete(firmware.serial)
        await stores.products.update(product.serial, { name: 'renamed' })
        await stores.settings.set('undone', '1')
        await stores.events.append(rows.newEvent(owner))
      })
      await expect(failing).rejects.toThrow('later step')
      const { read } = suite
      expect(await read.devices.list({ organisation: owner }, { limit: 9 })).toEqual([device])
      expect(await read.devices.findByKey(owner, device.key)).toEqual(device)
      expect(await read.devices.findByKey(owner, 'moved')).toBeUndefined()
      expect(await read.credentials.findByHash('native', credential.hash ?? '')).toEqual(credential)
      expect(await read.running.listByDevice(device.serial)).toEqual([])
      expect(await read.firmware.listFiles({ organisation: owner }, { limit: 9 })).toHaveLength(1)
      expect(await read.releases.findSilent(firmware.serial)).toEqual(release)
      expect(await read.products.findByKey(owner, product.key)).toEqual(product)
      expect(await read.settings.get('undone')).toBeUndefined()
      expect(await read.events.list({ organisation: owner }, { limit: 9 })).toEqual([])
    })

    it('goes on after a transaction that failed in a store', async () => {
      const { organisation, device } = await suite.write(insertFleet)
      const owner = organisation.serial
      const other = rows.newDevice(owner)
      const failing = suite.write(async (stores) => {
        await stores.devices.insert(other)
        await stores.devices.insert(rows.newDevice(owner, { key: device.key }))
      })
      await expect(failing).rejects.toMatchObject({ code: 'conflict' })
      expect(await suite.read.devices.list({ organisation: owner }, { limit: 9 })).toEqual([device])
      expect((await suite.write((stores) => stores.devices.insert(other))).key).toBe(other.key)
    })

    it('lets a transaction go on after a conflict that it handles', async () => {
      const { organisation, product, device, firmware, release } = await suite.write(insertFleet)
      const owner = organisation.serial
      const clashes: Array<(stores: Stores) => Promise<unknown>> = [
        ({ devices }) => devices.insert(rows.newDevice(owner, { key: device.key })),
        ({ devices }) => devices.insertMany([rows.newDevice(owner), rows.newDevice(owner, { key: device.key })]),
        ({ products }) => products.insert(rows.newProduct(owner, { key: product.key })),
        ({ updates }) => updates.insert(rows.newUpdate(device, release)),
        ({ releases }) => releases.insert(rows.newRelease(firmware)),
      ]
      await suite.write((stores) => stores.updates.insert(rows.newUpdate(device, release)))
      for (const clash of clashes) {
        await suite.write(async (stores) => {
          await expect(clash(stores), String(clash)).rejects.toMatchObject({ code: 'conflict' })
          await stores.settings.set('went-on', String(clash))
        })
        expect(await suite.read.settings.get('went-on')).toBe(String(clash))
      }
      expect(await suite.read.devices.list({ organisation: owner }, { limit: 9 })).toEqual([device])
    })

    it('refuses a row that refers to something that does not exist', async () => {
      const { organisation, device, release, module } = await suite.write(insertFleet)
      const owner = organisation.serial
      const nothing = { serial: 2 ** 31, organisation: owner }
      const dangling: Array<(stores: Stores) => Promise<unknown>> = [
        ({ devices }) => devices.insert(rows.newDevice(nothing.serial)),
        ({ devices }) => devices.insert(rows.newDevice(owner, { product: nothing.serial })),
        ({ devices }) => devices.update(device.serial, { group: nothing.serial }),
        ({ modules }) => modules.insert(rows.newModule(nothing)),
        ({ credentials }) => credentials.insert(rows.newCredential(nothing)),
        ({ running }) => running.put({ device: nothing.serial, module: module.serial, version: '1', reportedAt: 1 }),
        ({ artifacts }) => artifacts.insert(rows.newArtifact(nothing)),
        ({ firmware }) => firmware.insert(rows.newFirmware(owner, { module: nothing.serial })),
        ({ assignments }) => assignments.put(rows.newAssignment(device, nothing)),
        ({ updates }) => updates.insert(rows.newUpdate(nothing, release)),
        ({ memberships }) => memberships.put({ account: nothing.serial, organisation: owner, role: 'owner' }),
      ]
      for (const write of dangling) {
        await expect(suite.write(write), String(write)).rejects.toMatchObject({ code: 'not-found' })
      }
    })

    it('refuses a transaction inside a transaction, and writes outside one', async () => {
      const refused = { code: 'internal' }
      const nested = suite.write(() => suite.write((stores) => stores.settings.set('nested', '1')))
      await expect(nested).rejects.toMatchObject(refused)
      await expect(suite.storage.read.settings.set('outside', '1')).rejects.toMatchObject(refused)
      await expect(suite.storage.management.settings.set('outside', '1')).rejects.toMatchObject(refused)
      await suite.write((stores) => stores.settings.set('works', '1'))
      expect(await suite.read.settings.get('outside')).toBeUndefined()
    })

    it('runs transactions that come at once as if one after the other', async () => {
      await suite.write((stores) => stores.settings.set('counter', '0'))
      const { device, release } = await suite.write(insertFleet)
      const claims = await Promise.all(
        Array.from({ length: 8 }, () =>
          suite.write(async (stores) => {
            const claimed = await stores.once.claim('slot', 'one', { now: 1, expiresAt: 2 })
            if (claimed) await stores.updates.insert(rows.newUpdate(device, release))
            return claimed
          }),
        ),
      )
      expect(claims.filter(Boolean)).toHaveLength(1)
      expect(await suite.read.updates.findOpen(device.serial)).toBeDefined()
    })

    it('hands out rows that cannot spoil what is stored', async () => {
      const { organisation } = await suite.write(insertFleet)
      const tags: Record<string, string> = { a: '1' }
      const given = rows.newDevice(organisation.serial, { tags })
      const device = await suite.write((stores) => stores.devices.insert(given))
      tags['a'] = 'spoilt'
      expect((await suite.read.devices.find(device.serial))?.tags).toEqual({ a: '1' })
    })

    it('keeps settings by name', async () => {
      const { settings } = suite.read
      expect(await settings.get('frozen')).toBeUndefined()
      await suite.write((stores) => stores.settings.set('frozen', 'true'))
      await suite.write((stores) => stores.settings.set('frozen', 'false'))
      expect(await settings.get('frozen')).toBe('false')
      await suite.write((stores) => stores.settings.delete('frozen'))
      await suite.write((stores) => stores.settings.delete('frozen'))
      expect(await settings.get('frozen')).toBeUndefined()
    })
  })
}
