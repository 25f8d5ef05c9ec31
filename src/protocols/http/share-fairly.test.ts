import { describe, expect, test } from 'vitest'
import { shareFairly } from './share-fairly.ts'

describe('a budget is divided', () => {
  test.each([
    ['evenly among those who want more than there is', 90, [100, 100, 100], [30, 30, 30]],
    ['so that what small wants leave goes to the large ones', 100, [10, 1000, 1000], [10, 45, 45]],
    ['whatever the order', 100, [1000, 10, 1000], [45, 10, 45]],
    ['in full where it suffices', 100, [10, 20, 30], [10, 20, 30]],
    ['to one alone', 100, [1000], [100]],
    ['to nobody who wants nothing', 100, [0, 50, 0], [0, 50, 0]],
    ['among nobody', 100, [], []],
    ['of nothing into nothing', 0, [5, 5], [0, 0]],
    ['in whole bytes', 10, [100, 100, 100], [3, 3, 4]],
    ['of a part of a byte into nothing', 0.9, [5], [0]],
  ])('%s', (_, budget, wants, grants) => {
    expect(shareFairly(budget, wants)).toEqual(grants)
  })
})
