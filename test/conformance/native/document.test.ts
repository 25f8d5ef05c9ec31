import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../src/protocols/native/config.ts'
import { PROBLEMS } from '../../../src/protocols/native/errors.ts'

const text = readFileSync(new URL('../../../docs/protocols/native.md', import.meta.url), 'utf8')

/** Cells of the rows under a heading. */
function rowsOf(heading: string): string[][] {
  const [, rest = ''] = text.split(`\n## ${heading}\n`)
  const [section = ''] = rest.split('\n## ')
  const rows = section.split('\n').filter((line) => line.startsWith('| '))
  return rows.slice(1).map((line) =>
    line
      .split('|')
      .map((cell) => cell.trim())
      .slice(1, -1),
  )
}

describe('docs/protocols/native.md', () => {
  it('lists every code with its status', () => {
    const listed = rowsOf('7. Errors').flatMap(([status = '', codes = '']) =>
      codes.split(', ').map((code) => [code.replaceAll('`', ''), Number(status)]),
    )
    const served = Object.entries(PROBLEMS).map(([code, { status }]) => [code, status])
    expect(listed.sort()).toEqual(served.sort())
  })

  it('lists every setting with its default', () => {
    const listed = rowsOf('12. Configuration').map(([name = '', value]) => [name.replaceAll('`', ''), value])
    expect(listed).toEqual(Object.entries(parseConfig()).map(([name, value]) => [name, String(value)]))
  })
})
