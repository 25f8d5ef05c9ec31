import { describe, expect, it } from 'vitest'
import { FleetCache } from './fleet-cache.ts'
import type { Change, ChangeListener } from './ports.ts'

function storageWith() {
  const listeners: ChangeListener[] = []
  const state = { isCurrent: true }
  return {
    state,
    invalidation: { isSoleWriter: false, isCurrent: () => state.isCurrent },
    onChange: (listener: ChangeListener) => void listeners.push(listener),
    commit: (...changes: Change[]) => {
      for (const listener of listeners) listener(changes, 'other')
    },
  }
}

/** A cache over a value that counts how often it was read. */
function counting(storage = storageWith(), capacity = 10) {
  const cache = new FleetCache<string, string>(storage, capacity)
  let reads = 0
  const get = (key = 'a') =>
    cache.get(key, async () => {
      reads += 1
      return `${key}${reads}`
    })
  return { storage, cache, get, reads: () => reads }
}

const FLEET: Change = { kind: 'fleet', organisation: 1 }

describe('FleetCache', () => {
  it('reads once until a fleet changes, whichever', async () => {
    const { storage, get } = counting()
    expect([await get(), await get()]).toEqual(['a1', 'a1'])
    storage.commit({ kind: 'device', device: 7 })
    expect(await get()).toBe('a1')
    storage.commit({ kind: 'device', device: 7 }, FLEET)
    expect([await get(), await get()]).toEqual(['a2', 'a2'])
    storage.commit({ kind: 'fleet', organisation: null })
    expect(await get()).toBe('a3')
  })

  it('keeps nothing that was read while the fleet changed', async () => {
    const { storage, cache, get } = counting()
    const during = cache.get('a', async () => {
      storage.commit(FLEET)
      return 'old'
    })
    expect(await during).toBe('old')
    expect(await get()).toBe('a1')
  })

  it('forgets on request, also what is being read', async () => {
    const { cache, get } = counting()
    await get()
    cache.forget()
    expect(await get()).toBe('a2')
    await cache.get('b', async () => {
      cache.forget()
      return 'old'
    })
    expect(await get('b')).toBe('b3')
  })

  it('keeps nothing undefined, and nothing beyond its capacity', async () => {
    const cache = new FleetCache<string, string>(storageWith(), 10)
    expect(await cache.get('a', async () => undefined)).toBeUndefined()
    expect(await cache.get('a', async () => 'found')).toBe('found')

    const small = counting(storageWith(), 2)
    for (const key of ['a', 'b', 'c', 'b', 'c', 'a']) await small.get(key)
    expect(small.reads()).toBe(4)
  })

  it('believes nothing while the commits of others are not known', async () => {
    const { storage, get } = counting()
    await get()
    storage.state.isCurrent = false
    expect([await get(), await get()]).toEqual(['a2', 'a3'])
    storage.state.isCurrent = true
    expect(await get()).toBe('a3')
  })
})
