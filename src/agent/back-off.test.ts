import { expect, it } from 'vitest'
import { BackOff } from './back-off.ts'

it('pauses 5 s, twice as long each time, up to an hour, with a random share', () => {
  const backOff = new BackOff(() => 0.5)
  const pauses = Array.from({ length: 12 }, () => backOff.next())
  expect(pauses.slice(0, 4)).toEqual([5_000, 10_000, 20_000, 40_000])
  expect(pauses.at(-1)).toBe(3_600_000)
  backOff.reset()
  expect(backOff.next()).toBe(5_000)
  expect(new BackOff(() => 0).next()).toBe(2_500)
})

it('never comes back before the server wants it', () => {
  expect(new BackOff(() => 0.5).next(30)).toBe(30_000)
})
