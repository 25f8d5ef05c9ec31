import { describe, expect, it } from 'vitest'
import { DEFAULT_CORE_LIMITS } from '../limits.ts'
import {
  deadlineAfterNews,
  deadlineOf,
  forSilentDevices,
  onlyStopsWaiting,
  timeOutReason,
  timeOutsOf,
} from './time-outs.ts'
import type { OwnTimeOuts, UpdateState } from './update.ts'

const NOW = 1_000_000
const own = (timeOuts: OwnTimeOuts | null = null, limits = {}) =>
  timeOutsOf({ ...DEFAULT_CORE_LIMITS, ...limits }, timeOuts)

/** Seconds from now to the deadline after a step. */
function secondsAfter(from: UpdateState, to: UpdateState, timeOuts = own(), before: number | null = null) {
  const deadline = deadlineOf({ from, to, now: NOW, deadline: before === null ? null : NOW + before * 1000 }, timeOuts)
  return deadline === null ? null : (deadline - NOW) / 1000
}

describe('the deadline of an update', () => {
  it.each<[UpdateState, UpdateState, number | null]>([
    ['pending', 'offered', 604_800],
    ['offered', 'downloading', 86_400],
    ['downloading', 'downloaded', 86_400],
    ['downloaded', 'installing', 7_200],
    ['installing', 'cancelling', 86_400],
    ['installing', 'succeeded', null],
    ['offered', 'superseded', null],
    ['downloading', 'delivered', null],
  ])('is set anew from %s to %s', (from, to, seconds) => {
    expect(secondsAfter(from, to, own(), 5)).toBe(seconds)
  })

  it('is none where the limit is 0, or the update says so', () => {
    expect(secondsAfter('pending', 'offered', own(null, { updateOfferedSeconds: 0 }))).toBeNull()
    expect(secondsAfter('pending', 'offered', own({ offered: null }))).toBeNull()
    expect(secondsAfter('pending', 'offered', own({ offered: 60 }, { updateOfferedSeconds: 0 }))).toBe(60)
  })

  it('of one clock over the whole work stays where it is from the first state on', () => {
    const clock = own({ work: 600 })
    expect(secondsAfter('pending', 'offered', clock)).toBe(604_800)
    expect(secondsAfter('offered', 'downloading', clock, 604_000)).toBe(600)
    expect(secondsAfter('offered', 'installing', clock, 604_000)).toBe(600)
    expect(secondsAfter('downloading', 'downloaded', clock, 100)).toBe(100)
    expect(secondsAfter('downloading', 'installing', clock, 100)).toBe(100)
    expect(secondsAfter('downloading', 'downloaded', clock, null)).toBe(600)
    expect(secondsAfter('installing', 'cancelling', clock, 100)).toBe(86_400)
    expect(secondsAfter('installing', 'failed', clock, 100)).toBeNull()
  })

  it('of one clock from the offer on counts the wait as well', () => {
    const clock = own({ work: 600, workFrom: 'offered' })
    expect(secondsAfter('pending', 'offered', clock)).toBe(600)
    expect(secondsAfter('offered', 'downloading', clock, 200)).toBe(200)
    expect(secondsAfter('pending', 'installing', clock)).toBe(600)
  })

  it('is pushed back by news, but not under one clock, and not where there is none', () => {
    const pushed = (state: UpdateState, timeOuts = own(), deadline: number | null = NOW + 1) =>
      deadlineAfterNews({ state, deadline }, NOW, timeOuts)
    expect(pushed('downloading')).toBe(NOW + 86_400_000)
    expect(pushed('installing')).toBe(NOW + 7_200_000)
    expect(pushed('installing', own({ work: 600 }))).toBe(NOW + 1)
    expect(pushed('installing', own(), null)).toBeNull()
  })
})

describe('devices that report nothing', () => {
  it.each<[OwnTimeOuts | null, number | null, number | null]>([
    [null, 86_400, null],
    [{ downloaded: 60 }, 86_400, null],
    [{ work: 600 }, 600, null],
    [{ downloading: null }, null, null],
  ])('with %o may be silent once they have all bytes', (given, downloading, downloaded) => {
    const timeOuts = own(forSilentDevices(given))
    expect(secondsAfter('pending', 'downloading', timeOuts)).toBe(downloading)
    expect(secondsAfter('downloading', 'downloaded', timeOuts, 5)).toBe(downloaded)
  })
})

describe('the words of a time-out', () => {
  it.each<[UpdateState, OwnTimeOuts, string]>([
    ['offered', {}, 'no news while offered for 7 d'],
    ['downloading', {}, 'no news while downloading for 1 d'],
    ['installing', {}, 'no news while installing for 2 h'],
    ['installing', { installing: 5400 }, 'no news while installing for 90 min'],
    ['installing', { installing: 61 }, 'no news while installing for 61 s'],
    ['installing', { work: 7200 }, 'not done 2 h after the device began'],
    ['offered', { work: 7200, workFrom: 'offered' }, 'not done 2 h after the offer'],
    ['installing', { work: 7200, reason: 'too slow' }, 'too slow'],
    ['cancelling', {}, 'the device did not confirm the cancellation for 1 d'],
    ['cancelling', { reason: 'too slow' }, 'the device did not confirm the cancellation for 1 d'],
  ])('%s with %o: %s', (state, given, words) => {
    expect(timeOutReason(state, own(given))).toBe(words)
  })
})

describe('an offer that may stay open', () => {
  it.each<[UpdateState, OwnTimeOuts, boolean]>([
    ['offered', {}, false],
    ['offered', { offeredExpiry: 'release-slot' }, true],
    ['installing', { offeredExpiry: 'release-slot' }, false],
    ['offered', { offeredExpiry: 'release-slot', work: 600 }, true],
    ['offered', { offeredExpiry: 'release-slot', work: 600, workFrom: 'offered' }, false],
  ])('%s with %o: %s', (state, given, expected) => {
    expect(onlyStopsWaiting(state, own(given))).toBe(expected)
  })
})
