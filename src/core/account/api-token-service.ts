import type { Id, Millis, Serial } from '../common.ts'
import { hashToken } from '../device/secret-hash.ts'
import { notFound } from '../errors.ts'
import type { Actor } from '../event/event.ts'
import { record } from '../event/record.ts'
import type { ServiceDeps } from '../service.ts'
import { requireText } from '../validate.ts'
import type { Account, ApiToken, TokenScope } from './account.ts'

export interface ApiTokenInput {
  readonly name: string
  readonly scope: TokenScope
  readonly organisation?: Serial | null
  /** null = never. */
  readonly expiresAt?: Millis | null
}

export type TokenCheck =
  | { readonly kind: 'valid'; readonly token: ApiToken; readonly account: Account }
  | { readonly kind: 'unknown' | 'expired' | 'revoked' }

/** Prefix by which leaked tokens can be found by scanners. */
export const API_TOKEN_PREFIX = 'gdw_'

/** Name of the tokens that logins make; they end when the password is set. */
export const SESSION_TOKEN = 'login'

/** `lastUsedAt` is written again only when it is so old, ms. */
const USE_NOTED_EVERY_MS = 300_000

export class ApiTokenService {
  readonly #deps: ServiceDeps

  constructor(deps: ServiceDeps) {
    this.#deps = deps
  }

  /** The clear token is returned once and never again. */
  async create(actor: Actor, account: Account, input: ApiTokenInput): Promise<{ token: ApiToken; secret: string }> {
    const { storage, clock, ids } = this.#deps
    const secret = `${API_TOKEN_PREFIX}${ids.token(40)}`
    const now = clock.now()
    const token = await storage.transaction(async (stores) => {
      const row = await stores.apiTokens.insert({
        id: ids.id(now),
        createdAt: now,
        account: account.serial,
        name: requireText('name', input.name),
        hash: hashToken(secret),
        scope: input.scope,
        organisation: input.organisation ?? null,
        expiresAt: input.expiresAt ?? null,
        revokedAt: null,
        lastUsedAt: null,
      })
      const subject = { kind: 'token', id: row.id }
      const details = { account: account.id, name: row.name, scope: row.scope }
      await record(stores, this.#deps, { organisation: null, type: 'token.created', actor, subject, details })
      return row
    })
    return { token, secret }
  }

  async check(secret: string): Promise<TokenCheck> {
    const { read } = this.#deps.storage
    const token = await read.apiTokens.findByHash(hashToken(secret))
    const account = token && (await read.accounts.find(token.account))
    if (!token || !account) return { kind: 'unknown' }
    if (token.revokedAt !== null) return { kind: 'revoked' }
    if (token.expiresAt !== null && this.#deps.clock.now() >= token.expiresAt) return { kind: 'expired' }
    return { kind: 'valid', token, account }
  }

  /** Moves `lastUsedAt`, at most once in five minutes per token. */
  async noteUse(token: ApiToken): Promise<void> {
    const now = this.#deps.clock.now()
    if (token.lastUsedAt !== null && now - token.lastUsedAt < USE_NOTED_EVERY_MS) return
    await this.#deps.storage.transaction((stores) => stores.apiTokens.update(token.serial, { lastUsedAt: now }))
  }

  async revoke(actor: Actor, account: Serial, id: Id): Promise<void> {
    await this.#deps.storage.transaction(async (stores) => {
      const token = await stores.apiTokens.findById(account, id)
      if (!token) throw notFound('token', id)
      await stores.apiTokens.update(token.serial, { revokedAt: this.#deps.clock.now() })
      const subject = { kind: 'token', id }
      const details = { name: token.name, scope: token.scope }
      await record(stores, this.#deps, { organisation: null, type: 'token.revoked', actor, subject, details })
    })
  }

  list(account: Serial): Promise<ApiToken[]> {
    return this.#deps.storage.read.apiTokens.listByAccount(account)
  }
}
