import { describe, expect, it } from 'vitest'
import { OrderedIndex, placeKey } from './ordered-index.ts'

describe('an ordered index', () => {
  it('gives what a sorted list would, whatever is added, moved and deleted', () => {
    const index = new OrderedIndex<never>(() => null)
    const rows = new Map<number, number>()
    // A fixed sequence that looks random.
    let state = 1
    const draw = (below: number) => {
      state = (state * 48_271) % 2_147_483_647
      return state % below
    }
    for (let step = 0; step < 3_000; step += 1) {
      const [serial, order] = [draw(60) + 1, draw(25)]
      const held = rows.get(serial)
      if (held !== undefined) index.delete(placeKey(7, held), serial)
      rows.delete(serial)
      if (draw(3) > 0) {
        rows.set(serial, order)
        index.add(placeKey(7, order), serial)
      }
      const [until, limit] = [draw(25), draw(12)]
      const sorted = [...rows].filter(([, at]) => at <= until).sort(([a, x], [b, y]) => x - y || a - b)
      expect(index.through(7, until, limit)).toEqual(sorted.slice(0, limit).map(([one]) => one))
    }
    expect(index.through(8, 25, 9)).toEqual([])
  })

  it('has a row once that left and came back', () => {
    const index = new OrderedIndex<never>(() => null)
    for (const serial of [1, 2]) index.add(placeKey(7, 5), serial)
    index.delete(placeKey(7, 5), 1)
    index.add(placeKey(7, 5), 1)
    expect(index.through(7, 5, 9)).toEqual([1, 2])
    index.delete(placeKey(7, 5), 1)
    index.delete(placeKey(7, 5), 2)
    expect(index.through(7, 5, 9)).toEqual([])
  })
})
