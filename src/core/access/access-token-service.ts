import { BoundedMap } from '../bounded-map.ts'
import type { Millis, Serial } from '../common.ts'
import { hashToken } from '../device/secret-hash.ts'
import { isOtaError, OtaError } from '../errors.ts'
import { FleetCache } from '../fleet-cache.ts'
import type { Stores } from '../ports.ts'
import type { ServiceDeps } from '../service.ts'
import type { AccessKey, AccessToken } from './access-key.ts'
import type { AccessKeyService } from './access-key-service.ts'

/** How long a token lives, ms. */
export const ACCESS_TOKEN_LIFETIME_MS = 7_200_000
/** How long a renewed token is still accepted, ms: calls that are under way with it. */
export const ACCESS_TOKEN_OVERLAP_MS = 60_000

/** A request that counts once: (purpose, key) is remembered until `expiresAt`. */
export interface OneTimeUse {
  readonly purpose: string
  readonly key: string
  readonly expiresAt: Millis
}

export type TokenAnswer =
  | { readonly kind: 'token'; readonly token: string; readonly expiresAt: Millis }
  /** The request was seen before. */
  | { readonly kind: 'replayed' }

export type RenewAnswer =
  | TokenAnswer
  /** The token is over, or nobody's. */
  | { readonly kind: 'expired' }
  /** The token is another key's. */
  | { readonly kind: 'foreign' }

/** Whose token it is, with the secret that proves the rest. */
export interface TokenHolder {
  readonly accessKey: AccessKey
  readonly secret: string
}

const CONTEXT = 'access-token'
const TOKEN_CHARS = 43
const CACHED = 10_000
/** Two calls at once: the loser sees the winner's row on its second try; a third covers a renewal in between. */
const ATTEMPTS = 3

/** Short-lived tokens of access keys. One per process: it remembers what signed calls read. */
export class AccessTokenService {
  readonly #deps: ServiceDeps
  readonly #accessKeys: AccessKeyService
  readonly #holders: FleetCache<string, TokenHolder & { readonly expiresAt: Millis }>
  readonly #secrets = new BoundedMap<Serial, { readonly revision: number; readonly secret: string }>(CACHED)

  constructor(deps: ServiceDeps, accessKeys: AccessKeyService) {
    this.#deps = deps
    this.#accessKeys = accessKeys
    this.#holders = new FleetCache(deps.storage, CACHED)
    deps.storage.onChange((changes) => {
      if (changes.some((change) => change.kind === 'access-token')) this.#holders.forget()
    })
  }

  /** The key's current token while it lives, else a new one; calls at the same time get the same one. */
  obtain(accessKey: AccessKey, use: OneTimeUse): Promise<TokenAnswer> {
    return this.#write(async (stores) => {
      if (!(await this.#claim(stores, use))) return { kind: 'replayed' }
      const current = await stores.accessTokens.current(accessKey.serial)
      if (current && this.#deps.clock.now() < current.expiresAt) return this.#reveal(current)
      if (current) await stores.accessTokens.retire(current.hash, current.expiresAt)
      return this.#mint(stores, accessKey)
    })
  }

  /**
   * A new token in the place of `token`, which lives on for the overlap. A token that was replaced already answers with
   * the one that replaced it, so that two renewals at once do not drive each other out.
   */
  renew(accessKey: AccessKey, token: string, use: OneTimeUse): Promise<RenewAnswer> {
    return this.#write(async (stores): Promise<RenewAnswer> => {
      if (!(await this.#claim(stores, use))) return { kind: 'replayed' }
      const now = this.#deps.clock.now()
      const row = await stores.accessTokens.findByHash(hashToken(token))
      if (!row || row.expiresAt <= now) return { kind: 'expired' }
      if (row.accessKey !== accessKey.serial) return { kind: 'foreign' }
      if (!row.isCurrent) {
        const current = await stores.accessTokens.current(accessKey.serial)
        if (current && now < current.expiresAt) return this.#reveal(current)
        if (current) await stores.accessTokens.retire(current.hash, current.expiresAt)
      } else await stores.accessTokens.retire(row.hash, Math.min(row.expiresAt, now + ACCESS_TOKEN_OVERLAP_MS))
      return this.#mint(stores, accessKey)
    })
  }

  /** The holder of a living token; undefined for any other. Whether the key is disabled is the caller's to look at. */
  async authenticate(token: string): Promise<TokenHolder | undefined> {
    const hash = hashToken(token)
    const holder = await this.#holders.get(hash, () => this.#load(hash))
    return holder && this.#deps.clock.now() < holder.expiresAt ? holder : undefined
  }

  /** As `authenticate`, at once; undefined where only the database knows. */
  recall(token: string): TokenHolder | undefined {
    const holder = this.#holders.recall(hashToken(token))
    return holder && this.#deps.clock.now() < holder.expiresAt ? holder : undefined
  }

  /** True the first time only. */
  useOnce(use: OneTimeUse): Promise<boolean> {
    return this.#deps.storage.transaction((stores) => this.#claim(stores, use))
  }

  /** The key's secret in clear, opened once per revision of the key. */
  secretOf(accessKey: AccessKey): string {
    const known = this.#secrets.get(accessKey.serial)
    if (known?.revision === accessKey.revision) return known.secret
    const secret = this.#accessKeys.secretOf(accessKey)
    this.#secrets.set(accessKey.serial, { revision: accessKey.revision, secret })
    return secret
  }

  async #load(hash: string) {
    const { accessTokens, accessKeys } = this.#deps.storage.read
    const row = await accessTokens.findByHash(hash)
    const accessKey = row && (await accessKeys.find(row.accessKey))
    return accessKey && { accessKey, secret: this.secretOf(accessKey), expiresAt: row.expiresAt }
  }

  async #write<T>(work: (stores: Stores) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1)
      try {
        return await this.#deps.storage.transaction(work)
      } catch (error) {
        if (!isOtaError(error, 'conflict') || attempt === ATTEMPTS) throw error
      }
  }

  #claim(stores: Stores, use: OneTimeUse): Promise<boolean> {
    const times = { now: this.#deps.clock.now(), expiresAt: use.expiresAt }
    return stores.once.claim(use.purpose, use.key, times)
  }

  async #mint(stores: Stores, accessKey: AccessKey): Promise<TokenAnswer> {
    const { clock, ids, secrets } = this.#deps
    if (!(await stores.accessKeys.find(accessKey.serial))) throw new OtaError('unauthenticated', 'The key is gone.')
    const token = ids.token(TOKEN_CHARS)
    const expiresAt = clock.now() + ACCESS_TOKEN_LIFETIME_MS
    await stores.accessTokens.insert({
      hash: hashToken(token),
      accessKey: accessKey.serial,
      sealed: secrets.seal(token, CONTEXT),
      expiresAt,
      isCurrent: true,
    })
    return { kind: 'token', token, expiresAt }
  }

  #reveal(row: AccessToken): TokenAnswer {
    return { kind: 'token', token: this.#deps.secrets.open(row.sealed, CONTEXT), expiresAt: row.expiresAt }
  }
}
