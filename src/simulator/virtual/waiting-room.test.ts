import { describe, expect, it } from 'vitest'
import { WaitingRoom } from './waiting-room.ts'

const FOR_EVER = Number.POSITIVE_INFINITY

describe('WaitingRoom', () => {
  it('gives each device once, those with a number before those without', () => {
    const room = new WaitingRoom([2, 1])
    room.put(0, 7)
    room.put(0, 8)
    expect(room.ready()).toBe(5)
    expect(room.take(0)).toEqual({ kind: 0, device: 7 })
    expect(room.take(0)).toEqual({ kind: 0, device: 8 })
    expect([room.take(1), room.take(1), room.take(0)]).toEqual([{ kind: 0 }, { kind: 1 }, { kind: 0 }])
    expect(room.ready()).toBe(0)
    expect(() => room.take(0)).toThrow(RangeError)
  })

  it('passes over kinds that are held, until their hold is lifted', () => {
    const room = new WaitingRoom([2, 3, 4])
    room.hold(0, { name: 'full', probe: 1, until: FOR_EVER })
    room.hold(2, { name: 'full', probe: 2, until: FOR_EVER })
    expect([room.ready(), room.take(2)]).toEqual([3, { kind: 1 }])
    const [hold] = room.holds()
    expect(hold).toMatchObject({ name: 'full', probe: 1 })
    if (hold) room.lift(hold)
    expect([room.ready(), room.holds()]).toEqual([8, []])
  })

  it('knows when the next hold ends by itself', () => {
    const room = new WaitingRoom([1, 1])
    expect(room.liftsAt()).toBe(FOR_EVER)
    room.hold(0, { name: 'rate', probe: 0, until: 120 })
    room.hold(1, { name: 'full', probe: 1, until: FOR_EVER })
    expect(room.liftsAt()).toBe(120)
  })

  it('parks devices until another stage begins', () => {
    const room = new WaitingRoom([0])
    room.park(0, 3)
    expect(room.ready()).toBe(0)
    room.unpark()
    expect(room.take(0)).toEqual({ kind: 0, device: 3 })
  })
})
