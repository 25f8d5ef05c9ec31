import { beforeAll, describe, expect, it } from 'vitest'
import { newAccessKey, newAccessToken, newAccount, newOrganisation, someHash } from '../../../test/support/rows.ts'
import { conflict, expectSlices, times, useStorage } from '../../../test/support/storage-suite.ts'
import type { Serial } from '../common.ts'
import type { Storage } from '../ports.ts'

/** Access keys and tokens, one-time claims and remembered replies. */
export function describeAccessStores(name: string, open: () => Promise<Storage>): void {
  describe(`access stores: ${name}`, () => {
    const suite = useStorage(open)
    let organisation: Serial = 0
    let account: Serial = 0
    beforeAll(async () => {
      organisation = (await suite.write((stores) => stores.organisations.insert(newOrganisation()))).serial
      account = (await suite.write((stores) => stores.accounts.insert(newAccount()))).serial
    })
    const insertKey = (given?: Parameters<typeof newAccessKey>[1]) =>
      suite.write((stores) => stores.accessKeys.insert(newAccessKey(organisation, given)))

    it('returns a new access key whole, by serial, id and key, and in its organisation alone', async () => {
      const other = await suite.write((stores) => stores.organisations.insert(newOrganisation()))
      const grants = [
        { organisation, permissions: ['read' as const] },
        { organisation: other.serial, permissions: ['read' as const, 'write' as const] },
      ]
      const row = newAccessKey(organisation, { grants, proofHash: someHash() })
      const key = await insertKey(row)
      expect(key).toEqual({ ...row, serial: expect.any(Number), revision: 1 })
      expect(await suite.read.accessKeys.find(key.serial)).toEqual(key)
      expect(await suite.read.accessKeys.findByKey(row.key)).toEqual(key)
      expect(await suite.read.accessKeys.findById(organisation, row.id)).toEqual(key)
      expect(await suite.read.accessKeys.findById(other.serial, row.id)).toBeUndefined()
      expect(await suite.read.accessKeys.list(other.serial, { limit: 9 })).toEqual([])
    })

    it('slices the keys of an organisation', async () => {
      const owner = await suite.write((stores) => stores.organisations.insert(newOrganisation()))
      const all = await times(5, () => suite.write((stores) => stores.accessKeys.insert(newAccessKey(owner.serial))))
      await expectSlices((slice) => suite.read.accessKeys.list(owner.serial, slice), all)
    })

    it('refuses a taken key, changes a key, and deletes it with its tokens', async () => {
      const key = await insertKey()
      await expect(insertKey({ key: key.key })).rejects.toMatchObject(conflict('access-key', 'key'))
      const changed = await suite.write((stores) => stores.accessKeys.update(key.serial, { disabled: true }))
      expect(changed).toEqual({ ...key, disabled: true, revision: 2 })
      const token = newAccessToken(key.serial)
      await suite.write((stores) => stores.accessTokens.insert(token))
      await suite.write((stores) => stores.accessKeys.delete(key.serial))
      expect(await suite.read.accessKeys.findByKey(key.key)).toBeUndefined()
      expect(await suite.read.accessTokens.findByHash(token.hash)).toBeUndefined()
    })

    it('announces every change of an access key to its organisation', async () => {
      const owner = await suite.write((stores) => stores.organisations.insert(newOrganisation()))
      const announced: unknown[] = []
      suite.storage.onChange((changes) => announced.push(...changes))
      const seen = () => announced.splice(0)
      const fleet = { kind: 'fleet', organisation: owner.serial }
      const key = await suite.write((stores) => stores.accessKeys.insert(newAccessKey(owner.serial)))
      expect(seen()).toEqual([fleet])
      await suite.write((stores) => stores.accessKeys.update(key.serial, { disabled: true }))
      expect(seen()).toEqual([fleet])
      await suite.write((stores) => stores.accessKeys.delete(key.serial))
      expect(seen()).toEqual([fleet])
    })

    it('has one current token per key; a retired one lives on until its end', async () => {
      const { serial } = await insertKey()
      const [first, second] = [newAccessToken(serial), newAccessToken(serial, { expiresAt: 9000 })]
      await suite.write((stores) => stores.accessTokens.insert(first))
      await expect(suite.write((stores) => stores.accessTokens.insert(second))).rejects.toMatchObject({
        code: 'conflict',
      })
      expect(await suite.read.accessTokens.current(serial)).toEqual(first)
      const announced: unknown[] = []
      suite.storage.onChange((changes) => announced.push(...changes))
      await suite.write(async (stores) => {
        await stores.accessTokens.retire(first.hash, 5000)
        await stores.accessTokens.insert(second)
      })
      expect(announced).toEqual([{ kind: 'access-token', accessKey: serial }])
      const retired = { ...first, isCurrent: false, expiresAt: 5000 }
      expect(await suite.read.accessTokens.findByHash(first.hash)).toEqual(retired)
      expect(await suite.read.accessTokens.current(serial)).toEqual(second)
      expect(await suite.write((stores) => stores.accessTokens.deleteExpired(5000))).toBe(0)
      expect(await suite.write((stores) => stores.accessTokens.deleteExpired(5001))).toBe(1)
      expect(await suite.read.accessTokens.findByHash(first.hash)).toBeUndefined()
      expect(await suite.read.accessTokens.current(serial)).toEqual(second)
    })

    it('gives two first calls at once one current token', async () => {
      const { serial } = await insertKey()
      const outcomes = await Promise.allSettled(
        [1, 2].map(() => suite.write((stores) => stores.accessTokens.insert(newAccessToken(serial)))),
      )
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    })

    it('claims once until the claim expires, by purpose and key', async () => {
      const claim = (key: string, now: number, expiresAt: number, purpose = 'nonce') =>
        suite.write((stores) => stores.once.claim(purpose, key, { now, expiresAt }))
      expect(await claim('a', 1000, 2000)).toBe(true)
      expect(await claim('a', 1999, 3000)).toBe(false)
      expect(await claim('b', 1999, 3000)).toBe(true)
      expect(await claim('a', 1999, 3000, 'other')).toBe(true)
      expect(await claim('a', 2000, 4000)).toBe(true)
      expect(await claim('a', 3999, 5000)).toBe(false)
      expect(await suite.write((stores) => stores.once.deleteExpired(3500))).toBe(2)
      expect(await claim('a', 3999, 5000)).toBe(false)
    })

    it('claims many at once, each unless somebody has it', async () => {
      const claim = (keys: readonly string[], now: number, expiresAt: number) =>
        suite.write((stores) => stores.once.claimAll('many', keys, { now, expiresAt }))
      expect(await claim(['b', 'a', 'ä "'], 1000, 2000)).toEqual(new Set(['a', 'b', 'ä "']))
      expect(await claim(['c', 'b'], 1999, 4000)).toEqual(new Set(['c']))
      expect(await claim(['a', 'b', 'c'], 2000, 3000)).toEqual(new Set(['a', 'b']))
      expect(await claim([], 2000, 3000)).toEqual(new Set())
      const keys = Array.from({ length: 300 }, (_, index) => `k${index}`)
      expect((await claim(keys, 1000, 2000)).size).toBe(300)
      expect(await suite.write((stores) => stores.once.claim('many', 'k299', { now: 1999, expiresAt: 3000 }))).toBe(
        false,
      )
    })

    it('gives each of many claims to one of those that ask for them at once', async () => {
      const keys = ['x', 'y', 'z']
      const claims = await Promise.all(
        Array.from({ length: 10 }, (_, turn) =>
          suite.write((stores) =>
            stores.once.claimAll('races', turn % 2 === 0 ? keys : keys.toReversed(), { now: 1000, expiresAt: 2000 }),
          ),
        ),
      )
      expect(claims.flatMap((claimed) => [...claimed]).toSorted()).toEqual(keys)
    })

    it('gives a claim to one of many that ask at once', async () => {
      const claims = await Promise.all(
        Array.from({ length: 10 }, () =>
          suite.write((stores) => stores.once.claim('race', 'x', { now: 1000, expiresAt: 2000 })),
        ),
      )
      expect(claims.filter(Boolean)).toHaveLength(1)
    })

    it('undoes a claim with its transaction', async () => {
      const claim = suite.write(async (stores) => {
        await stores.once.claim('undone', 'x', { now: 1000, expiresAt: 2000 })
        throw new Error('later step')
      })
      await expect(claim).rejects.toThrow('later step')
      expect(await suite.write((stores) => stores.once.claim('undone', 'x', { now: 1000, expiresAt: 2000 }))).toBe(true)
    })

    it('remembers a reply per account and key until it expires', async () => {
      const reply = { key: 'k', account, requestHash: someHash(), status: 201, body: '{"a":"ä"}', expiresAt: 2000 }
      await suite.write((stores) => stores.idempotency.insert(reply))
      expect(await suite.read.idempotency.find(account, 'k')).toEqual(reply)
      expect(await suite.read.idempotency.find(account, 'other')).toBeUndefined()
      const again = suite.write((stores) => stores.idempotency.insert({ ...reply, status: 200 }))
      await expect(again).rejects.toMatchObject({ code: 'conflict' })
      expect(await suite.write((stores) => stores.idempotency.deleteExpired(2000))).toBe(0)
      expect(await suite.write((stores) => stores.idempotency.deleteExpired(2001))).toBe(1)
      expect(await suite.read.idempotency.find(account, 'k')).toBeUndefined()
    })
  })
}
