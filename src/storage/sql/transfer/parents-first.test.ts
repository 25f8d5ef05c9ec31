import { expect, it } from 'vitest'
import { parentsFirst } from './parents-first.ts'

it('places each name after those that it refers to, whatever their order', () => {
  const references = [
    ['updates', 'devices'],
    ['devices', 'products'],
    ['updates', 'rollouts'],
    ['rollouts', 'products'],
  ] as const
  expect(parentsFirst(['updates', 'rollouts', 'devices', 'products'], references)).toEqual([
    'products',
    'devices',
    'rollouts',
    'updates',
  ])
})

it('does not mind a reference to itself, nor one to what is left out', () => {
  const references = [
    ['rollouts', 'rollouts'],
    ['rollouts', 'migrations'],
  ] as const
  expect(parentsFirst(['rollouts'], references)).toEqual(['rollouts'])
})
