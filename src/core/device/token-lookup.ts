import { Gatherer } from '../gatherer.ts'
import type { Storage } from '../ports.ts'
import type { TokenOwner } from './device-store.ts'

/** Tokens that are looked up together. */
const TOGETHER = 256

/** Such look-ups at one time. */
const LOOKUPS = 2

interface Token {
  readonly scheme: string
  readonly hash: string
}

/** Looks tokens up in the database, those that are asked for at the same time together. */
export function createTokenLookup({ read }: Pick<Storage, 'read'>): (token: Token) => Promise<TokenOwner | undefined> {
  const lookups = new Map<string, Gatherer<string, TokenOwner | undefined>>()
  const lookupOf = (scheme: string) => {
    const known = lookups.get(scheme) ?? ofScheme(read, scheme)
    lookups.set(scheme, known)
    return known
  }
  return ({ scheme, hash }) => lookupOf(scheme).add(hash)
}

function ofScheme(read: Storage['read'], scheme: string) {
  return new Gatherer<string, TokenOwner | undefined>({ most: TOGETHER, groups: LOOKUPS }, async (gather) => {
    const hashes = gather()
    const owners = new Map((await read.devices.listByTokens(scheme, hashes)).map((owner) => [owner.hash, owner]))
    return hashes.map((hash) => owners.get(hash))
  })
}
