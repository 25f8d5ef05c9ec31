import { describe, expect, test } from 'vitest'
import { claimsPaths } from './route-owners.ts'

describe('claims by path', () => {
  const claims = claimsPaths('v1', 'api/v2', 'POST login', '*/controller')
  test.each([
    ['v1', 'GET', true],
    ['v1/ota/x', 'POST', true],
    ['v10', 'GET', false],
    ['api', 'GET', false],
    ['api/v1', 'GET', false],
    ['api/v2/x', 'GET', true],
    ['login', 'POST', true],
    ['login', 'GET', false],
    ['acme/controller/v1', 'GET', true],
    ['controller', 'GET', false],
    ['', 'GET', false],
  ])('%s %s: %s', (path, method, expected) => {
    expect(claims(path.split('/').filter(Boolean), method)).toBe(expected)
  })
})
