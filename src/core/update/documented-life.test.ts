import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { type CoreLimits, DEFAULT_CORE_LIMITS } from '../limits.ts'
import { timeOutsOf } from './time-outs.ts'
import { TRANSITIONS } from './transitions.ts'
import { CLOSED_STATES, OPEN_STATES, type TimedState } from './update.ts'

const page = readFileSync(new URL('../../../docs/updates.md', import.meta.url), 'utf8')

/** Cells of the table under a heading, its head first. */
function tableUnder(heading: string): string[][] {
  const [section = ''] = (page.split(`\n## ${heading}\n`)[1] ?? '').split('\n## ')
  const rows = section.split('\n').filter((line) => line.startsWith('| '))
  const cellsOf = (line: string) => line.split('|').map((cell) => cell.trim())
  return rows.map((line) => cellsOf(line).slice(1, -1))
}

it('docs/updates.md has every move that the code has, and no other', () => {
  const [head = [], ...rows] = tableUnder('What moves it')
  expect(head.slice(1)).toEqual([...OPEN_STATES])
  const documented = rows.flatMap(([what = '', ...cells]) => {
    const trigger = /^`([a-z-]+)`/.exec(what)?.[1]
    return cells.flatMap((to, index) => (to === '·' ? [] : [`${OPEN_STATES[index]} ${trigger} ${to}`]))
  })
  const moves = OPEN_STATES.flatMap((from) =>
    Object.entries(TRANSITIONS[from]).map(([trigger, to]) => `${from} ${trigger} ${to}`),
  )
  expect(documented.toSorted()).toEqual(moves.toSorted())
})

it('docs/updates.md says what each closed state means', () => {
  const [, ...rows] = tableUnder('How it ends')
  expect(rows.map(([state]) => state)).toEqual([...CLOSED_STATES])
})

it('docs/updates.md lists every time-out with its setting and default', () => {
  const [, ...rows] = tableUnder('Time-outs')
  expect(rows.map(([state]) => state)).toEqual(OPEN_STATES.filter((state) => state !== 'pending'))
  for (const [state, setting = '', seconds, end] of rows) {
    const name = setting.replaceAll('`', '') as keyof CoreLimits
    expect(String(DEFAULT_CORE_LIMITS[name]), setting).toBe(seconds)
    expect(timeOutsOf({ ...DEFAULT_CORE_LIMITS, [name]: 17 }, null)[state as TimedState], setting).toBe(17)
    expect(TRANSITIONS[state as TimedState]['time-out']).toBe(end)
  }
})

it('docs/updates.md says of every state what each protocol tells of it', () => {
  const [head = [], ...rows] = tableUnder('What each protocol says')
  expect(rows.map(([state]) => state)).toEqual([...OPEN_STATES, ...CLOSED_STATES])
  for (const row of rows) expect(row.filter((cell) => cell !== '')).toHaveLength(head.length)
})
