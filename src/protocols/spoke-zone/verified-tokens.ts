import type { Millis } from '../../core/common.ts'
import type { AccessClaims } from './access-token.ts'

/**
 * Bounded memory of tokens whose signature was found good, so that a poll costs none. It says nothing of revocation:
 * the caller compares generation and device on every request.
 */
export class VerifiedTokens {
  readonly #claims = new Map<string, AccessClaims>()
  readonly #capacity: number

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** undefined when unknown or expired. */
  get(token: string, now: Millis): AccessClaims | undefined {
    const claims = this.#claims.get(token)
    if (claims === undefined || now < claims.expiresAt) return claims
    this.#claims.delete(token)
    return undefined
  }

  /** The oldest one gives way. */
  keep(token: string, claims: AccessClaims): void {
    if (this.#capacity === 0) return
    if (this.#claims.size >= this.#capacity) {
      const oldest = this.#claims.keys().next()
      if (!oldest.done) this.#claims.delete(oldest.value)
    }
    this.#claims.set(token, claims)
  }
}
