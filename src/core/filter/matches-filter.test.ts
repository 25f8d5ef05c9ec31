import { describe, expect, it } from 'vitest'
import { explainMismatch } from './explain-mismatch.ts'
import { type FilterSubject, matchesFilter } from './matches-filter.ts'
import { parseFilter } from './parse-filter.ts'
import { choices, randomFilter, randomSubject } from './testing/random-filters.ts'

const TRUCK: FilterSubject = {
  key: 'truck-17',
  id: '5e1b57808711f904f5df4bad',
  name: 'Truck 100%',
  status: 'active',
  product: 'panel',
  group: null,
  tags: { site: 'graz', 'odd name': '', 'a.b': 'c' },
  attributes: { 'hw/rev': 'B' },
  versions: { main: '1.2.3', 'display-app': '4.0.0' },
  primaryModule: 'main',
}
const UNKNOWN: FilterSubject = { ...TRUCK, product: null, versions: {}, primaryModule: null }

describe('matchesFilter', () => {
  it.each([
    ['', true],
    ['false', false],
    ['not true', false],
    ['key = "truck-17"', true],
    ['key = "Truck-17"', false],
    ['key like "uck-1"', true],
    ['key like "UCK"', false],
    ['key like ""', true],
    ['key != "truck-17"', false],
    ['id = "5e1b57808711f904f5df4bad"', true],
    ['name like "100%"', true],
    ['name like "T%0"', false],
    ['name like "Truck_"', false],
    ['status = "active"', true],
    ['status in ("disabled")', false],
    ['product = "panel"', true],
    ['product in ("pump", "panel")', true],
    ['product not in ("pump", "panel")', false],
    ['group exists', false],
    ['group not exists', true],
    ['group = ""', false],
    ['group like ""', false],
    ['group != "pilot"', true],
    ['version = "1.2.3"', true],
    ['version.main = "1.2.3"', true],
    ['version.display-app like "4."', true],
    ['version.other exists', false],
    ['version.other != "1"', true],
    ['tag.site = "graz"', true],
    ['tag.Site = "graz"', false],
    ['tag."odd name" exists', true],
    ['tag."odd name" = ""', true],
    ['tag.a.b = "c"', true],
    ['tag.a exists', false],
    ['tag.toString exists', false],
    ['attribute.site exists', false],
    ['attribute.hw/rev in ("A", "B")', true],
    ['tag.site = "graz" and attribute.hw/rev = "A"', false],
    ['tag.site = "graz" or attribute.hw/rev = "A"', true],
    ['not (tag.site = "graz" and group exists)', true],
  ])('%s: %s', (text, matches) => {
    expect(matchesFilter(parseFilter(text), TRUCK)).toBe(matches)
  })

  it.each([
    ['product exists', false],
    ['product != "panel"', true],
    ['version exists', false],
    ['version like ""', false],
  ])('of a device whose product is unknown, %s: %s', (text, matches) => {
    expect(matchesFilter(parseFilter(text), UNKNOWN)).toBe(matches)
  })
})

describe('explainMismatch', () => {
  it.each([
    ['tag.site = "vienna"', 'tag site is graz, not vienna'],
    ['tag.site in ("vienna", "linz")', 'tag site is graz, not one of vienna, linz'],
    ['key in ("a","b","c","d","e","f")', 'key is truck-17, not one of a, b, c, d, 2 more'],
    ['tag.site != "graz"', 'tag site is graz, which is excluded'],
    ['tag.site not in ("graz", "linz")', 'tag site is graz, which is excluded'],
    ['tag.floor = "2"', 'tag floor is not set, not 2'],
    ['tag."odd name" = "x y"', 'tag "odd name" is "", not "x y"'],
    ['group = "pilot"', 'group is not set, not pilot'],
    ['group exists', 'group is not set'],
    ['product not exists', 'product is panel, and whatever has one is excluded'],
    ['attribute.fuel exists', 'attribute fuel is not reported'],
    ['version = "2.0.0"', 'version is 1.2.3, not 2.0.0'],
    ['version.display-app != "4.0.0"', 'version of display-app is 4.0.0, which is excluded'],
    ['version.radio like "1"', 'version of radio is not reported'],
    ['name like "Bus"', 'name is "Truck 100%", without Bus in it'],
    ['name not like "Truck"', 'name is "Truck 100%", and what has Truck in it is excluded'],
    ['status = "disabled" and tag.site = "linz"', 'status is active, not disabled; tag site is graz, not linz'],
    ['status = "active" and tag.site = "linz"', 'tag site is graz, not linz'],
    ['status = "disabled" or tag.site = "linz"', 'status is active, not disabled; tag site is graz, not linz'],
    [
      'not (status = "active" and tag.site = "graz")',
      'status is active, which is excluded; tag site is graz, which is excluded',
    ],
    ['not (status = "active" or tag.site = "linz")', 'status is active, which is excluded'],
    [
      'key="a" and key="b" and key="c" and key="d" and key="e" and key="f"',
      /^key is truck-17, not a; .*not d; 2 more$/,
    ],
    ['false', 'the filter matches no device'],
  ])('%s', (text, reason) => {
    const words = explainMismatch(parseFilter(text), TRUCK)
    if (typeof reason === 'string') expect(words).toBe(reason)
    else expect(words).toMatch(reason)
  })

  it('has words exactly for the devices that a filter does not mean', () => {
    const choice = choices(3)
    for (let round = 0; round < 2_000; round++) {
      const filter = randomFilter(choice)
      const subject = randomSubject(choice, choice.below(20))
      const words = explainMismatch(filter, subject)
      expect(words === undefined).toBe(matchesFilter(filter, subject))
      expect(words).not.toBe('')
    }
  })
})
