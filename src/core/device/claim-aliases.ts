import type { Aliases, Serial } from '../common.ts'
import { invalid } from '../errors.ts'
import type { Stores } from '../ports.ts'
import type { Alias } from './device-store.ts'

export interface AliasOwner {
  readonly kind: Alias['kind']
  readonly owner: Serial
  /** Scope of names that are unique within an organisation or product; 0 for the server. */
  readonly scope: Serial
  /** Slots whose names are unique on the whole server, whatever `scope` says. */
  readonly serverSlots?: ReadonlySet<string>
}

/** Slots whose names are unique on the server. Others are unique within the owner's organisation or product. */
export const SERVER_SLOTS: ReadonlySet<string> = new Set(['enos/asset-id'])

/** Replaces the owner's unique names. Throws `conflict` when another has one of them. */
export async function claimAliases(stores: Stores, owner: AliasOwner, aliases: Aliases): Promise<void> {
  await stores.aliases.release(owner.kind, owner.owner)
  for (const alias of aliasRows(owner, aliases)) await stores.aliases.claim(alias)
}

/** The names as rows, each in its scope. Throws `invalid` for one that is empty or too long. */
export function aliasRows(owner: AliasOwner, aliases: Aliases): Alias[] {
  return Object.entries(aliases).map(([slot, name]) => {
    if (name.length === 0 || name.length > 128) throw invalid(slot, 'must have 1 to 128 characters')
    const scope = (owner.serverSlots ?? SERVER_SLOTS).has(slot) ? 0 : owner.scope
    return { slot, scope, name, kind: owner.kind, owner: owner.owner }
  })
}
