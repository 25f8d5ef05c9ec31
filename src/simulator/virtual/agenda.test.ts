import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../core/seeded-random.ts'
import { Agenda } from './agenda.ts'

describe('Agenda', () => {
  it('gives back in the order of time what was added in any', () => {
    const random = seededRandom(1)
    const agenda = new Agenda<string>()
    const times = Array.from({ length: 1000 }, () => Math.floor(random() * 300))
    for (const [device, at] of times.entries()) agenda.add({ at, device, what: 'end' })
    const taken: number[] = []
    for (let next = agenda.take(); next; next = agenda.take()) {
      taken.push(next.at)
      expect(agenda.nextAt()).toBeGreaterThanOrEqual(next.at)
    }
    expect(taken).toEqual(times.toSorted((one, other) => one - other))
  })

  it('takes new ones in between', () => {
    const agenda = new Agenda<string>()
    agenda.add({ at: 5, device: 1, what: 'late' })
    agenda.add({ at: 3, device: 2, what: 'soon' })
    expect(agenda.take()).toEqual({ at: 3, device: 2, what: 'soon' })
    agenda.add({ at: 4, device: 3, what: 'next' })
    expect([agenda.take()?.device, agenda.take()?.device, agenda.take()]).toEqual([3, 1, undefined])
    expect(agenda.nextAt()).toBe(Number.POSITIVE_INFINITY)
  })
})
