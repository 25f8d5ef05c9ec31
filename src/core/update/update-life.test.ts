import { describe, expect, it } from 'vitest'
import { STORAGES } from '../../../test/support/storages.ts'
import { UpdateLife } from '../../../test/support/update-life.ts'
import { openMemoryStorage } from '../../storage/memory/memory-storage.ts'
import { OPEN_STATES, type UpdateState } from './update.ts'

const SEEDS = 30
const CALLS = 150

describe('calls in any order, early, late and repeated', () => {
  it(`leave every update in order, in ${SEEDS} lives of ${CALLS} calls`, { timeout: 120_000 }, async () => {
    const seen = new Set<UpdateState>()
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const life = await UpdateLife.start(openMemoryStorage(), seed)
      for (let call = 0; call < CALLS; call += 1) {
        await life.draw()()
        try {
          for (const { state } of await life.check()) seen.add(state)
        } catch (error) {
          throw new Error(`seed ${seed}, call ${call}`, { cause: error })
        }
      }
    }
    // `pending` lasts no longer than a transaction; what ends as `delivered` is chosen from a catalogue.
    const met = [...OPEN_STATES.slice(1), 'succeeded', 'failed', 'rolled-back', 'cancelled', 'superseded']
    expect([...seen].toSorted()).toEqual(met.toSorted())
  })
})

describe.each(STORAGES)('calls of one device at the same time, on $name', ({ name, open }) => {
  it('leave every update in order', { timeout: 120_000 }, async () => {
    const storage = await open()
    try {
      const life = await UpdateLife.start(storage, `races on ${name}`)
      for (let round = 0; round < 30; round += 1) {
        await Promise.all(Array.from({ length: 8 }, () => life.draw()()))
        await life.check()
      }
      expect((await life.updates()).length).toBeGreaterThan(5)
    } finally {
      await storage.close()
    }
  })
})
