import { hash, timingSafeEqual } from 'node:crypto'
import type { Credential } from './device.ts'

/** SHA-256 of a token, lower-case hex: what is stored of tokens that only Godwit compares. */
export function hashToken(token: string): string {
  return hash('sha256', token)
}

/** Whether `token` belongs to one of the credentials; compares all of them, in constant time. */
export function matchesToken(credentials: readonly Credential[], token: string): boolean {
  const given = Buffer.from(hashToken(token))
  let matches = false
  for (const credential of credentials) {
    const stored = Buffer.from(credential.hash ?? NO_HASH)
    if (stored.length === given.length && timingSafeEqual(stored, given)) matches = true
  }
  if (credentials.length === 0) timingSafeEqual(given, Buffer.from(NO_HASH))
  return matches
}

const NO_HASH = '-'.repeat(64)
