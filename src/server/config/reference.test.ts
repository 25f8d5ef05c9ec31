import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { configurationReference } from './reference.ts'

it('docs/configuration.md lists every setting and limit with its present default', () => {
  const written = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8')
  expect(written).toBe(configurationReference())
})
