import { expect, test } from 'vitest'
import { isOtaError } from '../../core/errors.ts'
import { parseListQuery, type RawQuery } from './list-query.ts'

function faultsOf(raw: RawQuery): unknown {
  try {
    parseListQuery(raw)
  } catch (error) {
    if (isOtaError(error, 'invalid')) return error.details['faults']
    throw error
  }
  return []
}

test.each<[RawQuery, string]>([
  [{ isActive: '' }, 'isActive'],
  [{ isActive: 'yes' }, 'isActive'],
  [{ module: '' }, 'module'],
  [{ module: ['a', 'a'] }, 'module'],
  [{ limit: '0' }, 'limit'],
  [{ limit: '1001' }, 'limit'],
  [{ limit: ' 5' }, 'limit'],
  [{ limit: '0x10' }, 'limit'],
  [{ limit: '5.0' }, 'limit'],
  [{ offset: '-1' }, 'offset'],
  [{ offset: '9007199254740992' }, 'offset'],
  [{ offset: '' }, 'offset'],
  [{ sort: '' }, 'sort'],
  [{ sort: 'Id' }, 'sort'],
  [{ sort: 'toString' }, 'sort'],
  [{ sortOrder: '' }, 'sortOrder'],
  [{ searchFields: 'version,' }, 'searchFields'],
  [{ searchFields: 'id' }, 'searchFields'],
  [{ searchTerm: ['a', 'b'] }, 'searchTerm'],
])('%j is refused', (raw, field) => {
  expect(faultsOf(raw)).toMatchObject([{ field, code: 'invalid' }])
})

test('every bad parameter is named', () => {
  expect(faultsOf({ sort: 'x', limit: 'x', module: '' })).toMatchObject([
    { field: 'module' },
    { field: 'limit' },
    { field: 'sort' },
  ])
})

test('an empty query asks for the first thousand, oldest first', () => {
  expect(parseListQuery({ foo: ['1', '2'] })).toEqual({
    limit: 1000,
    offset: 0,
    searchTerm: '',
    searchFields: ['version', 'module', 'releaseNotes'],
    sort: 'createdDate',
    isDescending: false,
  })
})
