import { expect, test } from 'vitest'
import type { DeviceClaims } from './access-token.ts'
import { VerifiedTokens } from './verified-tokens.ts'

const claims: DeviceClaims = { kind: 'device', device: 1, organisation: 1, generation: 1, expiresAt: 1000 }

test('a token is known until it expires', () => {
  const tokens = new VerifiedTokens(2)
  tokens.keep('a', claims)
  expect(tokens.get('a', 999)).toBe(claims)
  expect(tokens.get('a', 1000)).toBeUndefined()
  expect(tokens.get('a', 0)).toBeUndefined()
})

test('the oldest token gives way to a new one', () => {
  const tokens = new VerifiedTokens(2)
  for (const token of ['a', 'b', 'c']) tokens.keep(token, claims)
  expect(['a', 'b', 'c'].map((token) => tokens.get(token, 0) !== undefined)).toEqual([false, true, true])
})

test('without room nothing is kept', () => {
  const tokens = new VerifiedTokens(0)
  tokens.keep('a', claims)
  expect(tokens.get('a', 0)).toBeUndefined()
})
