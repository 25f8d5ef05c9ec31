import type { Invalidation } from '../core/ports.ts'

/** Of a database that belongs to this process alone: its own commits, announced at once, are all that there are. */
export const SOLE_WRITER: Invalidation = { isSoleWriter: true, isCurrent: () => true }
