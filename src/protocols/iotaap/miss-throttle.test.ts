import { describe, expect, test } from 'vitest'
import { MissThrottle } from './miss-throttle.ts'

const LIMITS = { missesPerMinute: 2, missDelayMs: 1, heldMisses: 10, missAddresses: 10 }

function throttle(limits: Partial<typeof LIMITS> = {}) {
  let now = 0
  const clock = { now: () => now }
  return { misses: new MissThrottle({ ...LIMITS, ...limits }, clock), pass: (ms: number) => (now += ms) }
}

describe('misses of one address', () => {
  test('are held beyond its share of a minute, and no longer than that minute', async () => {
    const { misses, pass } = throttle()
    expect([misses.hold('a'), misses.hold('a')]).toEqual([undefined, undefined])
    await expect(misses.hold('a')).resolves.toBeUndefined()
    expect(misses.hold('a')).toBeInstanceOf(Promise)
    expect(misses.hold('b')).toBeUndefined()
    pass(60_000)
    expect(misses.hold('a')).toBeUndefined()
  })

  test('are held in bounded number', async () => {
    const { misses } = throttle({ missesPerMinute: 1, heldMisses: 2 })
    misses.hold('a')
    const held = [misses.hold('a'), misses.hold('a')]
    expect(misses.hold('a')).toBeUndefined()
    await Promise.all(held)
    expect(misses.hold('a')).toBeInstanceOf(Promise)
  })

  test('are counted for a bounded number of addresses, the oldest forgotten first', () => {
    const { misses } = throttle({ missesPerMinute: 1, missAddresses: 2 })
    for (const address of ['a', 'b', 'c']) misses.hold(address)
    expect(misses.hold('c')).toBeInstanceOf(Promise)
    expect(misses.hold('a')).toBeUndefined()
  })
})
