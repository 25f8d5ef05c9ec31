import { expect, it } from 'vitest'
import type { Change } from '../../core/ports.ts'
import { changeText, parseChangeText } from './change-text.ts'

const TEXTS: ReadonlyArray<readonly [text: string, changes: readonly Change[]]> = [
  ['', []],
  ['d17', [{ kind: 'device', device: 17 }]],
  ['f*', [{ kind: 'fleet', organisation: null }]],
  [
    'f1,*;d17,9007199254740991;r3;t5',
    [
      { kind: 'fleet', organisation: 1 },
      { kind: 'fleet', organisation: null },
      { kind: 'device', device: 17 },
      { kind: 'device', device: Number.MAX_SAFE_INTEGER },
      { kind: 'rollout', rollout: 3 },
      { kind: 'access-token', accessKey: 5 },
    ],
  ],
]

it.each(TEXTS)('%s', (text, changes) => {
  expect(changeText(changes)).toBe(text)
  expect(parseChangeText(text)).toEqual(changes)
})

it.each(['x1', 'd', 'd1,', 'd1;;d2', 'd-1', 'd*', 'd1.5', 'by hand'])(
  '%s, which nobody here writes, may mean anything',
  (text) => {
    expect(parseChangeText(text)).toEqual([{ kind: 'fleet', organisation: null }])
  },
)

it('says of very many changes only that there are', () => {
  const many = Array.from({ length: 20_001 }, (_, device): Change => ({ kind: 'device', device }))
  expect(changeText(many)).toBe('f*')
  expect(parseChangeText(changeText(many.slice(1)))).toEqual(many.slice(1))
})
