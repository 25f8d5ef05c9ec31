import type { LeaseStore } from '../../core/lease/lease-store.ts'
import type { NodeStore } from '../../core/node/node-store.ts'
import { deleteWhere, type MemorySession } from './memory-session.ts'

/** The clock of this "database" is the process's own. */
const now = () => Date.now()

export function memoryLeaseStore({ tables }: MemorySession): LeaseStore {
  const { leases } = tables
  const find = (name: string) => leases.find('name', name)
  const isFree = (name: string, ms: number) => {
    const expiresAt = find(name)?.row.expiresAt ?? 0
    return expiresAt <= now() || expiresAt > now() + 2 * ms
  }
  const held = ({ name, token }: { readonly name: string; readonly token: number }) => {
    const found = find(name)
    return found?.row.token === token && found.row.expiresAt > now() ? found : undefined
  }
  return {
    listFree: async (names, ms) => names.filter((name) => isFree(name, ms)),
    async take(name, holder, ms) {
      if (!isFree(name, ms)) return undefined
      const before = find(name)
      const lease = { name, holder, token: (before?.row.token ?? 0) + 1 }
      const row = { ...lease, expiresAt: now() + ms }
      if (before) leases.replace({ ...before, row })
      else leases.insert({ row })
      return lease
    },
    async renew(lease, ms) {
      const found = held(lease)
      if (found) leases.replace({ ...found, row: { ...found.row, expiresAt: now() + ms } })
      return found !== undefined
    },
    async release(lease) {
      const found = held(lease)
      if (found) leases.replace({ ...found, row: { ...found.row, expiresAt: 0 } })
    },
    isHeld: async (lease) => held(lease) !== undefined,
  }
}

export function memoryNodeStore({ tables }: MemorySession): NodeStore {
  const { nodes } = tables
  return {
    async note(facts) {
      const row = { ...facts, seenAt: now() }
      const before = nodes.find('id', facts.id)
      if (before) nodes.replace({ ...before, row })
      else nodes.insert({ row })
    },
    async forget(id) {
      const found = nodes.find('id', id)
      if (found) nodes.delete(found.serial)
    },
    async listSeen(ms) {
      const seen = [...nodes.rows({})].map(({ row }) => row).filter(({ seenAt }) => seenAt >= now() - ms)
      return seen.toSorted((a, b) => a.seenAt - b.seenAt || (a.id < b.id ? -1 : 1))
    },
    deleteUnseen: async (ms) => deleteWhere(nodes, {}, { accepts: ({ row }) => row.seenAt < now() - ms }),
    now: async () => now(),
  }
}
