import type { Id, Millis, New, Patch, Serial, Slice } from '../common.ts'
import type { Account, ApiToken, Membership } from './account.ts'

export interface AccountStore {
  /** Throws `conflict` (details.field `email`) when taken. */
  insert(row: New<Account>): Promise<Account>
  find(serial: Serial): Promise<Account | undefined>
  findById(id: Id): Promise<Account | undefined>
  /** `email` must be lower-cased already. */
  findByEmail(email: string): Promise<Account | undefined>
  update(serial: Serial, patch: Patch<Account>, ifRevision?: number): Promise<Account | undefined>
  /** Adds one to `failedLogins` in one statement and returns the new count. */
  countFailure(serial: Serial): Promise<number>
  delete(serial: Serial): Promise<void>
  list(slice: Slice): Promise<Account[]>
  count(): Promise<number>
}

export interface MembershipStore {
  /** Inserts or replaces the role. */
  put(membership: Membership): Promise<void>
  remove(account: Serial, organisation: Serial): Promise<void>
  listByAccount(account: Serial): Promise<Membership[]>
  listByOrganisation(organisation: Serial): Promise<Membership[]>
}

export interface ApiTokenStore {
  insert(row: New<ApiToken>): Promise<ApiToken>
  findByHash(hash: string): Promise<ApiToken | undefined>
  findById(account: Serial, id: Id): Promise<ApiToken | undefined>
  update(serial: Serial, patch: Patch<ApiToken>): Promise<ApiToken | undefined>
  listByAccount(account: Serial): Promise<ApiToken[]>
  deleteExpired(before: Millis): Promise<number>
}
