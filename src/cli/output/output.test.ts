import { describe, expect, it } from 'vitest'
import { formatSize, formatValue } from './format-value.ts'
import { factLines, Table, tableLines } from './table.ts'

describe('formatValue', () => {
  it.each([
    [null, '-'],
    [undefined, '-'],
    ['', '-'],
    [[], '-'],
    [{}, '-'],
    [0, '0'],
    [true, 'yes'],
    [false, 'no'],
    ['2026-11-23T08:04:54.890Z', '2026-11-23 08:04:54'],
    ['2026-11-23', '2026-11-23'],
    [['read', 'write'], 'read, write'],
    [{ site: 'graz', line: null }, 'site=graz line=-'],
    [{ id: '5e1b', key: 'panel' }, 'panel'],
    ['a\u001b[31mred\nline', 'a [31mred line'],
  ])('%j is %s', (value, text) => {
    expect(formatValue(value)).toBe(text)
  })
})

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1536, '1.5 KiB'],
  [2 ** 31 - 1, '2.0 GiB'],
  [2 ** 50, '1024.0 TiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatSize(bytes)).toBe(text)
})

describe('tables', () => {
  const columns = [
    'key',
    'product.key',
    'lastSeenAt',
    { title: 'first', cell: (row: unknown) => JSON.stringify(row)[2] },
  ]

  it('align their cells under titles', () => {
    const rows = [{ key: 'truck-17', product: { key: 'panel' } }, { key: 'a' }]
    expect(tableLines(columns, rows)).toEqual([
      'KEY       PRODUCT  LAST SEEN AT  FIRST',
      'truck-17  panel    -             k',
      'a         -        -             k',
    ])
  })

  it('print the head once and keep the widths of the first page', () => {
    const table = new Table(['key', 'name'])
    expect(table.lines([{ key: 'aaa', name: 'b' }])).toEqual(['KEY  NAME', 'aaa  b'])
    expect(table.lines([{ key: 'longer', name: 'c' }])).toEqual(['longer  c'])
  })

  it('show the head of an empty list', () => {
    expect(tableLines(['key'], [])).toEqual(['KEY'])
  })
})

it('facts stand under each other', () => {
  expect(factLines({ id: '5e', frozen: false })).toEqual(['id      5e', 'frozen  no'])
})
