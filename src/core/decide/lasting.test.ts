import { expect, it } from 'vitest'
import { isLasting } from './lasting.ts'

const rollout = { id: '0123456789abcdef01234567', key: 'spring' }
const notReached = { kind: 'stage-not-reached', rollout, stage: 2, current: 1 } as const
const closed = { kind: 'window-closed', rollout, stage: 1, opensAt: null } as const

it('lasts when nothing in it ends with time', () => {
  expect(isLasting({ kind: 'none', because: { kind: 'nothing-assigned' } })).toBe(true)
  expect(isLasting({ kind: 'none', because: notReached, considered: [{ rollout, because: notReached }] })).toBe(true)
})

it('does not last when its reason ends with time', () => {
  expect(isLasting({ kind: 'none', because: { kind: 'retry-later', until: 1, attempt: 1, reason: '' } })).toBe(false)
  expect(isLasting({ kind: 'none', because: closed })).toBe(false)
})

it('does not last when a rollout further behind waits for its time', () => {
  const considered = [
    { rollout, because: notReached },
    { rollout, because: closed },
  ]
  expect(isLasting({ kind: 'none', because: notReached, considered })).toBe(false)
})
