import { describe, expect, test } from 'vitest'
import { parseRange } from './parse-range.ts'

const WHOLE = { kind: 'whole' }
const BEYOND = { kind: 'unsatisfiable' }
const spans = (...ranges: (readonly [number, number])[]) => ({
  kind: 'ranges',
  ranges: ranges.map(([start, end]) => ({ start, end })),
})

describe('a single range of 1000 bytes', () => {
  test.each([
    [undefined, WHOLE],
    ['bytes=0-0', spans([0, 0])],
    ['bytes=0-99', spans([0, 99])],
    ['bytes=900-', spans([900, 999])],
    ['bytes=-10', spans([990, 999])],
    ['bytes=0-', spans([0, 999])],
    ['bytes=999-', spans([999, 999])],
    ['bytes=990-5000', spans([990, 999])],
    ['bytes=-5000', spans([0, 999])],
    ['bytes=0-99999999999999999999999', spans([0, 999])],
    [`bytes=-${'9'.repeat(400)}`, spans([0, 999])],
    ['Bytes = 5-6', spans([5, 6])],
    ['bytes= 5-6 ,', spans([5, 6])],
    ['bytes=1000-', BEYOND],
    ['bytes=1000-1001', BEYOND],
    [`bytes=${'9'.repeat(400)}-`, BEYOND],
    ['bytes=-0', BEYOND],
    ['bytes=6-5', WHOLE],
    ['bytes=5', WHOLE],
    ['bytes=-', WHOLE],
    ['bytes=', WHOLE],
    ['bytes=a-b', WHOLE],
    ['bytes=1.5-2', WHOLE],
    ['bytes=0x1-0x2', WHOLE],
    ['bytes=5- 6', WHOLE],
    ['bytes=--5', WHOLE],
    ['bytes 5-6', WHOLE],
    ['5-6', WHOLE],
    ['', WHOLE],
    ['lines=1-2', WHOLE],
    ['bytes=0-1,5-6', WHOLE],
    ['bytes=0-1,junk', WHOLE],
  ])('%j', (header, expected) => {
    expect(parseRange(header, { size: 1000, maxRanges: 1 })).toEqual(expected)
  })
})

describe('several ranges of 1000 bytes, three at most', () => {
  test.each([
    ['bytes=0-9,20-29', spans([0, 9], [20, 29])],
    ['bytes=20-29, 0-9', spans([0, 9], [20, 29])],
    ['bytes=0-9,5-14', spans([0, 14])],
    ['bytes=0-9,10-19', spans([0, 19])],
    ['bytes=0-99,10-19', spans([0, 99])],
    ['bytes=0-9,-10', spans([0, 9], [990, 999])],
    ['bytes=0-9,2000-', spans([0, 9])],
    ['bytes=2000-,3000-', BEYOND],
    ['bytes=0-1,2-3,4-5', spans([0, 5])],
    ['bytes=0-1,3-4,6-7,9-10', WHOLE],
    ['bytes=0-1,x', WHOLE],
    ['bytes=0-1,9-8', WHOLE],
    [`bytes=${'0-0,'.repeat(2000)}`, WHOLE],
  ])('%j', (header, expected) => {
    expect(parseRange(header, { size: 1000, maxRanges: 3 })).toEqual(expected)
  })
})

describe('an empty file', () => {
  test.each(['bytes=0-', 'bytes=0-0', 'bytes=-5'])('has no satisfiable range: %j', (header) => {
    expect(parseRange(header, { size: 0, maxRanges: 1 })).toEqual(BEYOND)
  })
})
