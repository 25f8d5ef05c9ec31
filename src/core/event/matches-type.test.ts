import { describe, expect, it } from 'vitest'
import { matchesType, TYPE_PATTERN } from './matches-type.ts'

describe('patterns of event types', () => {
  it.each([
    [[], 'device.created', true],
    [['device.created'], 'device.created', true],
    [['device.created'], 'device.created-again', false],
    [['device'], 'device.created', true],
    [['device.*'], 'device.created', true],
    [['device'], 'device-file.created', false],
    [['dev'], 'device.created', false],
    [['update.failed', 'device'], 'update.failed', true],
    [['update.failed', 'product'], 'device.created', false],
  ] as const)('%j and %s: %s', (patterns, type, isMatch) => {
    expect(matchesType(patterns, type)).toBe(isMatch)
  })

  it.each([
    ['device', true],
    ['device.*', true],
    ['data-file.deleted', true],
    ['*', false],
    ['device.', false],
    ['Device', false],
    ['device.a.b', false],
    ["device' or 1=1", false],
    ['', false],
  ])('%s may be written: %s', (pattern, isOne) => {
    expect(TYPE_PATTERN.test(pattern)).toBe(isOne)
  })
})
