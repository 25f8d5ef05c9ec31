import { describe, expect, it } from 'vitest'
import { compareVersions, type Versioned } from './compare-versions.ts'

const v = (version: string, sequence: number | null = null): Versioned => ({ version, sequence })
const MIRROR = { older: 'newer', newer: 'older', same: 'same', unknown: 'unknown' } as const

describe('the order of versions', () => {
  it.each([
    ['equal text', v('1.2.3'), v('1.2.3'), 'same'],
    ['equal text that is no SemVer', v('rev-b'), v('rev-b'), 'same'],
    ['equal text, whatever the sequences say', v('rev-b', 1), v('rev-b', 2), 'same'],
    ['SemVer: numbers, not text', v('1.9.0'), v('1.10.0'), 'older'],
    ['SemVer: a pre-release precedes its release', v('2.0.0-rc.1'), v('2.0.0'), 'older'],
    ['SemVer: pre-releases among themselves', v('2.0.0-rc.2'), v('2.0.0-rc.10'), 'older'],
    ['SemVer with a leading v', v('v1.2.3'), v('1.2.4'), 'older'],
    ['SemVer outranks the sequences', v('1.0.0', 9), v('2.0.0', 1), 'older'],
    ['build metadata alone: no order', v('1.0.0+a'), v('1.0.0+b'), 'unknown'],
    ['build metadata alone: the sequence has the say', v('1.0.0+a', 7), v('1.0.0+b', 3), 'newer'],
    ['the same precedence spelt otherwise: no order', v('v1.2.3'), v('1.2.3'), 'unknown'],
    ['sequences where neither is SemVer', v('rev-b', 2), v('rev-a', 10), 'older'],
    ['sequences where one is SemVer', v('1.2.3', 5), v('legacy', 4), 'newer'],
    ['the sequence 0 is one', v('rev-a', 0), v('rev-b', 1), 'older'],
    ['equal sequences stand in one place', v('rev-a', 3), v('rev-b', 3), 'same'],
    ['one sequence alone says nothing', v('rev-a', 3), v('rev-b'), 'unknown'],
    ['dates are not read', v('2024-05'), v('2025-01'), 'unknown'],
    ['two numbers are no SemVer', v('1.2'), v('1.3'), 'unknown'],
    ['four numbers are no SemVer', v('1.2.3.4'), v('1.2.3.5'), 'unknown'],
    ['leading zeros are no SemVer', v('1.02.3'), v('1.03.0'), 'unknown'],
    ['SemVer against other text', v('1.2.3'), v('1.2'), 'unknown'],
    ['numbers that no computer keeps', v('99999999999999999999.0.0'), v('1.0.0'), 'unknown'],
    ['nothing is read out of empty text', v(''), v('1.0.0'), 'unknown'],
  ] as const)('%s', (_name, a, b, expected) => {
    expect(compareVersions(a, b)).toBe(expected)
    expect(compareVersions(b, a)).toBe(MIRROR[expected])
  })
})
