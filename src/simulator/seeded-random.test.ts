import { describe, expect, it } from 'vitest'
import { seededRandom } from './seeded-random.ts'

describe('seededRandom', () => {
  it('repeats itself for the same seed, across machines', () => {
    const random = seededRandom(0)
    expect([random.uint32(), random.uint32()]).toEqual([2_462_723_854, 1_020_716_019])
    expect(seededRandom('truck-17').hex(24)).toBe('9fc052d438ea444f9168f2ca')
    expect(seededRandom('truck-17').hex(24)).not.toBe(seededRandom('truck-18').hex(24))
  })

  it('spreads evenly over small ranges', () => {
    const random = seededRandom(1)
    const counts = [0, 0, 0, 0, 0, 0, 0, 0]
    for (let round = 0; round < 8_000; round += 1) {
      const drawn = random.integer(8)
      counts[drawn] = (counts[drawn] ?? 0) + 1
    }
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150)
  })

  it.each([0, 1, 3, 4, 33])('gives %i bytes', (length) => {
    expect(seededRandom(1).bytes(length)).toHaveLength(length)
    expect(seededRandom(1).hex(length)).toMatch(new RegExp(`^[0-9a-f]{${length}}$`))
  })
})
