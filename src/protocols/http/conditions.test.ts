import { describe, expect, test } from 'vitest'
import { matchesNone, matchesSome, rangeApplies, sha256Etag } from './conditions.ts'

const etag = sha256Etag('ab12')
const lastModified = Date.parse('2026-01-05T08:00:00.500Z')

test('the tag is strong and names the hash', () => {
  expect(etag).toBe('"sha256-ab12"')
})

describe('If-None-Match: has the client these bytes already?', () => {
  test.each([
    [undefined, false],
    ['"sha256-ab12"', true],
    ['W/"sha256-ab12"', true],
    ['"x", "sha256-ab12"', true],
    ['"x","sha256-ab12" , "y"', true],
    ['*', true],
    [' * ', true],
    ['"sha256-AB12"', false],
    ['sha256-ab12', false],
    ['"x, sha256-ab12"', false],
    ['', false],
    ['"sha256-ab12', false],
  ])('%j', (header, expected) => {
    expect(matchesNone(header, { etag })).toBe(expected)
  })
})

describe('If-Match: may the answer go out?', () => {
  test.each([
    [undefined, true],
    ['*', true],
    ['"sha256-ab12"', true],
    ['"x", "sha256-ab12"', true],
    ['W/"sha256-ab12"', false],
    ['"x"', false],
    ['', false],
  ])('%j', (header, expected) => {
    expect(matchesSome(header, { etag })).toBe(expected)
  })
})

describe('If-Range: does Range apply?', () => {
  test.each([
    [undefined, true],
    ['"sha256-ab12"', true],
    [' "sha256-ab12" ', true],
    ['W/"sha256-ab12"', false],
    ['"other"', false],
    ['Mon, 05 Jan 2026 08:00:00 GMT', true],
    ['Mon, 05 Jan 2026 08:00:01 GMT', true],
    ['Mon, 05 Jan 2026 07:59:59 GMT', false],
    ['nonsense', false],
    ['', false],
  ])('%j', (header, expected) => {
    expect(rangeApplies(header, { etag, lastModified })).toBe(expected)
  })

  test('a date never applies where no date is sent', () => {
    expect(rangeApplies('Mon, 05 Jan 2026 08:00:01 GMT', { etag })).toBe(false)
  })
})
