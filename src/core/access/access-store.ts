import type { Id, Millis, New, Patch, Serial, Slice } from '../common.ts'
import type { AccessKey, AccessToken } from './access-key.ts'

export interface AccessKeyStore {
  /** Throws `conflict` (details.field `key`) when taken. */
  insert(row: New<AccessKey>): Promise<AccessKey>
  find(serial: Serial): Promise<AccessKey | undefined>
  findById(organisation: Serial, id: Id): Promise<AccessKey | undefined>
  findByKey(key: string): Promise<AccessKey | undefined>
  update(serial: Serial, patch: Patch<AccessKey>): Promise<AccessKey | undefined>
  delete(serial: Serial): Promise<void>
  list(organisation: Serial, slice: Slice): Promise<AccessKey[]>
}

export interface AccessTokenStore {
  /** Throws `conflict` when the key already has a current token (two first calls at once) and this one is current. */
  insert(row: AccessToken): Promise<void>
  findByHash(hash: string): Promise<AccessToken | undefined>
  /** The newest token of a key, expired or not. */
  current(accessKey: Serial): Promise<AccessToken | undefined>
  /** Makes a token old: no longer current, living until `expiresAt`. Announced as a change of its key's tokens. */
  retire(hash: string, expiresAt: Millis): Promise<void>
  deleteExpired(before: Millis): Promise<number>
}

/** Rows that may exist once: replay memory, one-time actions. */
export interface OnceStore {
  /** True exactly once for a (purpose, key) until `expiresAt`; expired claims count as absent. */
  claim(purpose: string, key: string, times: { now: Millis; expiresAt: Millis }): Promise<boolean>
  /** As `claim` for many different keys; answers those for which it is true. */
  claimAll(
    purpose: string,
    keys: readonly string[],
    times: { now: Millis; expiresAt: Millis },
  ): Promise<ReadonlySet<string>>
  deleteExpired(before: Millis): Promise<number>
}

/** The remembered answer of a creating call. */
export interface IdempotentReply {
  readonly key: string
  /** Who asked: an account serial. */
  readonly account: Serial
  /** SHA-256 of method, path and body; another request under the same key is refused. */
  readonly requestHash: string
  readonly status: number
  readonly body: string
  readonly expiresAt: Millis
}

export interface IdempotencyStore {
  find(account: Serial, key: string): Promise<IdempotentReply | undefined>
  /** Throws `conflict` when the key was used meanwhile. */
  insert(row: IdempotentReply): Promise<void>
  deleteExpired(before: Millis): Promise<number>
}
