import { describe, expect, it } from 'vitest'
import { allowsFrom, requireFromVersions } from './from-versions.ts'

describe('from which versions a firmware can be installed', () => {
  it.each([
    ['no constraint', null, 'anything', true],
    ['inside a range', '>=1.2.0 <2.0.0', '1.9.9', true],
    ['below a range', '>=1.2.0 <2.0.0', '1.1.9', false],
    ['at its open end', '>=1.2.0 <2.0.0', '2.0.0', false],
    ['one of several ranges', '^1.4.0 || ^2.1.0', '2.3.0', true],
    ['between several ranges', '^1.4.0 || ^2.1.0', '2.0.9', false],
    ['a range of two ends', '1.2.0 - 1.4.0', '1.3.0', true],
    ['a version with a leading v', '>=1.2.0', 'v1.3.0', true],
    ['a pre-release that the range does not name', '>=1.0.0', '1.2.0-rc.1', false],
    ['a pre-release that the range names', '>=1.2.0-rc.1', '1.2.0-rc.2', true],
    ['exact versions that are no SemVer', 'rev-a || rev-b', 'rev-b', true],
    ['another version that is no SemVer', 'rev-a || rev-b', 'rev-c', false],
    ['a part of a version does not count', 'rev-a || rev-b', 'rev-', false],
    ['case counts', 'rev-a', 'Rev-A', false],
    ['ranges and exact versions together', '>=1.2.0 || legacy-7', 'legacy-7', true],
    ['a number is a version verbatim', '5 || 6', '6', true],
    ['and a range as well', '5 || 6', '5.4.0', true],
    ['a range says nothing of versions that are no SemVer', '*', 'rev-a', false],
    ['without blanks', '1.0.0||1.1.0', '1.1.0', true],
  ] as const)('%s', (_name, fromVersions, running, expected) => {
    expect(allowsFrom(fromVersions, running)).toBe(expected)
  })

  it.each(['>=1.2.0', '^1 || ^2', '1.0.0 - 1.4.0', 'rev-a || rev-b', '*', '2024-05', '1.2.3.4', `r${'x'.repeat(63)}`])(
    'may be written %s',
    (text) => {
      expect(requireFromVersions('fromVersions', text)).toBe(text)
    },
  )

  it.each([
    ['nothing', ''],
    ['blanks', ' '],
    ['nothing between', '1.0.0 || || 2.0.0'],
    ['nothing behind', '1.0.0 ||'],
    ['a comma in a range', '>=1.0,<2'],
    ['operators the wrong way round', '=>1.0.0'],
    ['a range over four numbers', '>=1.2.3.4'],
    ['a blank in a version', 'rev a'],
    ['a version of 65 characters', `r${'x'.repeat(64)}`],
    ['letters that no version has', 'rev-ä'],
    ['a text without end', '1.0.0 || '.repeat(100)],
  ])('may not be %s', (_name, text) => {
    expect(() => requireFromVersions('fromVersions', text)).toThrow(
      expect.objectContaining({ code: 'invalid', details: expect.objectContaining({ field: 'fromVersions' }) }),
    )
  })
})
