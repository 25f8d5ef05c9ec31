import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { DEFAULT_CORE_LIMITS } from '../../limits.ts'
import { PLAN_OUTCOMES } from './outcomes.ts'

const text = readFileSync(new URL('../../../../docs/rollout-plan.md', import.meta.url), 'utf8')

describe('docs/rollout-plan.md', () => {
  it('explains every outcome, and none that there is not', () => {
    const table = text.split('| outcome | the device |')[1]?.split('\n\n')[0] ?? ''
    const named = [...table.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name)
    expect(named.toSorted()).toEqual([...PLAN_OUTCOMES].sort())
  })

  it('names limits by their defaults', () => {
    const named = [...text.matchAll(/`limits\.(\w+)` \((\d+)/g)].map(([, name, value]) => [name, Number(value)])
    expect(named.length).toBeGreaterThanOrEqual(3)
    for (const [name, value] of named) expect(DEFAULT_CORE_LIMITS).toHaveProperty(String(name), value)
  })
})
