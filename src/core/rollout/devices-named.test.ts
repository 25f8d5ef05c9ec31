import { describe, expect, it } from 'vitest'
import type { Filter } from '../filter/filter.ts'
import { parseFilter } from '../filter/parse-filter.ts'
import { devicesNamed } from './devices-named.ts'
import { selectionFrom } from './rollout-input.ts'

const ids = (...values: string[]): Filter => ({ kind: 'one-of', field: 'id', values })
const keys = (...values: string[]): Filter => ({ kind: 'one-of', field: 'key', values })
const site = parseFilter('tag.site = "graz"', 'filter')

describe('the devices that a selection names', () => {
  it.each<[string, Filter, unknown]>([
    ['by id', ids('a', 'b', 'a'), [{ id: 'a' }, { id: 'b' }]],
    ['by key', keys('a'), [{ key: 'a' }]],
    ['by key, of which a part is meant', { kind: 'all', of: [site, keys('a', 'b')] }, [{ key: 'a' }, { key: 'b' }]],
    ['the shorter one of two lists', { kind: 'all', of: [keys('a', 'b'), ids('c')] }, [{ id: 'c' }]],
    ['in a part of a part', { kind: 'all', of: [site, { kind: 'all', of: [ids('a')] }] }, [{ id: 'a' }]],
    ['none: whoever is like that', site, undefined],
    ['none: everybody', { kind: 'all', of: [] }, undefined],
    ['none: others may be meant as well', { kind: 'any', of: [site, ids('a')] }, undefined],
    ['none: all but some', { kind: 'not', of: ids('a') }, undefined],
    [
      'those of an operator',
      selectionFrom({ devices: ['truck-17'], tags: { site: 'graz' } }).filter,
      [{ key: 'truck-17' }],
    ],
  ])('%s', (_, filter, names) => {
    expect(devicesNamed(filter)).toEqual(names)
  })
})
