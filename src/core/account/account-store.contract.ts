import { describe, expect, it } from 'vitest'
import { START } from '../../../test/support/fixed-clock.ts'
import { newAccount, newApiToken, newOrganisation } from '../../../test/support/rows.ts'
import { conflict, expectSlices, times, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'

/** Accounts, memberships and API tokens. */
export function describeAccountStores(name: string, open: () => Promise<Storage>): void {
  describe(`account stores: ${name}`, () => {
    const suite = useStorage(open)
    const insert = (given?: Parameters<typeof newAccount>[0]) =>
      suite.write((stores) => stores.accounts.insert(newAccount(given)))

    it('slices the list and counts it', async () => {
      const all = await times(5, () => insert())
      await expectSlices((slice) => suite.read.accounts.list(slice), all)
      expect(await suite.read.accounts.count()).toBe(5)
    })

    it('returns a new account whole, by serial, id and e-mail', async () => {
      const row = newAccount({ isAdministrator: true, lockedUntil: START })
      const inserted = await insert(row)
      expect(inserted).toEqual({ ...row, serial: expect.any(Number), revision: 1 })
      expect(await suite.read.accounts.find(inserted.serial)).toEqual(inserted)
      expect(await suite.read.accounts.findById(row.id)).toEqual(inserted)
      expect(await suite.read.accounts.findByEmail(row.email)).toEqual(inserted)
      expect(await suite.read.accounts.findByEmail('nobody@example.test')).toBeUndefined()
    })

    it('refuses a taken e-mail, also by a change', async () => {
      const [a, b] = [await insert(), await insert()]
      await expect(insert({ email: a.email })).rejects.toMatchObject(conflict('account', 'email'))
      const rename = suite.write((stores) => stores.accounts.update(b.serial, { email: a.email }))
      await expect(rename).rejects.toMatchObject(conflict('account', 'email'))
    })

    it('changes an account only from the expected revision', async () => {
      const row = await insert()
      const update = (generation: number, ifRevision?: number) =>
        suite.write((stores) => stores.accounts.update(row.serial, { generation }, ifRevision))
      expect(await update(2, 1)).toEqual({ ...row, generation: 2, revision: 2 })
      expect(await update(3, 1)).toBeUndefined()
      expect((await suite.read.accounts.find(row.serial))?.generation).toBe(2)
    })

    it('counts every failed login, however many come at once', async () => {
      const { serial } = await insert()
      const counts = await Promise.all(
        Array.from({ length: 20 }, () => suite.write((stores) => stores.accounts.countFailure(serial))),
      )
      expect(counts.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1))
      expect((await suite.read.accounts.find(serial))?.failedLogins).toBe(20)
    })

    it('keeps one role per account and organisation', async () => {
      const account = await insert()
      const [a, b] = await times(2, () => suite.write((stores) => stores.organisations.insert(newOrganisation())))
      if (!a || !b) throw new Error('two organisations')
      const membership = { account: account.serial, organisation: a.serial, role: 'viewer' as const }
      await suite.write((stores) => stores.memberships.put(membership))
      await suite.write((stores) => stores.memberships.put({ ...membership, role: 'owner' }))
      await suite.write((stores) => stores.memberships.put({ ...membership, organisation: b.serial }))
      expect(await suite.read.memberships.listByAccount(account.serial)).toHaveLength(2)
      expect(await suite.read.memberships.listByOrganisation(a.serial)).toEqual([{ ...membership, role: 'owner' }])

      await suite.write((stores) => stores.memberships.remove(account.serial, b.serial))
      expect(await suite.read.memberships.listByOrganisation(b.serial)).toEqual([])
      expect(await suite.read.memberships.listByAccount(account.serial)).toEqual([{ ...membership, role: 'owner' }])
    })

    it('finds tokens by hash, and by id only for their account', async () => {
      const [a, b] = [await insert(), await insert()]
      const row = newApiToken(a.serial, { expiresAt: START, scope: 'read' })
      const token = await suite.write((stores) => stores.apiTokens.insert(row))
      expect(token).toEqual({ ...row, serial: expect.any(Number), revision: 1 })
      expect(await suite.read.apiTokens.findByHash(row.hash)).toEqual(token)
      expect(await suite.read.apiTokens.findById(a.serial, row.id)).toEqual(token)
      expect(await suite.read.apiTokens.findById(b.serial, row.id)).toBeUndefined()
      const revoked = await suite.write((stores) => stores.apiTokens.update(token.serial, { revokedAt: START }))
      expect(revoked).toEqual({ ...token, revokedAt: START, revision: 2 })
      expect(await suite.read.apiTokens.listByAccount(a.serial)).toEqual([revoked])
      expect(await suite.read.apiTokens.listByAccount(b.serial)).toEqual([])
    })

    it('deletes tokens that expired before a time, never those without an end', async () => {
      const account = await insert()
      const [gone, kept, endless] = await times(3, (index) =>
        suite.write((stores) =>
          stores.apiTokens.insert(newApiToken(account.serial, { expiresAt: [1000, 2000, null][index] ?? null })),
        ),
      )
      expect(await suite.write((stores) => stores.apiTokens.deleteExpired(2000))).toBe(1)
      expect(await suite.read.apiTokens.findByHash(gone?.hash ?? '')).toBeUndefined()
      expect(await suite.read.apiTokens.listByAccount(account.serial)).toEqual([kept, endless])
    })

    it('deletes an account with its memberships and tokens', async () => {
      const account = await insert()
      const organisation = await suite.write((stores) => stores.organisations.insert(newOrganisation()))
      const token = await suite.write(async (stores) => {
        await stores.memberships.put({ account: account.serial, organisation: organisation.serial, role: 'owner' })
        return stores.apiTokens.insert(newApiToken(account.serial))
      })
      await suite.write((stores) => stores.accounts.delete(account.serial))
      expect(await suite.read.accounts.findByEmail(account.email)).toBeUndefined()
      expect(await suite.read.memberships.listByOrganisation(organisation.serial)).toEqual([])
      expect(await suite.read.apiTokens.findByHash(token.hash)).toBeUndefined()
    })
  })
}
