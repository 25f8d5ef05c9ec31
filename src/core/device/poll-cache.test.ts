import { describe, expect, it } from 'vitest'
import type { Change, ChangeListener } from '../ports.ts'
import { PollCache } from './poll-cache.ts'

function storageWith() {
  const listeners: ChangeListener[] = []
  const state = { isCurrent: true }
  return {
    state,
    invalidation: { isSoleWriter: false, isCurrent: () => state.isCurrent },
    onChange: (listener: ChangeListener) => void listeners.push(listener),
    commit: (change: Change) => {
      for (const listener of listeners) listener([change], 'other')
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

  it('believes nothing while the commits of others are not known, and all that is left of it afterwards', async () => {
    const storage = storageWith()
    const cache = new PollCache<string>(storage, 10, of)
    await cache.load(7, load('a'))
    storage.state.isCurrent = false
    expect(cache.get(7)).toBeUndefined()
    storage.state.isCurrent = true
    expect(cache.get(7)).toBe('a')
    storage.state.isCurrent = false
    storage.commit({ kind: 'fleet', organisation: null })
    storage.state.isCurrent = true
    expect(cache.get(7)).toBeUndefined()
  })

  it('reads once for all that come while it is read, until a commit touches it', async () => {
    const storage = storageWith()
    const cache = new PollCache<string>(storage, 10, of)
    const reads: ((value: string) => void)[] = []
    const read = () =>
      cache.loadJointly(7, async () => {
        const value = await new Promise<string>((resolve) => reads.push(resolve))
        return { organisation: 1, value }
      })
    const before = [read(), read()]
    storage.commit({ kind: 'fleet', organisation: 1 })
    storage.commit({ kind: 'rollout', rollout: 7 })
    const after = [read(), read()]
    expect(reads).toHaveLength(2)
    storage.state.isCurrent = false
    const unsure = read()
    for (const [index, resolve] of reads.entries()) resolve(`read ${index}`)
    expect(await Promise.all([...before, ...after, unsure])).toEqual([
      ...['read 0', 'read 0'],
      ...['read 1', 'read 1'],
      'read 2',
    ])
  })

  it('passes the failure of a joint read on to all of them, and reads again for the next', async () => {
    const cache = new PollCache<string>(storageWith(), 10, of)
    const fail = () => cache.loadJointly(7, () => Promise.reject(new Error('no')))
    const both = await Promise.allSettled([fail(), fail()])
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await cache.loadJointly(7, load('a'))).toBe('a')
  })

  it('holds as many as it may, and nothing without room', async () => {
    const cache = new PollCache<string>(storageWith(), 2, of)
    for (const key of [1, 2, 3]) await cache.load(key, load(`${key}`))
    expect([1, 2, 3].map((key) => cache.get(key))).toEqual([undefined, '2', '3'])
    const none = new PollCache<string>(storageWith(), 0, of)
    expect(await none.load(1, load('a'))).toBe('a')
    expect(none.get(1)).toBeUndefined()
  })
})

it('keeps what was read while other devices changed, and what was read afresh after a change', async () => {
  const storage = storageWith()
  const cache = new PollCache<string>(storage, 10)
  const { promise, resolve } = Promise.withResolvers<void>()
  const slow = cache.load(7, async () => {
    await promise
    return { organisation: 1, value: 'old' }
  })
  storage.commit({ kind: 'device', device: 8 })
  storage.commit({ kind: 'device', device: 7 })
  await cache.load(7, async () => ({ organisation: 1, value: 'new' }))
  resolve()
  expect(await slow).toBe('old')
  expect(cache.get(7)).toBe('new')
  await cache.load(9, async () => {
    storage.commit({ kind: 'device', device: 7 })
    return { organisation: 1, value: 'other' }
  })
  expect(cache.get(9)).toBe('other')
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
