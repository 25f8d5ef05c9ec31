import { describe, expect, test } from 'vitest'
import { isVersion, readGroupChange, readListRequest, readText } from './schema.ts'

describe('a list request', () => {
  test.each([
    [{}, { offset: 0, limit: 50, order: 'asc' }],
    [
      { limit: '10', offset: '3' },
      { offset: 3, limit: 10, order: 'asc' },
    ],
    [{ limit: '0' }, { offset: 0, limit: 50, order: 'asc' }],
    [
      { limit: '-1', offset: '-1' },
      { offset: 0, limit: 50, order: 'asc' },
    ],
    [
      { limit: '1e1', offset: ' 1' },
      { offset: 0, limit: 50, order: 'asc' },
    ],
    [{ limit: '999' }, { offset: 0, limit: 50, order: 'asc' }],
    [{ offset: '9'.repeat(30) }, { offset: Number.MAX_SAFE_INTEGER, limit: 50, order: 'asc' }],
    [{ order_dir: 'desc' }, { offset: 0, limit: 50, order: 'desc' }],
    [{ order_dir: 'DESC' }, { offset: 0, limit: 50, order: 'asc' }],
    [{ order_dir: ['desc', 'asc'] }, { offset: 0, limit: 50, order: 'desc' }],
    [{ draw: '007' }, { offset: 0, limit: 50, order: 'asc', draw: '007' }],
    [{ draw: ['a', 'b'] }, { offset: 0, limit: 50, order: 'asc', draw: 'a' }],
    [{ draw: '' }, { offset: 0, limit: 50, order: 'asc', draw: '' }],
    [{ search_value: '' }, { offset: 0, limit: 50, order: 'asc' }],
    [{ search_value: '.*' }, { offset: 0, limit: 50, order: 'asc', search: '.*' }],
    [undefined, { offset: 0, limit: 50, order: 'asc' }],
  ])('%j', (query, expected) => {
    expect(readListRequest(query, 50)).toEqual(expected)
  })
})

test.each([
  [{}, 'keep'],
  [{ group: null }, 'keep'],
  [{ group: '' }, 'keep'],
  [{ group: 'undefined' }, 'remove'],
  [{ group: '5e1b57808711f904f5df4bad' }, 'move'],
  [{ group: '5E1B57808711F904F5DF4BAD' }, 'malformed'],
  [{ group: 5 }, 'malformed'],
  [undefined, 'keep'],
  ['text', 'keep'],
])('the group of a change: %j is %s', (body, kind) => {
  expect(readGroupChange(body).kind).toBe(kind)
})

test.each([
  [{ name: 'a' }, 'a'],
  [{ name: 7 }, '7'],
  [{ name: false }, 'false'],
  [{ name: '' }, undefined],
  [{ name: {} }, undefined],
  [{ name: ['a'] }, undefined],
  [JSON.parse('{"__proto__":{"name":"a"}}'), undefined],
  [null, undefined],
])('a text member: %j is %s', (body, expected) => {
  expect(readText(body, 'name')).toBe(expected)
})

test.each([
  ['1.2.7', true],
  ['~', true],
  ['x'.repeat(64), true],
  ['x'.repeat(65), false],
  ['', false],
  ['1 0', false],
  ['1\n', false],
  ['é', false],
])('version %j: %s', (text, expected) => {
  expect(isVersion(text)).toBe(expected)
})
