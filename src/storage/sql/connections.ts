import { DEFAULT_DATABASE_LIMITS } from './database-limits.ts'

/** Connections for long reads, beside the pool. */
export const MANAGEMENT_POOL_SIZE = 2

/** The one on which other processes tell what they commit. */
const CHANGE_FEED = 1

/** How many connections one process may open. */
export function connectionsOf(database: { readonly poolSize?: number | undefined } = {}): number {
  return (database.poolSize ?? DEFAULT_DATABASE_LIMITS.poolSize) + MANAGEMENT_POOL_SIZE + CHANGE_FEED
}
