import { describe, expect, it } from 'vitest'
import { downgradeInWords, noPathInWords, penaltyInWords } from './words.ts'

describe('refusals of the guards in words', () => {
  it.each([
    [
      { kind: 'downgrade', from: '2.0.0', to: '1.0.0', overridable: true },
      'It runs 2.0.0, which is newer than 1.0.0; it does not go back unless the plan allows downgrades.',
    ],
    [
      { kind: 'downgrade', from: '2.0.0', to: '1.0.0', overridable: false },
      'It runs 2.0.0, which is newer than 1.0.0; it does not go back and its product forbids downgrades.',
    ],
    [
      { kind: 'incomparable', from: 'b', to: 'a', overridable: true },
      'It runs b, and nothing says whether a is newer: they are not both SemVer and not both have a sequence. It is left alone unless the plan allows downgrades.',
    ],
  ] as const)('%o', (refusal, words) => {
    expect(downgradeInWords(refusal)).toBe(words)
  })

  it.each([
    [
      { kind: 'from-versions', version: '3.0.0', fromVersions: '>=2.0.0', from: '1.0.0' },
      'Version 3.0.0 can be installed from >=2.0.0 only, and it would come from 1.0.0.',
    ],
    [
      { kind: 'from-versions', version: '3.0.0', fromVersions: '>=2.0.0', from: null },
      'Version 3.0.0 can be installed from >=2.0.0 only, and what it runs is not known.',
    ],
    [
      { kind: 'incomparable', floor: '2.0.0', version: 'legacy', reason: 'moves partitions' },
      'Nothing says whether version 2.0.0, which must not be jumped over (moves partitions), is older or newer than legacy; sequences would.',
    ],
    [
      { kind: 'unknown-version', floor: '2.0.0', reason: 'moves partitions' },
      'What it runs is not known, so it may still need version 2.0.0, which must not be jumped over (moves partitions).',
    ],
    [
      { kind: 'floor-withdrawn', floor: '2.0.0', reason: 'moves partitions' },
      'It needs version 2.0.0 first (moves partitions), and that was withdrawn.',
    ],
  ] as const)('%o', (because, words) => {
    expect(noPathInWords({ kind: 'no-path', needs: '', because })).toBe(words)
  })

  it('of the penalty box', () => {
    const until = Date.UTC(2026, 10, 3, 4, 5, 6)
    expect(penaltyInWords({ failures: 3, until })).toBe(
      'Its last 3 updates failed; it is left alone until 2026-11-03T04:05:06.000Z, or until an operator has it tried again.',
    )
    expect(penaltyInWords({ failures: 1, until })).toContain('Its last update failed;')
  })
})
