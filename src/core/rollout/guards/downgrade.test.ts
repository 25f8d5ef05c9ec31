import { describe, expect, it } from 'vitest'
import type { Versioned } from './compare-versions.ts'
import { checkDowngrade, type DowngradePolicy } from './downgrade.ts'

const v = (version: string, sequence: number | null = null): Versioned => ({ version, sequence })
const GUARDED: DowngradePolicy = { allowDowngrade: false, productForbids: false }
const ALLOWED: DowngradePolicy = { allowDowngrade: true, productForbids: false }
const FORBIDDEN: DowngradePolicy = { allowDowngrade: false, productForbids: true }
const FORBIDDEN_YET_ALLOWED: DowngradePolicy = { allowDowngrade: true, productForbids: true }

describe('the downgrade guard', () => {
  it.each([
    ['forward', v('1.0.0'), v('1.1.0')],
    ['the same version again', v('1.0.0'), v('1.0.0')],
    ['forward by sequence', v('rev-a', 1), v('rev-b', 2)],
    ['from one of two that stand in one place to the other', v('rev-a', 1), v('rev-b', 1)],
    ['from a version that was never reported', null, v('1.0.0')],
  ] as const)('lets through: %s', (_name, running, target) => {
    for (const policy of [GUARDED, ALLOWED, FORBIDDEN, FORBIDDEN_YET_ALLOWED])
      expect(checkDowngrade(running, target, policy)).toEqual({ kind: 'ok' })
  })

  it.each([
    ['back by SemVer', v('2.0.0'), v('1.9.0'), 'downgrade'],
    ['from a release to its pre-release', v('2.0.0'), v('2.0.0-rc.1'), 'downgrade'],
    ['back by sequence', v('rev-b', 2), v('rev-a', 1), 'downgrade'],
    ['no order', v('rev-b'), v('rev-a'), 'incomparable'],
    ['no order: the running version is no known firmware', v('rev-b'), v('rev-c', 3), 'incomparable'],
  ] as const)('refuses: %s', (_name, running, target, kind) => {
    const facts = { kind, from: running.version, to: target.version }
    expect(checkDowngrade(running, target, GUARDED)).toEqual({ ...facts, overridable: true })
    expect(checkDowngrade(running, target, ALLOWED)).toEqual({ kind: 'ok' })
    expect(checkDowngrade(running, target, FORBIDDEN)).toEqual({ ...facts, overridable: false })
    expect(checkDowngrade(running, target, FORBIDDEN_YET_ALLOWED)).toEqual({ ...facts, overridable: false })
  })
})
