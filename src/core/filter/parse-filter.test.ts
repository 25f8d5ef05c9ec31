import { describe, expect, it } from 'vitest'
import { OtaError } from '../errors.ts'
import { EVERY_DEVICE, FILTER_LIMITS, type Filter, type FilterField } from './filter.ts'
import { parseFilter } from './parse-filter.ts'

const is = (field: FilterField, ...values: string[]): Filter => ({ kind: 'one-of', field, values })
const like = (field: FilterField, text: string): Filter => ({ kind: 'contains', field, text })
const exists = (field: FilterField): Filter => ({ kind: 'exists', field })
const not = (of: Filter): Filter => ({ kind: 'not', of })
const all = (...of: Filter[]): Filter => ({ kind: 'all', of })
const any = (...of: Filter[]): Filter => ({ kind: 'any', of })

function refusal(text: string): unknown {
  try {
    return parseFilter(text)
  } catch (error) {
    return error
  }
}

describe('parseFilter', () => {
  it.each<[string, Filter]>([
    ['', EVERY_DEVICE],
    [' \n\t', EVERY_DEVICE],
    ['true', all()],
    ['False', any()],
    ['key = "a"', is('key', 'a')],
    ["id='0123'", is('id', '0123')],
    ['name != "a"', not(is('name', 'a'))],
    ['status = "active"', is('status', 'active')],
    ['status NOT IN ("disabled")', not(is('status', 'disabled'))],
    ['product in ("a","b" , \'c\')', is('product', 'a', 'b', 'c')],
    ['group exists', exists('group')],
    ['group not exists', not(exists('group'))],
    ['not group exists', not(exists('group'))],
    ['version = "1.0"', is('version', '1.0')],
    ['version.display-app like "1."', like('version.display-app', '1.')],
    ['version.a.b not like "1."', not(like('version.a.b', '1.'))],
    ['tag.site = "graz"', is('tag.site', 'graz')],
    ['tag.5g exists', exists('tag.5g')],
    ['tag.hw/rev="B"', is('tag.hw/rev', 'B')],
    ['tag."odd name" = "x"', is('tag.odd name', 'x')],
    [`attribute.'it\\'s.'EXISTS`, exists("attribute.it's.")],
    ['attribute.a."b c" exists', exists('attribute.a.b c')],
    ['tag.constructor exists', exists('tag.constructor')],
    ['tag.and = "or"', is('tag.and', 'or')],
    [`name = 'it\\'s'`, is('name', "it's")],
    [`name = "\\"\\\\"`, is('name', '"\\')],
    ['key = "a" and key = "b" AND key = "c"', all(is('key', 'a'), is('key', 'b'), is('key', 'c'))],
    ['key = "a" or key = "b"', any(is('key', 'a'), is('key', 'b'))],
    ['key="a" or key="b" and key="c"', any(is('key', 'a'), all(is('key', 'b'), is('key', 'c')))],
    ['(key="a" or key="b") and key="c"', all(any(is('key', 'a'), is('key', 'b')), is('key', 'c'))],
    ['((key="a"))', is('key', 'a')],
    ['not key="a" and key="b"', all(not(is('key', 'a')), is('key', 'b'))],
    ['not (key="a" and key="b")', not(all(is('key', 'a'), is('key', 'b')))],
    ['not not key != "a"', not(not(not(is('key', 'a'))))],
    ['not(true)', not(all())],
  ])('%s', (text, filter) => {
    expect(parseFilter(text)).toEqual(filter)
  })

  const fields =
    'fields are key, id, name, status, product, group, version, version.<module>, tag.<name> and attribute.<name>'
  const comparing = 'operators are =, !=, in, not in, like, not like'

  it.each([
    ['site = "graz"', 1, `has no field site at character 1; ${fields}`],
    ['Key = "a"', 1, `has no field Key at character 1; ${fields}`],
    ['toString = "a"', 1, `has no field toString at character 1; ${fields}`],
    ['tag = "a"', 1, `has no field tag at character 1; ${fields}`],
    ['tag. = "a"', 1, `has no field tag. at character 1; ${fields}`],
    ['tag. "a" exists', 1, `has no field tag. at character 1; ${fields}`],
    ['"key" = "a"', 1, `has no field a string at character 1; ${fields}`],
    ['key = "a" and', 14, `ends where a field should be at character 14; ${fields}`],
    ['not', 4, `ends where a field should be at character 4; ${fields}`],
    ['()', 2, `has no field ) at character 2; ${fields}`],
    ['key', 4, `ends where an operator should be at character 4; ${comparing}`],
    ['key not', 8, `ends where in, like or exists should be at character 8; ${comparing}`],
    ['key not = "a"', 9, `cannot ask key with = at character 9; ${comparing}`],
    ['key exists', 5, `cannot ask key with exists at character 5; ${comparing}`],
    ['status like "a"', 8, 'cannot ask status with like at character 8; operators are =, !=, in, not in'],
    ['group is "a"', 7, `cannot ask group with is at character 7; ${comparing}, exists, not exists`],
    ['status = "off"', 10, 'needs a status of "active" or "disabled" at character 10'],
    ['key =', 6, 'ends where a string should be at character 6'],
    ['key = graz', 7, 'needs a quoted string in place of graz at character 7'],
    ['key = true', 7, 'needs a quoted string in place of true at character 7'],
    ['version = 1.2', 11, 'cannot be read at character 11; text and numbers are written in quotes'],
    ['key < "a"', 5, 'cannot be read at character 5; text and numbers are written in quotes'],
    ['key = "a', 7, /^cannot be read at character 7; the string has no end/],
    ['key = "a\\n"', 7, /^cannot be read at character 7; .*a backslash before/],
    ['key = "a\0"', 7, /^cannot be read at character 7; the string has a NUL/],
    ['tag."\ud800" exists', 5, /^cannot be read at character 5; .*half a character/],
    ['key in "a"', 8, 'needs ( before a string at character 8'],
    ['key in ("a" "b")', 13, 'needs , or ) before a string at character 13'],
    ['key in ("a"', 12, 'ends where , or ) should be at character 12'],
    ['key = "a" key = "b"', 11, 'needs "and" or "or" in place of key at character 11'],
    ['key = "a")', 10, 'needs "and" or "or" in place of ) at character 10'],
    ['(key = "a"', 11, 'ends where "and", "or" or ) should be at character 11'],
    ['(key = "a" key', 12, 'needs "and", "or" or ) in place of key at character 12'],
  ])('refuses %s', (text, position, reason) => {
    const error = refusal(text)
    expect(error).toBeInstanceOf(OtaError)
    expect(error).toMatchObject({
      code: 'invalid',
      details: {
        field: 'filter',
        position,
        reason: typeof reason === 'string' ? reason : expect.stringMatching(reason),
      },
    })
  })

  it('names the field that it is told', () => {
    expect(() => parseFilter('x', 'select.filter')).toThrow(/^select\.filter: has no field x at character 1/)
  })

  it.each([
    ['characters', (count: number) => `key="${'x'.repeat(count - 6)}"`, 'is longer than 4096 characters'],
    ['conditions', (count: number) => Array(count).fill('key="a"').join(' or '), 'has more than 64 conditions'],
    ['values', (count: number) => `key in (${Array(count).fill('""').join()})`, 'has more than 1000 values'],
    ['depth', (count: number) => `${'('.repeat(count)}key="a"${')'.repeat(count)}`, 'is nested more than 32 deep'],
    ['depth', (count: number) => `${'not '.repeat(count)}key="a"`, 'is nested more than 32 deep'],
  ] as const)('has a limit of %s', (limit, text, reason) => {
    expect(parseFilter(text(FILTER_LIMITS[limit]))).toBeDefined()
    expect(refusal(text(FILTER_LIMITS[limit] + 1))).toMatchObject({
      details: { reason: expect.stringContaining(reason) },
    })
  })

  it('reads the longest hostile text in no time', () => {
    const started = performance.now()
    for (const text of [
      `'${"\\'".repeat(2_000)}`,
      'tag.'.repeat(1_000),
      ' '.repeat(4_096),
      '('.repeat(4_096),
      '!'.repeat(4_096),
    ])
      refusal(text)
    expect(performance.now() - started).toBeLessThan(1_000)
  })
})
