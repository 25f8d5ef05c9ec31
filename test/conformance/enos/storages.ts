import type { Storage } from '../../../src/core/ports.ts'
import { openMemoryStorage } from '../../../src/storage/memory/memory-storage.ts'

/** The databases under which these tests run. */
export const STORAGES: ReadonlyArray<{ readonly name: string; readonly open: () => Promise<Storage> }> = [
  { name: 'memory', open: async () => openMemoryStorage() },
]
