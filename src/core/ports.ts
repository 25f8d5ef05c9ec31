import type { AccessKeyStore, AccessTokenStore, IdempotencyStore, OnceStore } from './access/access-store.ts'
import type { AccountStore, ApiTokenStore, MembershipStore } from './account/account-store.ts'
import type { AssignmentStore } from './assignment/assignment-store.ts'
import type { Blobs } from './blobs.ts'
import type { Id, Millis, Serial } from './common.ts'
import type { DataFileStore } from './data-file/data-file-store.ts'
import type { AliasStore, CredentialStore, DeviceStore, GroupStore, RunningStore } from './device/device-store.ts'
import type { HolderStore } from './device/holder-store.ts'
import type { EventStore } from './event/event-store.ts'
import type { ArtifactStore, BlobRecordStore, FirmwareStore } from './firmware/firmware-store.ts'
import type { FloorStore } from './floor/floor-store.ts'
import type { LeaseStore } from './lease/lease-store.ts'
import type { NodeStore } from './node/node-store.ts'
import type { OrganisationStore } from './organisation/organisation-store.ts'
import type { TallyStore } from './organisation/tally-store.ts'
import type { ModuleStore, ProductStore } from './product/product-store.ts'
import type { ReleaseStore } from './release/release-store.ts'
import type { RolloutMemberStore, RolloutStore, RolloutTallyStore } from './rollout/rollout-store.ts'
import type { UpdateStore } from './update/update-store.ts'
import type { DeadLetterStore, WebhookStore } from './webhook/webhook-store.ts'

/** All stores, bound to one connection: a transaction, the poll reader or the management reader. */
export interface Stores {
  readonly organisations: OrganisationStore
  readonly accounts: AccountStore
  readonly memberships: MembershipStore
  readonly apiTokens: ApiTokenStore
  readonly accessKeys: AccessKeyStore
  readonly accessTokens: AccessTokenStore
  readonly once: OnceStore
  readonly idempotency: IdempotencyStore
  readonly products: ProductStore
  readonly modules: ModuleStore
  readonly devices: DeviceStore
  readonly groups: GroupStore
  readonly credentials: CredentialStore
  readonly holders: HolderStore
  readonly running: RunningStore
  readonly aliases: AliasStore
  readonly firmware: FirmwareStore
  readonly floors: FloorStore
  readonly artifacts: ArtifactStore
  readonly blobRecords: BlobRecordStore
  readonly releases: ReleaseStore
  readonly assignments: AssignmentStore
  readonly updates: UpdateStore
  readonly rollouts: RolloutStore
  readonly rolloutMembers: RolloutMemberStore
  readonly rolloutTallies: RolloutTallyStore
  readonly events: EventStore
  readonly dataFiles: DataFileStore
  readonly settings: SettingStore
  readonly tallies: TallyStore
  readonly webhooks: WebhookStore
  readonly deadLetters: DeadLetterStore
  readonly leases: LeaseStore
  readonly nodes: NodeStore
}

/** Facts of the server itself: `frozen`, `master-key-check`. */
export interface SettingStore {
  get(name: string): Promise<string | undefined>
  set(name: string, value: string): Promise<void>
  delete(name: string): Promise<void>
}

/**
 * What a committed transaction changed, as far as an answer to a device may depend on it.
 * `device`: the device, its credentials, running versions, own assignment, updates or memberships in rollouts.
 * `rollout`: its counters or approvals. They change with every grant, so nothing that is kept for long may depend on them.
 * `access-token`: one of the key's tokens ends earlier than it said.
 * `fleet`: anything else of the organisation (products, firmware, groups, releases, rollouts, access keys, settings);
 * null = the whole server, or that what changed is not known any more: anything may have.
 */
export type Change =
  | { readonly kind: 'device'; readonly device: Serial }
  | { readonly kind: 'rollout'; readonly rollout: Serial }
  | { readonly kind: 'access-token'; readonly accessKey: Serial }
  | { readonly kind: 'fleet'; readonly organisation: Serial | null }

/** Who committed a change: this process, or another one on the same database. */
export type ChangeOrigin = 'own' | 'other'

export type ChangeListener = (changes: readonly Change[], origin: ChangeOrigin) => void

/** Whether what was read before still stands: what every memory of committed facts asks before it answers. */
export interface Invalidation {
  /** True when no other process writes to this database. */
  readonly isSoleWriter: boolean
  /**
   * Whether `onChange` has announced everything that any process committed longer ago than the storage's bound. While
   * it is false, nothing that is remembered may be believed; what was missed is announced before it is true again.
   */
  isCurrent(): boolean
}

export interface Storage {
  /**
   * Runs `work` in one transaction: all of its writes become visible and durable together, or none does. Resolves after
   * the commit. Never nest. `work` may be run again after a serialisation conflict, so it must have no other effects.
   */
  transaction<T>(work: (stores: Stores) => Promise<T>): Promise<T>
  /** Short reads of the poll path, outside a transaction; sees everything that was committed before. */
  readonly read: Stores
  /** Long reads of operators: lists, searches, counts. Never blocks the poll path. */
  readonly management: Stores
  readonly invalidation: Invalidation
  /**
   * Calls `listener` after each commit that changed something: for those of this process before `transaction` resolves,
   * for those of others soon after. A commit of this process whose outcome is not known is announced like one.
   */
  onChange(listener: ChangeListener): void
  /** Rejects when the database does not answer. */
  check(): Promise<void>
  close(): Promise<void>
}

export interface Clock {
  /** Epoch milliseconds. */
  now(): Millis
}

export interface Ids {
  /** A fresh row id; its first 4 bytes are `now` in seconds. */
  id(now: Millis): Id
  /** Lower-case UUID v4. */
  uuid(): string
  /** `length` unbiased random characters of `[A-Za-z0-9]`. */
  token(length: number): string
}

export interface Secrets {
  /** argon2id, with its parameters in the text. */
  hashPassword(password: string): Promise<string>
  /** Constant time for equal parameters. With `undefined` it costs the same and answers false. */
  verifyPassword(password: string, hash: string | undefined): Promise<boolean>
  /** Authenticated encryption under the master key, bound to `context` (what and whose it is). */
  seal(plain: string, context: string): string
  /** Throws `internal` when the text was sealed under another key or context. */
  open(sealed: string, context: string): string
  /** A key of 32 bytes derived from the master key for one purpose. */
  derive(purpose: string): Uint8Array
}

/** Claims of a signed token besides `iat` and `exp` (both seconds). */
export type Claims = Readonly<Record<string, unknown>>

export type TokenVerdict =
  | { readonly kind: 'valid'; readonly claims: Claims & { readonly iat: number; readonly exp: number } }
  | { readonly kind: 'expired'; readonly claims: Claims & { readonly iat: number; readonly exp: number } }
  | { readonly kind: 'invalid' }
  | { readonly kind: 'malformed' }

/** Signed tokens (JWT, HS256 only). Each family has its own key, so that a token of one is invalid in another. */
export interface TokenSigner {
  /** `lifetimeSeconds` counts from the clock's now. */
  sign(family: string, claims: Claims, lifetimeSeconds: number): Promise<string>
  /** Expired when now >= exp, no leeway. */
  verify(family: string, token: string): Promise<TokenVerdict>
}

/** Tells devices that there is something for them, where a protocol can push. Failures are its own affair. */
export interface Notifier {
  assigned(target: { readonly device: Serial } | { readonly group: Serial }, version: string): void
}

/** Everything that core needs from outside, passed as one object. */
export interface Ports {
  readonly storage: Storage
  readonly blobs: Blobs
  readonly clock: Clock
  readonly ids: Ids
  readonly secrets: Secrets
  readonly tokens: TokenSigner
  readonly notifier: Notifier
}
