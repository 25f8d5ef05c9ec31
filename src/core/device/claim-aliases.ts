import type { Aliases, Serial } from '../common.ts'
import { invalid } from '../errors.ts'
import type { Stores } from '../ports.ts'
import type { Device } from './device.ts'
import type { Alias } from './device-store.ts'

export interface AliasOwner {
  readonly kind: Alias['kind']
  readonly owner: Serial
  /** Scope of names that are unique within an organisation or product; 0 for the server. */
  readonly scope: Serial
}

/** What the slots that protocols look into are names of; `server`: unique on the server, whatever the owner's scope. */
const SLOTS: Readonly<Record<string, { readonly kind: Alias['kind']; readonly unique?: 'server' }>> = {
  'enos/org-id': { kind: 'organisation' },
  'hawkbit/tenant': { kind: 'organisation' },
  'enos/product-key': { kind: 'product' },
  'enos/device-key': { kind: 'device' },
  'enos/asset-id': { kind: 'device', unique: 'server' },
  'hawkbit/controller-id': { kind: 'device' },
}

/** Slots of organisations, which answer to their key where they have no name in one. */
export const ORGANISATION_SLOTS = Object.keys(SLOTS).filter((slot) => SLOTS[slot]?.kind === 'organisation')

/** A device as the owner of names: unique within its product, or, without one, among those of its organisation. */
export function deviceNames(device: Pick<Device, 'serial' | 'product' | 'organisation'>): AliasOwner {
  return { kind: 'device', owner: device.serial, scope: device.product ?? -device.organisation }
}

/** Replaces the owner's unique names. Throws `conflict` when another has one of them. */
export async function claimAliases(stores: Stores, owner: AliasOwner, aliases: Aliases): Promise<void> {
  await stores.aliases.release(owner.kind, owner.owner)
  for (const alias of aliasRows(owner, aliases)) await stores.aliases.claim(alias)
}

/** The names as rows, each in its scope. Throws `invalid` for one that is empty, too long, or not of this kind. */
export function aliasRows(owner: AliasOwner, aliases: Aliases): Alias[] {
  return Object.entries(aliases).map(([slot, name]) => {
    if (name.length === 0 || name.length > 128) throw invalid(slot, 'must have 1 to 128 characters')
    const known = Object.hasOwn(SLOTS, slot) ? SLOTS[slot] : undefined
    if (known && known.kind !== owner.kind) throw invalid(slot, `is a name of ${known.kind}s`)
    const scope = known?.unique === 'server' ? 0 : owner.scope
    return { slot, scope, name, kind: owner.kind, owner: owner.owner }
  })
}
