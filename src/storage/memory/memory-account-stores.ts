import type { AccountStore, ApiTokenStore, MembershipStore } from '../../core/account/account-store.ts'
import { changeEntity, deleteWhere, insertEntity, type MemorySession, spanOf, take } from './memory-session.ts'
import { joined, LISTED } from './memory-tables.ts'

export function memoryAccountStore({ tables }: MemorySession): AccountStore {
  const { accounts, memberships, apiTokens, idempotency } = tables
  return {
    insert: async (row) => insertEntity(accounts, row),
    find: async (serial) => accounts.get(serial),
    findById: async (id) => accounts.find('id', id),
    findByEmail: async (email) => accounts.find('email', email),
    update: async (serial, patch, ifRevision) => changeEntity(accounts, accounts.get(serial), { patch, ifRevision }),
    async countFailure(serial) {
      const row = accounts.get(serial)
      if (row === undefined) return 0
      return accounts.replace({ ...row, failedLogins: row.failedLogins + 1 }).failedLogins
    },
    async delete(serial) {
      deleteWhere(memberships, { where: ['account', serial] })
      deleteWhere(apiTokens, { where: ['account', serial] })
      deleteWhere(idempotency, { where: ['account', serial] })
      accounts.delete(serial)
    },
    list: async (slice) => take(accounts.rows(spanOf(slice)), slice),
    count: async () => accounts.count(),
  }
}

export function memoryMembershipStore({ tables }: MemorySession): MembershipStore {
  const { memberships } = tables
  return {
    async put(row) {
      const held = memberships.find('pair', joined(row.account, row.organisation))
      if (held) memberships.replace({ ...held, row })
      else memberships.insert({ row })
    },
    async remove(account, organisation) {
      const held = memberships.find('pair', joined(account, organisation))
      if (held) memberships.delete(held.serial)
    },
    listByAccount: async (account) => [...memberships.rows({ where: ['account', account] })].map(({ row }) => row),
    listByOrganisation: async (organisation) =>
      [...memberships.rows({ where: ['organisation', organisation] })].map(({ row }) => row),
  }
}

export function memoryApiTokenStore({ tables }: MemorySession): ApiTokenStore {
  const { apiTokens } = tables
  return {
    insert: async (row) => insertEntity(apiTokens, row),
    findByHash: async (hash) => apiTokens.find('hash', hash),
    async findById(account, id) {
      const row = apiTokens.find('id', id)
      return row?.account === account ? row : undefined
    },
    update: async (serial, patch) => changeEntity(apiTokens, apiTokens.get(serial), { patch }),
    listByAccount: async (account) => [...apiTokens.rows({ where: ['account', account] })],
    deleteExpired: async (before) =>
      deleteWhere(
        apiTokens,
        { where: ['expiring', LISTED] },
        { accepts: ({ expiresAt }) => expiresAt !== null && expiresAt < before },
      ),
  }
}
