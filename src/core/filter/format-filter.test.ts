import { describe, expect, it } from 'vitest'
import type { Filter } from './filter.ts'
import { formatFilter } from './format-filter.ts'
import { matchesFilter } from './matches-filter.ts'
import { parseFilter } from './parse-filter.ts'
import { choices, randomFilter, randomSubject } from './testing/random-filters.ts'

describe('formatFilter', () => {
  it.each([
    ['', ''],
    ['TRUE', ''],
    ['false', 'false'],
    ["key='a'", 'key = "a"'],
    ['key!="a"', 'key != "a"'],
    ['not key = "a"', 'key != "a"'],
    ['not key in ("a","b")', 'key not in ("a", "b")'],
    ['not tag.site exists', 'tag.site not exists'],
    ['not name like "a"', 'name not like "a"'],
    ['tag."site" exists', 'tag.site exists'],
    [`tag.'it\\'s "x"' exists`, `tag."it's \\"x\\"" exists`],
    ['key="a" or key="b" and key="c"', 'key = "a" or key = "b" and key = "c"'],
    ['key="a" or (key="b" or key="c")', 'key = "a" or (key = "b" or key = "c")'],
    ['key="a" and (key="b" or key="c" and key="d")', 'key = "a" and (key = "b" or key = "c" and key = "d")'],
    ['not (not key="a")', 'not key != "a"'],
    ['not (key="a" or true)', 'not (key = "a" or true)'],
  ])('%s', (text, formatted) => {
    expect(formatFilter(parseFilter(text))).toBe(formatted)
  })

  it.each<[Filter, string]>([
    [{ kind: 'all', of: [{ kind: 'exists', field: 'group' }] }, 'group exists'],
    [{ kind: 'not', of: { kind: 'one-of', field: 'key', values: [] } }, 'true'],
    [{ kind: 'any', of: [{ kind: 'one-of', field: 'key', values: [] }] }, 'false'],
  ])('writes what no text makes: %j', (filter, text) => {
    expect(formatFilter(filter)).toBe(text)
  })

  it('gives a text that means the same filter, whatever filter it is', () => {
    const choice = choices(1)
    for (let round = 0; round < 3_000; round++) {
      const filter = randomFilter(choice)
      const text = formatFilter(filter)
      expect(parseFilter(text), text).toEqual(filter)
      expect(JSON.parse(JSON.stringify(filter))).toEqual(filter)
    }
  })

  it('keeps the meaning of a filter that no text makes', () => {
    const choice = choices(2)
    for (let round = 0; round < 300; round++) {
      const inner = randomFilter(choice, 2)
      const filter: Filter = { kind: 'any', of: [{ kind: 'all', of: [inner, { kind: 'all', of: [] }] }] }
      const subject = randomSubject(choice, choice.below(20))
      expect(matchesFilter(parseFilter(formatFilter(filter)), subject)).toBe(matchesFilter(inner, subject))
    }
  })
})
