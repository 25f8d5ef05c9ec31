import { expect, it } from 'vitest'
import type { Storage } from '../ports.ts'
import { LastSeen } from './last-seen.ts'

it('keeps what could not be written for the next flush, and the newest of each device', async () => {
  const written: unknown[] = []
  let fails = true
  const transaction = async (work: (stores: unknown) => Promise<unknown>) => {
    if (fails) throw new Error('the database stands still')
    return work({ devices: { touch: async (batch: unknown) => written.push(batch) } })
  }
  const lastSeen = new LastSeen({ transaction } as unknown as Storage)
  lastSeen.note(1, 10)
  lastSeen.note(2, 10)
  const flushing = lastSeen.flush()
  lastSeen.note(1, 20)
  await expect(flushing).rejects.toThrow('the database stands still')
  fails = false
  await lastSeen.flush()
  await lastSeen.flush()
  expect(written).toEqual([
    [
      { device: 1, at: 20 },
      { device: 2, at: 10 },
    ],
  ])
})
