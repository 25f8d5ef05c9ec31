import { describe, expect, it } from 'vitest'
import { parseAnswer } from './wire.ts'

const module = { module: 'main', version: '1.1.0', size: 10, sha256: 'ab'.repeat(32), url: 'https://h/device/v1/a' }
const answer = (fields: object) => JSON.stringify({ action: 'update', because: 'assigned', retryAfter: 60, ...fields })
const update = { id: 'u', attempt: 1, version: '2026.1', modules: [module] }

describe('an answer to a check', () => {
  it('is read whole, without what nobody knows', () => {
    expect(parseAnswer(answer({ update: { ...update, tea: 1 }, more: [] }))).toEqual({
      action: 'update',
      because: 'assigned',
      retryAfterSeconds: 60,
      update: { id: 'u', version: '2026.1', modules: [module] },
    })
  })

  it('of an unknown kind is none', () => {
    expect(parseAnswer(answer({ action: 'dance' }))).toMatchObject({ action: 'none', retryAfterSeconds: 60 })
  })

  it('has a pace that makes sense, whatever it says', () => {
    for (const [retryAfter, seconds] of [
      [-1, 300],
      ['60', 300],
      [1e9, 86_400],
    ])
      expect(parseAnswer(answer({ action: 'none', retryAfter })).retryAfterSeconds).toBe(seconds)
  })

  it.each([
    ['no JSON', '<html>'],
    ['no object', '[]'],
    ['an update without facts', answer({})],
    ['an update without modules', answer({ update: { ...update, modules: [] } })],
    ['a hash that is none', answer({ update: { ...update, modules: [{ ...module, sha256: '../x' }] } })],
    ['a size that is none', answer({ update: { ...update, modules: [{ ...module, size: 1.5 }] } })],
    ['an address of another kind', answer({ update: { ...update, modules: [{ ...module, url: 'file:///etc' }] } })],
  ])('that makes no sense is a failed call: %s', (_, text) => {
    expect(() => parseAnswer(text)).toThrow()
  })
})
