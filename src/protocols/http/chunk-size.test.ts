import { expect, test } from 'vitest'
import { nextChunk } from './chunk-size.ts'

test.each([
  ['doubles while the client keeps up', 32_768, 3, 65_536],
  ['stays where it takes a moment', 65_536, 500, 65_536],
  ['shrinks to a second of a slow line', 65_536, 8_000, 8_192],
  ['never below 4 KiB', 8_192, 60_000, 4_096],
  ['grows again from there', 4_096, 10, 8_192],
])('a piece of a download %s', (_, bytes, ms, next) => {
  expect(nextChunk(bytes, ms)).toBe(next)
})
