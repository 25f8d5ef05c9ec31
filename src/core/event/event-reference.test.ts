import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { withEventReference } from './event-reference.ts'
import { EVENT_CHAPTERS, EVENT_TYPES } from './event-types.ts'
import { matchesType, TYPE_PATTERN } from './matches-type.ts'

const page = readFileSync(new URL('../../../docs/events.md', import.meta.url), 'utf8')

it('docs/events.md lists the types that the code declares (npm run docs)', () => {
  expect(page).toBe(withEventReference(page))
  for (const type of Object.keys(EVENT_TYPES)) expect(page.split(`| \`${type}\` |`), type).toHaveLength(2)
})

it('every type stands in one chapter and can be asked for', () => {
  const types = EVENT_CHAPTERS.flatMap((chapter) => Object.keys(chapter.types))
  expect(types.toSorted()).toEqual(Object.keys(EVENT_TYPES).toSorted())
  for (const type of types) {
    expect(TYPE_PATTERN.test(type), type).toBe(true)
    expect(matchesType([`${type.split('.')[0]}.*`], type), type).toBe(true)
  }
})
