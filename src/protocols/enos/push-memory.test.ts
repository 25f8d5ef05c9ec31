import { describe, expect, it } from 'vitest'
import { PushMemory, SILENCE_MS } from './push-memory.ts'

describe('PushMemory', () => {
  it('lets a session be told once of an update, and again after it was silent', () => {
    const memory = new PushMemory(10)
    expect(memory.mayTell('s', 1, 0)).toBe(true)
    expect(memory.mayTell('s', 1, SILENCE_MS - 1)).toBe(false)
    // Talking breaks the silence: what counts is the last time it talked, not the last time it was told.
    expect(memory.mayTell('s', 1, SILENCE_MS + 1)).toBe(false)
    expect(memory.mayTell('s', 1, 2 * SILENCE_MS + 1)).toBe(true)
    expect(memory.mayTell('s', 1, 2 * SILENCE_MS + 2)).toBe(false)
  })

  it('holds sessions and attempts apart', () => {
    const memory = new PushMemory(10)
    expect(memory.mayTell('s', 1, 0)).toBe(true)
    expect(memory.mayTell('t', 1, 0)).toBe(true)
    expect(memory.mayTell('s', 2, 0)).toBe(true)
    expect(memory.mayTell('s', 2, 1)).toBe(false)
    expect(memory.mayTell('t', 1, 1)).toBe(false)
  })

  it('forgets the session that was silent longest when it is full', () => {
    const memory = new PushMemory(2)
    for (const session of ['a', 'b', 'a']) memory.mayTell(session, 1, 0)
    expect(memory.mayTell('c', 1, 0)).toBe(true)
    expect(memory.mayTell('a', 1, 0)).toBe(false)
    expect(memory.mayTell('b', 1, 0)).toBe(true)
  })
})
