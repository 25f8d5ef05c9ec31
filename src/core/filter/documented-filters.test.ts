import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { blocksOf } from '../../../test/support/markdown.ts'
import { isOtaError } from '../errors.ts'
import { FILTER_LIMITS, findFilterField } from './filter.ts'
import { type FilterSubject, matchesFilter } from './matches-filter.ts'
import { parseFilter } from './parse-filter.ts'

const page = fileURLToPath(new URL('../../../docs/filters.md', import.meta.url))

/** The rows of the tables below a heading, as cells without the backticks around them. */
function rowsBelow(heading: string): string[][] {
  const [, after = ''] = readFileSync(page, 'utf8').split(`\n## ${heading}\n`)
  const [section = ''] = after.split('\n## ')
  return section
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('|---'))
    .map((line) => line.slice(2, -2).split(' | '))
    .slice(1)
    .map((cells) => cells.map((cell) => cell.replace(/^`(.*)`$/, '$1')))
}

describe('docs/filters.md', () => {
  const json = blocksOf(page).find(({ heading, language }) => heading === 'Examples' && language === 'json')
  const devices: FilterSubject[] = JSON.parse(json?.text ?? '').map((device: Partial<FilterSubject>) => ({
    ...device,
    id: '',
    primaryModule: device.product === null ? null : 'main',
  }))

  it.each(rowsBelow('Examples'))('%s means %s', (filter = '', means = '') => {
    const found = devices.filter((device) => matchesFilter(parseFilter(filter), device)).map(({ key }) => key)
    expect(found.join(', ') || 'none').toBe(means)
  })

  it.each(rowsBelow('Conditions'))('%s can be read', (condition = '') => {
    expect(parseFilter(condition).kind).toMatch(/^(not|one-of|contains|exists)$/)
  })

  it.each(rowsBelow('Fields'))('%s: %s', (fields = '') => {
    for (const field of fields.split('` `')) expect(findFilterField(field)?.field).toBe(field)
  })

  const [refusals, limits] = [rowsBelow('What is refused').slice(0, 5), rowsBelow('What is refused').slice(-4)]

  it.each(refusals)('%s: %s', (filter = '', reason = '') => {
    let refusal: unknown
    try {
      parseFilter(filter)
    } catch (error) {
      refusal = isOtaError(error, 'invalid') && error.details['reason']
    }
    expect(refusal).toBe(reason)
  })

  it('has what these tests look for', () => {
    const counts = ['Examples', 'Conditions', 'Fields'].map((heading) => rowsBelow(heading).length)
    expect(counts).toEqual([13, 8, 8])
  })

  it('names the limits', () => {
    expect(limits.map(([, limit]) => Number(limit))).toEqual(Object.values(FILTER_LIMITS))
  })

  it('shows filters in commands and calls that can be read', () => {
    const shown = blocksOf(page).flatMap(({ text }) => [
      ...text.matchAll(/(?:--filter |urlencode 'filter=)'?([^']+)'/g),
    ])
    expect(shown).toHaveLength(3)
    for (const [, filter = ''] of shown) expect(parseFilter(filter)).toBeDefined()
  })
})
