import type { Aliases, Entity, Serial } from '../common.ts'

/** The tenant: every row belongs to one, every query is scoped by it. */
export interface Organisation extends Entity {
  /** Unique on the server. */
  readonly key: string
  readonly name: string
  /** Product given to devices that a protocol creates; null = none. */
  readonly defaultProduct: Serial | null
  /** Nothing new is offered to any device of this organisation; what is under way ends. */
  readonly frozen: boolean
  readonly aliases: Aliases
  /** Per-protocol switches, by name (`spoke-zone/numeric-ids`: true). The protocol that defines one reads it. */
  readonly settings: Readonly<Record<string, boolean | number | string>>
}
