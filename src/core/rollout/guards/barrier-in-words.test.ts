import { expect, it } from 'vitest'
import { explainBecause } from '../../decide/explain.ts'
import { barrierInWords } from './barrier-in-words.ts'

it.each([
  [
    { kind: 'from-versions', version: '2.0.0', fromVersions: '>=1.0.0', from: '0.9.0' },
    'version 2.0.0 can be installed only from >=1.0.0, and it would come from 0.9.0',
  ],
  [
    { kind: 'from-versions', version: '3.0.0', fromVersions: '>=2.0.0', from: null },
    'version 3.0.0 can be installed only from >=2.0.0, and what it runs is not known',
  ],
  [
    { kind: 'incomparable', floor: '2.0.0', version: 'legacy', reason: 'moves partitions' },
    'nothing says whether version 2.0.0, which must not be jumped over (moves partitions), is older or newer than legacy; sequences would',
  ],
  [
    { kind: 'unknown-version', floor: '2.0.0', reason: 'moves partitions' },
    'it may need version 2.0.0 first, which must not be jumped over (moves partitions)',
  ],
  [
    { kind: 'floor-withdrawn', floor: '2.0.0', reason: 'moves partitions' },
    'it needs version 2.0.0 first (moves partitions), which was withdrawn',
  ],
] as const)('%o', (barrier, words) => {
  expect(barrierInWords(barrier)).toBe(words)
})

it('stands in the explanation of a device', () => {
  const facts = { kind: 'no-path', to: '3.0.0', needs: '2.0.0' } as const
  const barrier = { kind: 'floor-withdrawn', floor: '2.0.0', reason: 'moves partitions' } as const
  expect(explainBecause({ ...facts, from: '1.0.0', barrier })).toBe(
    'It runs 1.0.0; there is no way to 3.0.0: it needs version 2.0.0 first (moves partitions), which was withdrawn.',
  )
  expect(explainBecause({ ...facts, from: null, needs: '>=2.0.0' })).toBe(
    'It runs an unknown version; 3.0.0 can be installed only from >=2.0.0. There is no way there.',
  )
})
