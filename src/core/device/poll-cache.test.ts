import { describe, expect, it } from 'vitest'
import type { Change } from '../ports.ts'
import { PollCache } from './poll-cache.ts'

function storageWith(isSoleWriter = true) {
  const listeners: Array<(changes: readonly Change[]) => void> = []
  return {
    isSoleWriter,
    onChange: (listener: (changes: readonly Change[]) => void) => void listeners.push(listener),
    commit: (change: Change) => {
      for (const listener of listeners) listener([change])
    },
  }
}

const OF = ['device', 'rollout', 'fleet'] as const
const CHANGES: ReadonlyArray<readonly [name: string, change: Change, ends: ReadonlyArray<(typeof OF)[number]>]> = [
  ['its device', { kind: 'device', device: 7 }, ['device']],
  ['another device', { kind: 'device', device: 8 }, []],
  ['its rollout', { kind: 'rollout', rollout: 7 }, ['rollout']],
  ['another rollout', { kind: 'rollout', rollout: 8 }, []],
  ['its organisation', { kind: 'fleet', organisation: 1 }, OF],
  ['another organisation', { kind: 'fleet', organisation: 2 }, []],
  ['the server', { kind: 'fleet', organisation: null }, OF],
]

describe.each(OF)('a cache of each %s', (of) => {
  const load =
    (value: string, during: () => void = () => undefined) =>
    async () => {
      during()
      return { organisation: 1, value }
    }

  it.each(CHANGES)('when %s changes', async (_, change, ends) => {
    const storage = storageWith()
    const cache = new PollCache<string>(storage, 10, of)
    await cache.load(7, load('a'))
    expect(cache.get(7)).toBe('a')
    storage.commit(change)
    expect(cache.get(7)).toBe(ends.includes(of) ? undefined : 'a')
  })

  it.each(CHANGES.filter(([, , ends]) => ends.includes(of)))(
    'keeps nothing read while %s changed',
    async (_, change) => {
      const storage = storageWith()
      const cache = new PollCache<string>(storage, 10, of)
      expect(
        await cache.load(
          7,
          load('old', () => storage.commit(change)),
        ),
      ).toBe('old')
      expect(cache.get(7)).toBeUndefined()
    },
  )

  it('holds as many as it may, and nothing beside other writers', async () => {
    const cache = new PollCache<string>(storageWith(), 2, of)
    for (const key of [1, 2, 3]) await cache.load(key, load(`${key}`))
    expect([1, 2, 3].map((key) => cache.get(key))).toEqual([undefined, '2', '3'])
    const shared = new PollCache<string>(storageWith(false), 2, of)
    expect(await shared.load(1, load('a'))).toBe('a')
    expect(shared.get(1)).toBeUndefined()
  })
})

it('grants to other devices empty no cache of devices, also not while one is read', async () => {
  const storage = storageWith()
  const cache = new PollCache<string>(storage, 10)
  await cache.load(7, async () => {
    storage.commit({ kind: 'rollout', rollout: 7 })
    return { organisation: 1, value: 'a' }
  })
  expect(cache.get(7)).toBe('a')
})
