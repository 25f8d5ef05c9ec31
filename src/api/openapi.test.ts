import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { openApiText } from '../../scripts/openapi.ts'

describe('docs/openapi.json', () => {
  it('is what the routes say; else run: npm run docs', async () => {
    const stored = readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8')
    expect(stored === (await openApiText())).toBe(true)
  })

  it('refers only to schemas that it holds', async () => {
    const document = JSON.parse(await openApiText())
    const names = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name)
    expect(names.length).toBeGreaterThan(50)
    expect(names.filter((name) => !document.components.schemas[name ?? ''])).toEqual([])
  })
})
