import { describe, expect, it } from 'vitest'
import { newDevice } from '../../../test/support/rows.ts'
import { conflict, insertFleet, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'
import type { Alias } from './device-store.ts'

export function describeAliasStore(name: string, open: () => Promise<Storage>): void {
  describe(`alias store: ${name}`, () => {
    const suite = useStorage(open)
    const claim = (alias: Alias) => suite.write((stores) => stores.aliases.claim(alias))
    const twoDevices = async () => {
      const { organisation, device } = await suite.write(insertFleet)
      const second = await suite.write((stores) => stores.devices.insert(newDevice(organisation.serial)))
      return { scope: organisation.serial, a: device.serial, b: second.serial }
    }

    it('gives a name in a scope to one owner', async () => {
      const { scope, a, b } = await twoDevices()
      const alias = { slot: 'hawkbit/controller-id', scope, name: 'dev-1', kind: 'device' as const, owner: a }
      await claim(alias)
      await claim(alias)
      expect(await suite.read.aliases.find(alias.slot, scope, 'dev-1')).toEqual(alias)
      await expect(claim({ ...alias, owner: b })).rejects.toMatchObject(conflict('alias', 'hawkbit/controller-id'))
      await expect(claim({ ...alias, kind: 'product' })).rejects.toMatchObject(
        conflict('alias', 'hawkbit/controller-id'),
      )
      expect(await suite.read.aliases.find(alias.slot, scope, 'dev-1')).toEqual(alias)
    })

    it('holds names, slots and scopes apart, and heeds case', async () => {
      const { scope, a, b } = await twoDevices()
      const alias = { slot: 's', scope, name: 'x', kind: 'device' as const, owner: a }
      await claim(alias)
      await claim({ ...alias, name: 'X', owner: b })
      await claim({ ...alias, slot: 't', owner: b })
      await claim({ ...alias, scope: 0, owner: b })
      await claim({ ...alias, name: 'second' })
      expect((await suite.read.aliases.find('s', scope, 'x'))?.owner).toBe(a)
      expect((await suite.read.aliases.find('s', 0, 'x'))?.owner).toBe(b)
      expect(await suite.read.aliases.find('s', 0, 'X')).toBeUndefined()
    })

    it('claims and finds many at once, all or none', async () => {
      const { scope, a, b } = await twoDevices()
      const many = Array.from({ length: 1200 }, (_, index) => {
        return {
          slot: index % 2 ? 's' : 't',
          scope,
          name: `n${index}`,
          kind: 'device' as const,
          owner: index % 3 ? a : b,
        }
      })
      const claimMany = (aliases: readonly Alias[]) => suite.write((stores) => stores.aliases.claimMany(aliases))
      await claimMany(many)
      await claimMany(many.slice(0, 3))
      const found = await suite.read.aliases.listNamed([...many, { slot: 's', scope, name: 'none' }])
      expect(new Set(found.map((one) => JSON.stringify(one)))).toEqual(new Set(many.map((one) => JSON.stringify(one))))
      expect(found).toHaveLength(1200)
      const fresh = { slot: 's', scope, name: 'fresh', kind: 'device' as const, owner: a }
      await expect(claimMany([fresh, { ...fresh, slot: 't', name: 'n0', owner: a }])).rejects.toMatchObject(
        conflict('alias', 't'),
      )
      expect(await suite.read.aliases.find('s', scope, 'fresh')).toBeUndefined()
      expect(await suite.read.aliases.listNamed([])).toEqual([])
      await claimMany([])
    })

    it('finds a name in all scopes, by scope', async () => {
      const { scope, a, b } = await twoDevices()
      const all = [0, scope, scope + 1].map((each) => {
        return { slot: 'everywhere', scope: each, name: 'x', kind: 'device' as const, owner: each === 0 ? a : b }
      })
      for (const alias of all.toReversed()) await claim(alias)
      expect(await suite.read.aliases.findInAllScopes('everywhere', 'x', 9)).toEqual(all)
      expect(await suite.read.aliases.findInAllScopes('everywhere', 'x', 2)).toEqual(all.slice(0, 2))
      expect(await suite.read.aliases.findInAllScopes('everywhere', 'y', 9)).toEqual([])
      expect(await suite.read.aliases.findInAllScopes('nowhere', 'x', 9)).toEqual([])
    })

    it('releases all names of one owner, who may then be another', async () => {
      const { scope, a, b } = await twoDevices()
      const alias = { slot: 's', scope, name: 'x', kind: 'device' as const, owner: a }
      await claim(alias)
      await claim({ ...alias, name: 'y' })
      await claim({ ...alias, name: 'kept', kind: 'organisation', owner: scope })
      await suite.write(async (stores) => {
        await stores.aliases.release('device', a)
        await stores.aliases.claim({ ...alias, owner: b })
      })
      expect((await suite.read.aliases.find('s', scope, 'x'))?.owner).toBe(b)
      expect(await suite.read.aliases.find('s', scope, 'y')).toBeUndefined()
      expect((await suite.read.aliases.find('s', scope, 'kept'))?.kind).toBe('organisation')
    })

    it('finds a name in every scope, by scope', async () => {
      const { scope, a, b } = await twoDevices()
      const alias = { slot: 'everywhere', scope, name: `x${scope}`, kind: 'device' as const, owner: a }
      await claim(alias)
      await claim({ ...alias, scope: 0, owner: b })
      await claim({ ...alias, name: 'other' })
      const all = [{ ...alias, scope: 0, owner: b }, alias]
      expect(await suite.read.aliases.findInAllScopes(alias.slot, alias.name, 9)).toEqual(all)
      expect(await suite.read.aliases.findInAllScopes(alias.slot, alias.name, 1)).toEqual(all.slice(0, 1))
      expect(await suite.read.aliases.findInAllScopes('s', alias.name, 9)).toEqual([])
    })

    it('gives a name to one of two that ask at once', async () => {
      const { scope, a, b } = await twoDevices()
      const outcomes = await Promise.allSettled(
        [a, b].map((owner) => claim({ slot: 'race', scope, name: 'x', kind: 'device', owner })),
      )
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    })
  })
}
