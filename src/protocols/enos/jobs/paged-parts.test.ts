import { describe, expect, it } from 'vitest'
import { type Part, pageOfParts } from './paged-parts.ts'

function part(values: readonly number[], counted: number[] = []): Part<number> {
  return {
    list: async ({ limit, offset }) => values.slice(offset, offset + limit),
    async count() {
      counted.push(values.length)
      return values.length
    },
  }
}

describe('pageOfParts', () => {
  const sizes = [3, 0, 4, 1, 0, 0, 5]
  const all = Array.from({ length: 13 }, (_, index) => index)
  const parts = () => {
    let start = 0
    return sizes.map((size) => {
      start += size
      return part(all.slice(start - size, start))
    })
  }

  it('is the slice of the whole, whatever the page', async () => {
    for (let offset = 0; offset < 16; offset += 1)
      for (let limit = 1; limit < 16; limit += 1)
        expect(await pageOfParts(parts(), { limit, offset })).toEqual(all.slice(offset, offset + limit))
  })

  it('counts only what lies before the page', async () => {
    const counted: number[] = []
    const first = Array.from([[1, 2], [3, 4, 5], [6]], (values) => part(values, counted))
    expect(await pageOfParts(first, { limit: 2, offset: 3 })).toEqual([4, 5])
    expect(counted).toEqual([2])
    expect(await pageOfParts([], { limit: 2, offset: 3 })).toEqual([])
  })
})
