import { describe, expect, it } from 'vitest'
import { START } from '../../../test/support/fixed-clock.ts'
import * as rows from '../../../test/support/rows.ts'
import { conflict, insertFleet, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'

export function describeCredentialStore(name: string, open: () => Promise<Storage>): void {
  describe(`credential store: ${name}`, () => {
    const suite = useStorage(open)
    const insertDevice = async () => (await suite.write(insertFleet)).device
    type Given = Parameters<typeof rows.newCredential>
    const insert = (...given: Given) => suite.write((stores) => stores.credentials.insert(rows.newCredential(...given)))

    it('returns a new credential whole, by serial and by the hash within its scheme', async () => {
      const row = rows.newCredential(await insertDevice(), {
        expiresAt: START,
        details: { cpuId: 'c-1' },
      })
      const credential = await suite.write((stores) => stores.credentials.insert(row))
      expect(credential).toEqual({ ...row, serial: expect.any(Number), revision: 1 })
      expect(await suite.read.credentials.find(credential.serial)).toEqual(credential)
      expect(await suite.read.credentials.findByHash('native', row.hash ?? '')).toEqual(credential)
      expect(await suite.read.credentials.findByHash('iotaap', row.hash ?? '')).toBeUndefined()
    })

    it('finds the devices of many bearer tokens, also of expired ones, and of nothing else', async () => {
      const [first, second] = [await insertDevice(), await insertDevice()]
      const mine = await insert(first, { expiresAt: START })
      const others = await Promise.all(Array.from({ length: 40 }, () => insert(second)))
      await insert(second, { hash: 'e'.repeat(64), sealed: 'sealed' })
      await insert(second, { hash: 'd'.repeat(64), scheme: 'iotaap' })
      const caller = ({ serial, id, key, organisation }: typeof first) => ({ serial, id, key, organisation })
      const asked = [mine, ...others, mine].map(({ hash }) => hash ?? '')
      const find = (hashes: readonly string[]) => suite.read.devices.listByTokens('native', hashes)
      const byHash = (owners: Awaited<ReturnType<typeof find>>) =>
        owners.toSorted((one, other) => (one.hash < other.hash ? -1 : 1))
      expect(byHash(await find([...asked, 'e'.repeat(64), 'd'.repeat(64), rows.someHash()]))).toEqual(
        byHash([
          { hash: mine.hash ?? '', expiresAt: START, device: caller(first) },
          ...others.map(({ hash }) => ({ hash: hash ?? '', expiresAt: null, device: caller(second) })),
        ]),
      )
      expect(await find([])).toEqual([])
    })

    it('refuses a hash twice in one scheme, but not in two, and not its absence', async () => {
      const device = await insertDevice()
      const { hash } = await insert(device)
      await expect(insert(device, { hash })).rejects.toMatchObject(conflict('credential', 'hash'))
      expect((await insert(device, { hash, scheme: 'iotaap' })).hash).toBe(hash)
      const shared = { hash: 'f'.repeat(64), sealed: 'sealed' }
      await insert(device, shared)
      expect(await insert(device, shared)).toMatchObject(shared)
      expect(await suite.read.credentials.findByHash('native', shared.hash)).toBeUndefined()
      await insert(device, { hash: null })
      const { serial } = await insert(device, { hash: null })
      const change = suite.write((stores) => stores.credentials.update(serial, { hash }))
      await expect(change).rejects.toMatchObject(conflict('credential', 'hash'))
    })

    it('inserts many at once in the order given, or none', async () => {
      const device = await insertDevice()
      const many = Array.from({ length: 1500 }, () => rows.newCredential(device))
      const inserted = await suite.write((stores) => stores.credentials.insertMany(many))
      expect(inserted.map(({ hash }) => hash)).toEqual(many.map(({ hash }) => hash))
      expect(await suite.read.credentials.listByDevice(device.serial)).toEqual(inserted)
      const hashes = many.map(({ hash }) => hash ?? '')
      const found = await suite.read.credentials.listByHashes('native', [...hashes, 'f'.repeat(64)])
      expect(found.toSorted((a, b) => a.serial - b.serial)).toEqual(inserted)
      expect(await suite.read.credentials.listByHashes('iotaap', hashes)).toEqual([])
      const again = [rows.newCredential(device), rows.newCredential(device, { hash: inserted[3]?.hash ?? null })]
      const clash = suite.write((stores) => stores.credentials.insertMany(again))
      await expect(clash).rejects.toMatchObject(conflict('credential', 'hash'))
      expect(await suite.read.credentials.listByDevice(device.serial)).toHaveLength(1500)
    })

    it('lists those of a device or a group, oldest first, of one scheme or all', async () => {
      const device = await insertDevice()
      const group = await suite.write((stores) => stores.groups.insert(rows.newGroup(device.organisation)))
      const target = { device: null, group: group.serial, scheme: 'iotaap' }
      const a = await insert(device)
      const b = await insert(device, { scheme: 'enos' })
      const c = await insert(device)
      const d = await insert(device, target)
      const { credentials } = suite.read
      expect(await credentials.listByDevice(device.serial)).toEqual([a, b, c])
      expect(await credentials.listByDevice(device.serial, 'native')).toEqual([a, c])
      expect(await credentials.listByGroup(group.serial)).toEqual([d])
      expect(await credentials.listByGroup(group.serial, 'native')).toEqual([])
    })

    it('tells the schemes of many devices, each device’s oldest first', async () => {
      const [first, second, bare] = [await insertDevice(), await insertDevice(), await insertDevice()]
      await insert(second, { scheme: 'spoke-zone' })
      await insert(first, { scheme: 'native' })
      await insert(first, { scheme: 'enos' })
      const schemes = await suite.read.credentials.listSchemes([first, second, bare, first].map(({ serial }) => serial))
      const of = ({ serial }: { serial: number }) =>
        schemes.filter(({ device }) => device === serial).map(({ scheme }) => scheme)
      expect([of(first), of(second), of(bare)]).toEqual([['native', 'enos'], ['spoke-zone'], []])
      expect(await suite.read.credentials.listSchemes([])).toEqual([])
      const filler = Array.from({ length: 2_500 }, (_, index) => 1_000_000 + index)
      expect(await suite.read.credentials.listSchemes([...filler, second.serial])).toEqual([
        { device: second.serial, scheme: 'spoke-zone' },
      ])
    })

    it('changes and deletes a credential', async () => {
      const device = await insertDevice()
      const row = await insert(device)
      const changed = await suite.write((stores) => stores.credentials.update(row.serial, { generation: 2 }))
      expect(changed).toEqual({ ...row, generation: 2, revision: 2 })
      expect(
        await suite.write((stores) => stores.credentials.update(row.serial + 9999, { generation: 2 })),
      ).toBeUndefined()
      await suite.write((stores) => stores.credentials.delete(row.serial))
      expect(await suite.read.credentials.listByDevice(device.serial)).toEqual([])
      expect((await insert(device, { hash: row.hash })).serial).toBeGreaterThan(row.serial)
    })

    it('deletes those that expired before a time, never those without an end', async () => {
      const device = await insertDevice()
      await insert(device, { expiresAt: 1999 })
      const kept = [await insert(device, { expiresAt: 2000 }), await insert(device)]
      expect(await suite.write((stores) => stores.credentials.deleteExpired(2000))).toBe(1)
      expect(await suite.read.credentials.listByDevice(device.serial)).toEqual(kept)
    })
  })
}
