import { describe, expect, it } from 'vitest'
import type { Versioned } from './compare-versions.ts'
import { nextStep, type PathFirmware, type PathFloor, pathOf } from './path.ts'

const v = (version: string, sequence: number | null = null): Versioned => ({ version, sequence })

let serial = 100
const target = (version: string, facts: Partial<PathFirmware> = {}): PathFirmware => ({
  version,
  sequence: null,
  firmware: ++serial,
  fromVersions: null,
  ...facts,
})
const floor = (version: string, facts: Partial<PathFloor> = {}): PathFloor => ({
  ...target(version),
  reason: `${version} moves the partitions`,
  withdrawn: false,
  ...facts,
})

/** The versions of the whole way, or what is needed and why not. */
const way = (running: Versioned | null, to: PathFirmware, floors: PathFloor[]) => {
  const path = pathOf(running, to, floors)
  if (path.kind === 'no-path') return { needs: path.needs, because: path.because }
  return [...path.floors, path.target].map((step) => step.version)
}

describe('the way to a version', () => {
  it.each([
    ['no floors', v('1.0.0'), target('3.0.0'), [], ['3.0.0']],
    ['one floor between', v('1.0.0'), target('3.0.0'), [floor('2.0.0')], ['2.0.0', '3.0.0']],
    ['runs the floor', v('2.0.0'), target('3.0.0'), [floor('2.0.0')], ['3.0.0']],
    ['is beyond the floor', v('2.1.0'), target('3.0.0'), [floor('2.0.0')], ['3.0.0']],
    ['the floor is the target', v('1.0.0'), target('2.0.0'), [floor('2.0.0')], ['2.0.0']],
    ['the floor is beyond the target', v('1.0.0'), target('1.5.0'), [floor('2.0.0')], ['1.5.0']],
    [
      'floors in any order: the lowest first',
      v('1.0.0'),
      target('5.0.0'),
      [floor('4.0.0'), floor('2.0.0'), floor('3.0.0')],
      ['2.0.0', '3.0.0', '4.0.0', '5.0.0'],
    ],
    ['joins half-way', v('2.5.0'), target('5.0.0'), [floor('4.0.0'), floor('2.0.0')], ['4.0.0', '5.0.0']],
    ['back over a floor', v('3.0.0'), target('1.0.0'), [floor('2.0.0')], ['1.0.0']],
    ['the same again', v('1.0.0'), target('1.0.0'), [floor('2.0.0')], ['1.0.0']],
    [
      'by sequence',
      v('rev-a', 1),
      target('rev-c', { sequence: 30 }),
      [floor('rev-b', { sequence: 20 })],
      ['rev-b', 'rev-c'],
    ],
    [
      'from text to SemVer over a floor that has both',
      v('legacy', 1),
      target('2.0.0', { sequence: 3 }),
      [floor('1.0.0', { sequence: 2 })],
      ['1.0.0', '2.0.0'],
    ],
    [
      'two floors in one place: one of them suffices',
      v('rev-a', 1),
      target('rev-d', { sequence: 9 }),
      [floor('rev-b', { sequence: 5 }), floor('rev-c', { sequence: 5 })],
      ['rev-b', 'rev-d'],
    ],
    ['a withdrawn floor that is behind', v('2.5.0'), target('3.0.0'), [floor('2.0.0', { withdrawn: true })], ['3.0.0']],
    ['never reported, no floor below', null, target('2.0.0'), [floor('2.0.0'), floor('3.0.0')], ['2.0.0']],
    [
      'a constraint of the target that only the floor meets',
      v('1.0.0'),
      target('3.0.0', { fromVersions: '>=2.0.0' }),
      [floor('2.0.0')],
      ['2.0.0', '3.0.0'],
    ],
    [
      'constraints all along',
      v('1.0.0'),
      target('4.0.0', { fromVersions: '^3.0.0' }),
      [floor('2.0.0', { fromVersions: '^1.0.0' }), floor('3.0.0', { fromVersions: '2.0.0' })],
      ['2.0.0', '3.0.0', '4.0.0'],
    ],
    ['exact versions', v('rev-a', 1), target('rev-b', { sequence: 2, fromVersions: 'rev-a || rev-0' }), [], ['rev-b']],
  ] as const)('%s', (_name, running, to, floors, expected) => {
    expect(way(running, to, [...floors])).toEqual(expected)
  })

  it.each([
    [
      'a constraint that the device does not meet',
      v('1.0.0'),
      target('3.0.0', { fromVersions: '>=2.0.0' }),
      [],
      '>=2.0.0',
      { kind: 'from-versions', version: '3.0.0', fromVersions: '>=2.0.0', from: '1.0.0' },
    ],
    [
      'a constraint, and the device never said what it runs',
      null,
      target('3.0.0', { fromVersions: '>=2.0.0' }),
      [],
      '>=2.0.0',
      { kind: 'from-versions', version: '3.0.0', fromVersions: '>=2.0.0', from: null },
    ],
    [
      'the floor cannot be installed from here',
      v('0.9.0'),
      target('3.0.0'),
      [floor('2.0.0', { fromVersions: '>=1.0.0' })],
      '>=1.0.0',
      { kind: 'from-versions', version: '2.0.0', fromVersions: '>=1.0.0', from: '0.9.0' },
    ],
    [
      'the last step is barred, so the first is not begun',
      v('1.0.0'),
      target('3.0.0', { fromVersions: '1.0.0' }),
      [floor('2.0.0')],
      '1.0.0',
      { kind: 'from-versions', version: '3.0.0', fromVersions: '1.0.0', from: '2.0.0' },
    ],
    [
      'a step back that the target does not take',
      v('3.0.0'),
      target('1.0.0', { fromVersions: '<2.0.0' }),
      [floor('2.0.0')],
      '<2.0.0',
      { kind: 'from-versions', version: '1.0.0', fromVersions: '<2.0.0', from: '3.0.0' },
    ],
    [
      'never reported, a floor below the target',
      null,
      target('3.0.0'),
      [floor('2.0.0')],
      '2.0.0',
      { kind: 'unknown-version', floor: '2.0.0', reason: '2.0.0 moves the partitions' },
    ],
    [
      'the running version cannot be placed below or above the floor',
      v('legacy'),
      target('3.0.0'),
      [floor('2.0.0')],
      '2.0.0',
      { kind: 'incomparable', floor: '2.0.0', version: 'legacy', reason: '2.0.0 moves the partitions' },
    ],
    [
      'the target cannot be placed below or above the floor',
      v('rev-a', 1),
      target('rev-c'),
      [floor('rev-b', { sequence: 2 })],
      'rev-b',
      { kind: 'incomparable', floor: 'rev-b', version: 'rev-c', reason: 'rev-b moves the partitions' },
    ],
    [
      'nothing says which of two floors comes first',
      v('1.0.0', 1),
      target('9.0.0', { sequence: 9 }),
      [floor('2.0.0', { firmware: 1 }), floor('rev-b', { firmware: 2, sequence: 5 })],
      '2.0.0',
      { kind: 'incomparable', floor: '2.0.0', version: 'rev-b', reason: '2.0.0 moves the partitions' },
    ],
    [
      'a floor on the way is withdrawn',
      v('1.0.0'),
      target('3.0.0'),
      [floor('1.5.0'), floor('2.0.0', { withdrawn: true })],
      '2.0.0',
      { kind: 'floor-withdrawn', floor: '2.0.0', reason: '2.0.0 moves the partitions' },
    ],
  ] as const)('there is none: %s', (_name, running, to, floors, needs, because) => {
    expect(way(running, to, [...floors])).toEqual({ needs, because })
    expect(nextStep(running, to, floors)).toEqual({ kind: 'no-path', needs, because })
  })

  it('begins with the lowest floor, and each step leads on from the one before', () => {
    const [low, high, end] = [floor('2.0.0'), floor('3.0.0'), target('4.0.0')]
    expect(nextStep(v('1.0.0'), end, [high, low])).toEqual({ kind: 'floor', floor: low })
    expect(nextStep(v('2.0.0'), end, [high, low])).toEqual({ kind: 'floor', floor: high })
    expect(nextStep(v('3.0.0'), end, [high, low])).toEqual({ kind: 'direct' })
  })

  it('is the same for every order of the floors, also where sequences and SemVer go round in a circle', () => {
    const floors = [
      floor('2.0.0', { firmware: 1, sequence: 30 }),
      floor('3.0.0', { firmware: 2, sequence: 10 }),
      floor('rev-b', { firmware: 3, sequence: 20 }),
    ]
    const to = target('9.0.0', { sequence: 99 })
    const ways = permutations(floors).map((order) => JSON.stringify(way(v('1.0.0', 1), to, order)))
    expect(new Set(ways).size).toBe(1)
    expect(ways[0]).toContain('incomparable')
  })
})

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]]
  return items.flatMap((item, at) => permutations(items.toSpliced(at, 1)).map((rest) => [item, ...rest]))
}
