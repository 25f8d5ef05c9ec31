import { describe, expect, it } from 'vitest'
import { newOrganisation } from '../../../test/support/rows.ts'
import { times, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'

export function describeTallyStore(name: string, open: () => Promise<Storage>): void {
  describe(`tally store: ${name}`, () => {
    const suite = useStorage(open)
    const newcomer = async () => (await suite.write((stores) => stores.organisations.insert(newOrganisation()))).serial
    const add = (organisation: number, by: number, limit?: number) =>
      suite.write((stores) => stores.tallies.add(organisation, 'devices', limit === undefined ? { by } : { by, limit }))

    it('counts up and down, for each organisation and name, and never below 0', async () => {
      const [one, other] = [await newcomer(), await newcomer()]
      expect(await suite.read.tallies.get(one, 'devices')).toBe(0)
      expect(await add(one, 5)).toBe(true)
      expect(await add(one, -2)).toBe(true)
      expect(await suite.read.tallies.get(one, 'devices')).toBe(3)
      expect(await suite.read.tallies.get(other, 'devices')).toBe(0)
      expect(await suite.read.tallies.get(one, 'other')).toBe(0)
      expect(await add(one, -10)).toBe(true)
      expect(await suite.read.tallies.get(one, 'devices')).toBe(0)
    })

    it('refuses to pass the limit, and then adds nothing', async () => {
      const one = await newcomer()
      expect(await add(one, 4, 3)).toBe(false)
      expect(await add(one, 3, 3)).toBe(true)
      expect(await add(one, 1, 3)).toBe(false)
      expect(await suite.read.tallies.get(one, 'devices')).toBe(3)
    })

    it('lets 32 claims at once have exactly as many as there are', async () => {
      const one = await newcomer()
      const claims = await times(32, () => add(one, 1, 10))
      expect(claims.filter(Boolean)).toHaveLength(10)
      expect(await suite.read.tallies.get(one, 'devices')).toBe(10)
    })
  })
}
