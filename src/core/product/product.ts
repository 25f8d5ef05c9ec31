import type { Aliases, Entity, Serial } from '../common.ts'

/** A device model. */
export interface Product extends Entity {
  readonly organisation: Serial
  /** Unique in the organisation. */
  readonly key: string
  readonly name: string
  /** `catalogue`: devices see all active firmware and choose; `managed`: they see only what is granted to them. */
  readonly distribution: 'catalogue' | 'managed'
  /** `guarded`: a plan may allow its devices to go back to an older version; `forbidden`: none can. */
  readonly downgrades: 'guarded' | 'forbidden'
  readonly aliases: Aliases
}

/** A part of a product that takes its own firmware. */
export interface Module extends Entity {
  readonly organisation: Serial
  readonly product: Serial
  /** Unique in the product; `main` unless named. */
  readonly key: string
  readonly name: string
  /** The module meant when a protocol knows only "the device". Exactly one per product: the first. */
  readonly isPrimary: boolean
}
