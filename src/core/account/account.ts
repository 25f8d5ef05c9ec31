import type { Entity, Millis, Serial } from '../common.ts'

export type Role = 'owner' | 'operator' | 'viewer'

/** A person or machine that operates. */
export interface Account extends Entity {
  /** Lower-cased, unique on the server. */
  readonly email: string
  readonly passwordHash: string
  /** May make organisations and operate the server itself. */
  readonly isAdministrator: boolean
  readonly failedLogins: number
  /** Logins are refused until then; 0 = not locked. */
  readonly lockedUntil: Millis
  /** Raised by a password change or reset; tokens of an older generation are refused. */
  readonly generation: number
}

export interface Membership {
  readonly account: Serial
  readonly organisation: Serial
  readonly role: Role
}

export type TokenScope = 'read' | 'write' | 'admin'

/** A bearer token of the management API. Only its SHA-256 is kept. */
export interface ApiToken extends Entity {
  readonly account: Serial
  readonly name: string
  /** SHA-256 of the token, hex. */
  readonly hash: string
  /** What the token may do at most; the account's role bounds it further. */
  readonly scope: TokenScope
  /** Only this organisation; null = all of the account's. */
  readonly organisation: Serial | null
  /** null = never. */
  readonly expiresAt: Millis | null
  readonly revokedAt: Millis | null
  readonly lastUsedAt: Millis | null
}

const ROLE_RANK: Record<Role, number> = { viewer: 1, operator: 2, owner: 3 }

/** Whether `role` includes everything that `needed` may do. */
export function roleAllows(role: Role, needed: Role): boolean {
  return ROLE_RANK[role] >= ROLE_RANK[needed]
}
