import type { Entity, Serial } from '../common.ts'

/** What an operator ships: firmware of one or more modules of one product under one version. */
export interface Release extends Entity {
  readonly organisation: Serial
  readonly product: Serial | null
  readonly version: string
  /** Made silently for a single firmware; not listed beside named ones. */
  readonly isSilent: boolean
  /** At most one firmware per module, in module order. */
  readonly firmware: readonly Serial[]
}
