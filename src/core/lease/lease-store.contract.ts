import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { times, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'
import { fencedStorage, isLeaseLost } from './fenced-storage.ts'
import type { Lease } from './lease.ts'

const MINUTE = 60_000
const SHORT = 40

export function describeLeaseStore(name: string, open: () => Promise<Storage>): void {
  describe(`lease store: ${name}`, () => {
    const suite = useStorage(open)
    const take = (job: string, holder: string, ms = MINUTE) =>
      suite.write((stores) => stores.leases.take(job, holder, ms))
    const taken = async (...given: Parameters<typeof take>): Promise<Lease> => {
      const lease = await take(...given)
      if (!lease) throw new Error('it is not free')
      return lease
    }
    const over = (job: string) => expect.poll(() => suite.read.leases.listFree([job], SHORT)).toEqual([job])

    it('gives a lease to one of those who want it', async () => {
      const job = randomUUID()
      expect(await suite.read.leases.listFree([job, 'other'], MINUTE)).toEqual([job, 'other'])
      const all = await Promise.all(['a', 'b', 'c', 'd'].map((holder) => take(job, holder)))
      const [lease, ...more] = all.filter((one) => one !== undefined)
      expect(more).toEqual([])
      expect(lease).toEqual({ name: job, holder: expect.stringMatching(/^[abcd]$/), token: 1 })
      expect(await suite.read.leases.listFree([job, 'other'], MINUTE)).toEqual(['other'])
      expect(await suite.read.leases.listFree([], MINUTE)).toEqual([])
    })

    it('lets a lease that is over be taken under a larger token, and ends the old one for good', async () => {
      const job = randomUUID()
      const first = await taken(job, 'a', SHORT)
      await over(job)
      expect(await suite.read.leases.isHeld(first)).toBe(false)
      expect(await suite.write((stores) => stores.leases.renew(first, MINUTE))).toBe(false)
      const second = await taken(job, 'b')
      expect(second.token).toBeGreaterThan(first.token)
      expect(await suite.write((stores) => stores.leases.renew(first, MINUTE))).toBe(false)
      await suite.write((stores) => stores.leases.release(first))
      expect(await suite.read.leases.isHeld(first)).toBe(false)
      expect(await suite.read.leases.isHeld(second)).toBe(true)
    })

    it('keeps a lease as long as it is renewed', async () => {
      const job = randomUUID()
      const lease = await taken(job, 'a', 2_000)
      expect(await suite.write((stores) => stores.leases.renew(lease, SHORT))).toBe(true)
      await over(job)
      const again = await taken(job, 'a', SHORT)
      expect(await suite.write((stores) => stores.leases.renew(again, MINUTE))).toBe(true)
      expect(await take(job, 'b')).toBeUndefined()
    })

    it('frees a lease at once when it is given back', async () => {
      const job = randomUUID()
      const lease = await taken(job, 'a')
      await suite.write((stores) => stores.leases.release(lease))
      expect(await suite.read.leases.listFree([job], MINUTE)).toEqual([job])
      expect(await taken(job, 'b')).toMatchObject({ token: lease.token + 1 })
    })

    it('counts a lease from the future as over: the clock of the database was set back', async () => {
      const job = randomUUID()
      const lease = await taken(job, 'a', 60 * MINUTE)
      expect(await suite.read.leases.listFree([job], 31 * MINUTE)).toEqual([])
      expect(await suite.read.leases.listFree([job], MINUTE)).toEqual([job])
      expect(await taken(job, 'b')).toMatchObject({ token: lease.token + 1 })
      expect(await suite.read.leases.isHeld(lease)).toBe(false)
    })

    it('refuses the writes of a holder that lost its lease, and takes those of the next', async () => {
      const job = randomUUID()
      const lease = await taken(job, 'a')
      const write = (by: Lease, value: string) =>
        fencedStorage(suite.storage, by).transaction((stores) => stores.settings.set(job, value))
      await write(lease, 'first')
      await suite.write((stores) => stores.leases.release(lease))
      const next = await taken(job, 'b')
      const refused = await write(lease, 'late').catch((error: unknown) => error)
      expect(isLeaseLost(refused)).toBe(true)
      expect(refused).toMatchObject({ code: 'unavailable', details: { lease: job, token: lease.token } })
      expect(await suite.read.settings.get(job)).toBe('first')
      await write(next, 'second')
      expect(await suite.read.settings.get(job)).toBe('second')
    })

    it('is not taken in the middle of a transaction of its holder, although its time is over', async () => {
      const job = randomUUID()
      const lease = await taken(job, 'a', SHORT)
      const order: string[] = []
      const begun = Promise.withResolvers<void>()
      const mayEnd = Promise.withResolvers<void>()
      const work = fencedStorage(suite.storage, lease).transaction(async (stores) => {
        await stores.settings.set(job, 'whole')
        begun.resolve()
        await mayEnd.promise
        order.push('commit')
      })
      await begun.promise
      await over(job)
      const taking = taken(job, 'b').then(() => order.push('taken'))
      await times(20, () => new Promise((resume) => setImmediate(resume)))
      mayEnd.resolve()
      await Promise.all([work, taking])
      expect(order).toEqual(['commit', 'taken'])
      expect(await suite.read.settings.get(job)).toBe('whole')
    })

    it('is renewed while a transaction of its holder is open, where transactions run side by side', async () => {
      if (suite.storage.invalidation.isSoleWriter) return
      const job = randomUUID()
      const lease = await taken(job, 'a')
      const begun = Promise.withResolvers<void>()
      const mayEnd = Promise.withResolvers<void>()
      const work = fencedStorage(suite.storage, lease).transaction(async () => {
        begun.resolve()
        await mayEnd.promise
      })
      await begun.promise
      expect(await suite.write((stores) => stores.leases.renew(lease, MINUTE))).toBe(true)
      mayEnd.resolve()
      await work
    })
  })
}
