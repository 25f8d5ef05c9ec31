import { describe, expect, it } from 'vitest'
import { createTaskIds } from './task-id.ts'

const ids = createTaskIds(new Uint8Array(32).fill(7))

describe('ids of tasks', () => {
  // Computed once; a change of the network would give every task another id.
  it.each([
    [1, 1, 'f3cca490ff398211d7119ffc'],
    [1, 2, 'f7f831a84578fb5e74c45335'],
    [2, 1, '3494971ee549bbcb4140bcaa'],
    [2 ** 36 - 1, 2 ** 44 - 1, '91641d1cc449e17191484475'],
    [1_000_001, 123_456_789, '807cd0f7645c6cbf8ed62a0c'],
  ])('rollout %d, device %d', (rollout, device, id) => {
    expect(ids.encode({ rollout, device })).toBe(id)
    expect(ids.decode(id)).toEqual({ rollout, device })
  })

  it('are 24 lower-case hex digits, all different', () => {
    const seen = new Set<string>()
    for (let rollout = 1; rollout <= 40; rollout += 1)
      for (let device = 1; device <= 40; device += 1) seen.add(ids.encode({ rollout, device }))
    expect(seen.size).toBe(1_600)
    for (const id of seen) expect(id).toMatch(/^[0-9a-f]{24}$/)
  })

  it('differ with the key, and mean nothing under another', () => {
    const others = createTaskIds(new Uint8Array(32).fill(8))
    const id = ids.encode({ rollout: 5, device: 6 })
    expect(others.encode({ rollout: 5, device: 6 })).not.toBe(id)
    expect(others.decode(id)).toBeUndefined()
  })

  it.each(['', 'x', '0'.repeat(24), 'f'.repeat(24), '5e1b57808711f904f5df4bad', 'A'.repeat(24), '0'.repeat(25)])(
    'decode nothing from %s',
    (id) => {
      expect(ids.decode(id)).toBeUndefined()
    },
  )

  it('change in about half of their bits with each bit of their pair', () => {
    const bitsOf = (rollout: number, device: number) => BigInt(`0x${ids.encode({ rollout, device })}`)
    for (let bit = 0; bit < 32; bit += 1) {
      const changed = (bitsOf(9, 2 ** 33) ^ bitsOf(9, 2 ** 33 + 2 ** bit)).toString(2).replaceAll('0', '').length
      expect(changed).toBeGreaterThan(24)
      expect(changed).toBeLessThan(72)
    }
  })

  it.each([
    [0, 1],
    [1, 0],
    [2 ** 36, 1],
    [1, 2 ** 44],
  ])('refuse what does not fit: %d, %d', (rollout, device) => {
    expect(() => ids.encode({ rollout, device })).toThrow(RangeError)
  })
})
