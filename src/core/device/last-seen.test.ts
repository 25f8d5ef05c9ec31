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

it('writes a device that calls all the time once a minute, and all of them in the end', async () => {
  const { lastSeen, written } = working()
  for (let second = 0; second <= 120; second += 3) {
    lastSeen.note(1, second * 1_000)
    if (second === 30) lastSeen.note(2, 30_000)
    await lastSeen.flushDue(second * 1_000)
  }
  expect(written).toEqual(
    [
      [1, 0],
      [2, 30_000],
      [1, 60_000],
      [1, 120_000],
    ].map(([device, at]) => [{ device, at }]),
  )
  lastSeen.note(1, 125_000)
  await lastSeen.flushDue(126_000)
  expect(written).toHaveLength(4)
  await lastSeen.flush()
  expect(written.at(-1)).toEqual([{ device: 1, at: 125_000 }])
})

it('writes many in small transactions, in the order of their numbers', async () => {
  const { lastSeen, written } = working()
  for (let device = 600; device > 0; device -= 1) lastSeen.note(device, 1)
  await lastSeen.flushDue(1)
  expect(written.map((batch) => batch.length)).toEqual([250, 250, 100])
  expect(written.flat().map(({ device }) => device)).toEqual(Array.from({ length: 600 }, (_, index) => index + 1))
})

function working() {
  const written: { device: number; at: number }[][] = []
  const touch = async (batch: { device: number; at: number }[]) => written.push(batch)
  const transaction = async (work: (stores: unknown) => Promise<unknown>) => work({ devices: { touch } })
  return { lastSeen: new LastSeen({ transaction } as unknown as Storage), written }
}
