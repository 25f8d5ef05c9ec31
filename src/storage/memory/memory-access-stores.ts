import type { AccessKeyStore, AccessTokenStore, IdempotencyStore, OnceStore } from '../../core/access/access-store.ts'
import type { Millis } from '../../core/common.ts'
import { changeEntity, deleteWhere, insertEntity, type MemorySession, spanOf, take } from './memory-session.ts'
import { joined } from './memory-tables.ts'

export function memoryAccessKeyStore({ tables, changes }: MemorySession): AccessKeyStore {
  const { accessKeys, accessTokens } = tables
  return {
    async insert(row) {
      changes.fleet(row.organisation)
      return insertEntity(accessKeys, row)
    },
    find: async (serial) => accessKeys.get(serial),
    async findById(organisation, id) {
      const row = accessKeys.find('id', id)
      return row?.organisation === organisation ? row : undefined
    },
    findByKey: async (key) => accessKeys.find('key', key),
    async update(serial, patch) {
      const row = accessKeys.get(serial)
      if (row) changes.fleet(row.organisation)
      return changeEntity(accessKeys, row, { patch })
    },
    async delete(serial) {
      const row = accessKeys.get(serial)
      if (row) changes.fleet(row.organisation)
      deleteWhere(accessTokens, { where: ['accessKey', serial] })
      accessKeys.delete(serial)
    },
    list: async (organisation, slice) => take(accessKeys.rows(spanOf(slice, ['organisation', organisation])), slice),
  }
}

export function memoryAccessTokenStore({ tables, changes }: MemorySession): AccessTokenStore {
  const { accessTokens } = tables
  return {
    async insert(row) {
      accessTokens.insert({ row })
    },
    findByHash: async (hash) => accessTokens.find('hash', hash)?.row,
    current: async (accessKey) => accessTokens.find('current', accessKey)?.row,
    async retire(hash, expiresAt) {
      const held = accessTokens.find('hash', hash)
      if (!held) return
      changes.accessTokens(held.row.accessKey)
      accessTokens.replace({ ...held, row: { ...held.row, isCurrent: false, expiresAt } })
    },
    deleteExpired: async (before) => deleteWhere(accessTokens, {}, { accepts: ({ row }) => row.expiresAt < before }),
  }
}

export function memoryOnceStore({ tables }: MemorySession): OnceStore {
  const { once } = tables
  const claim = (purpose: string, key: string, { now, expiresAt }: { now: Millis; expiresAt: Millis }) => {
    const held = once.find('claim', joined(purpose, key))
    if (held !== undefined && held.row.expiresAt > now) return false
    const row = { purpose, key, expiresAt }
    if (held === undefined) once.insert({ row })
    else once.replace({ ...held, row })
    return true
  }
  return {
    claim: async (purpose, key, times) => claim(purpose, key, times),
    claimAll: async (purpose, keys, times) => new Set(keys.filter((key) => claim(purpose, key, times))),
    deleteExpired: async (before) => deleteWhere(once, {}, { accepts: ({ row }) => row.expiresAt < before }),
  }
}

export function memoryIdempotencyStore({ tables }: MemorySession): IdempotencyStore {
  const { idempotency } = tables
  return {
    find: async (account, key) => idempotency.find('key', joined(account, key))?.row,
    async insert(row) {
      idempotency.insert({ row })
    },
    deleteExpired: async (before) => deleteWhere(idempotency, {}, { accepts: ({ row }) => row.expiresAt < before }),
  }
}
