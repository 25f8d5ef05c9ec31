import { describe, expect, it } from 'vitest'
import { nextState, TRANSITIONS, type Trigger } from './transitions.ts'
import { CLOSED_STATES, OPEN_STATES } from './update.ts'

const TRIGGERS: readonly Trigger[] = [
  'offer',
  'download',
  'downloaded',
  'install',
  'succeed',
  'fail',
  'roll-back',
  'cancel',
  'acknowledge-cancel',
  'supersede',
  'deliver',
  'time-out',
]

describe('the life of an update', () => {
  it.each(CLOSED_STATES)('%s never reopens, whatever is reported late', (state) => {
    for (const trigger of TRIGGERS) expect(nextState(state, trigger)).toBeUndefined()
  })

  it.each(OPEN_STATES)('%s can succeed, fail and be superseded', (state) => {
    expect(nextState(state, 'succeed')).toBe('succeeded')
    expect(nextState(state, 'fail')).toBe('failed')
    expect(nextState(state, 'supersede')).toBe('superseded')
  })

  it('ends at once when the device was not at work, and asks the device otherwise', () => {
    expect(nextState('pending', 'cancel')).toBe('cancelled')
    expect(nextState('offered', 'cancel')).toBe('cancelled')
    expect(nextState('installing', 'cancel')).toBe('cancelling')
    expect(nextState('cancelling', 'acknowledge-cancel')).toBe('cancelled')
  })

  it('ends by itself after a time-out, unless nobody was told of it yet', () => {
    expect(nextState('pending', 'time-out')).toBeUndefined()
    for (const state of ['offered', 'downloading', 'downloaded', 'installing'] as const)
      expect(nextState(state, 'time-out')).toBe('failed')
    expect(nextState('cancelling', 'time-out')).toBe('cancelled')
  })

  it('never goes back to an earlier open state', () => {
    const rank = new Map(OPEN_STATES.map((state, index) => [state as string, index]))
    for (const from of OPEN_STATES)
      for (const to of Object.values(TRANSITIONS[from])) {
        const target = rank.get(to)
        if (target !== undefined) expect(target).toBeGreaterThan(rank.get(from) ?? 0)
      }
  })

  it('a repeated trigger changes nothing', () => {
    expect(nextState('offered', 'offer')).toBeUndefined()
    expect(nextState('downloading', 'download')).toBeUndefined()
    expect(nextState('installing', 'install')).toBeUndefined()
  })
})
