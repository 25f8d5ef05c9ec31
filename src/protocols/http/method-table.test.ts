import { describe, expect, test } from 'vitest'
import { MethodTable } from './method-table.ts'

describe('methods that a path would take', () => {
  const table = new MethodTable()
  table.add('/files', ['GET', 'HEAD'])
  table.add('/files', ['POST'])
  table.add('/files/:id', ['GET'])
  table.add('/files/:id/file', ['PUT'])
  table.add('/files/new', ['DELETE'])
  table.add('/digits/:id(^\\d+$)', ['GET'])
  table.add('/named/:name.MD5SUM', ['GET'])
  table.add('/pair/:a-:b', ['GET'])
  table.add('/colon/a::b', ['GET'])
  table.add('/rest/*', ['GET'])
  table.add('/dots/a.b', ['GET'])

  test.each([
    ['/files', ['GET', 'HEAD', 'POST']],
    ['/files/', ['GET', 'HEAD', 'POST']],
    ['/files?x=/y', ['GET', 'HEAD', 'POST']],
    ['/files/1', ['GET']],
    ['/files/new', ['DELETE', 'GET']],
    ['/files/1/file', ['PUT']],
    ['/files/1/other', []],
    ['/digits/12', ['GET']],
    ['/digits/x', []],
    ['/named/a.bin.MD5SUM', ['GET']],
    ['/named/a.bin', []],
    ['/pair/x-y', ['GET']],
    ['/pair/xy', []],
    ['/colon/a:b', ['GET']],
    ['/rest', ['GET']],
    ['/rest/a/b', ['GET']],
    ['/dots/axb', []],
    ['/nowhere', []],
    ['/', []],
  ])('%s: %j', (url, expected) => {
    expect(table.allowed(url)).toEqual(expected)
  })
})
