import { describe, expect, test } from 'vitest'
import { normaliseUrl, pathSegments } from './request-path.ts'

describe('slashes collapse in the path, never in the query', () => {
  test.each([
    ['/v1/ota', '/v1/ota'],
    ['//v1/ota', '/v1/ota'],
    ['///v1//ota///x/', '/v1/ota/x/'],
    ['/a?fileUri=enos-connect://x//y', '/a?fileUri=enos-connect://x//y'],
    ['//a//b?u=http://h//p?q//r', '/a/b?u=http://h//p?q//r'],
    ['/?a=//', '/?a=//'],
    ['?a=//', '/?a=//'],
    ['', '/'],
    ['*', '*'],
    ['http://host:80/v1//x?u=a//b', '/v1/x?u=a//b'],
    ['https://host', '/'],
    ['http://host?x=1', '/?x=1'],
    ['/%2f%2fx', '/%2f%2fx'],
    ['/x%zz//y', '/x%zz/y'],
  ])('%j becomes %j', (url, expected) => {
    expect(normaliseUrl(url)).toBe(expected)
  })
})

describe('path segments', () => {
  test.each([
    ['/', []],
    ['/v1/ota/', ['v1', 'ota']],
    ['/a%20b/c?d/e', ['a b', 'c']],
    ['/%76%31/x', ['v1', 'x']],
    ['/v1/%zz', ['v1', '%zz']],
    ['/a#b/c', ['a']],
  ])('of %j', (url, expected) => {
    expect(pathSegments(url)).toEqual(expected)
  })
})
