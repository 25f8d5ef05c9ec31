import { expect, test } from 'vitest'
import { equalSecrets } from './constant-time.ts'

test.each([
  ['secret', 'secret', true],
  ['secret', 'Secret', false],
  ['secret', 'secret ', false],
  ['', '', true],
  ['', 'x', false],
  ['ä', 'a\u0308', false],
])('%j and %j: %s', (a, b, expected) => {
  expect(equalSecrets(a, b)).toBe(expected)
})
