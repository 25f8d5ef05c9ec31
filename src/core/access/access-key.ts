import type { Entity, Millis, Serial } from '../common.ts'

/** What a program may do in an organisation. `write` includes everything; `enrol` is for devices that make themselves known. */
export type Permission = 'read' | 'write' | 'enrol'

export interface AccessGrant {
  readonly organisation: Serial
  readonly permissions: readonly Permission[]
}

/** Key and secret of a program; may reach several organisations. */
export interface AccessKey extends Entity {
  /** The organisation that manages the key. */
  readonly organisation: Serial
  /** Public half, unique on the server. */
  readonly key: string
  readonly name: string
  /** The secret, sealed: digests over it must be computed. */
  readonly sealedSecret: string
  readonly grants: readonly AccessGrant[]
  readonly disabled: boolean
  /** SHA-256 (hex) of a separately issued proof key; null = the opaque-header mode is off for this key. */
  readonly proofHash: string | null
}

/** A short-lived token that an access key was given; looked up by hash, shown again while it lives. */
export interface AccessToken {
  /** SHA-256 of the token, hex; unique. */
  readonly hash: string
  readonly accessKey: Serial
  readonly sealed: string
  readonly expiresAt: Millis
  /** The newest token of its key; older ones live on for a short overlap. */
  readonly isCurrent: boolean
}
