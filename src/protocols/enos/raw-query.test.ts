import { describe, expect, it } from 'vitest'
import { parseRawQuery } from './raw-query.ts'

describe('parseRawQuery', () => {
  it.each([
    ['/p', {}],
    ['/p?', {}],
    ['/p?a=1&b=2', { a: '1', b: '2' }],
    ['/p?a=x+y%20z%2Bw', { a: 'x y z+w' }],
    ['/p?a%20b=1', { 'a b': '1' }],
    ['/p?a&b=', { a: '', b: '' }],
    ['/p?&a=1&&', { a: '1' }],
    ['/p?a=b=c', { a: 'b=c' }],
    ['/p?a=?', { a: '?' }],
    ['/p?d=%E6%8F%8F', { d: '描' }],
    ['/p?fileUri=enos-connect://a.zip&category=ota', { fileUri: 'enos-connect://a.zip', category: 'ota' }],
    ['/p?__proto__=1&constructor=2', { ['__proto__']: '1', constructor: '2' }],
  ])('%s', (url, parameters) => {
    const query = parseRawQuery(url)
    expect(query.kind).toBe('query')
    expect(query.kind === 'query' && Object.fromEntries(query.parameters)).toEqual(parameters)
  })

  it('finds repeated names, encoded differently too', () => {
    expect(parseRawQuery('/p?a=1&b=2&%61=3')).toEqual({ kind: 'repeated', name: 'a' })
  })

  it.each(['/p?a=%', '/p?a=%zz', '/p?%ff=1'])('refuses %s', (url) => {
    expect(parseRawQuery(url)).toEqual({ kind: 'malformed' })
  })
})
