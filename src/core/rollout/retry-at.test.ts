import { describe, expect, it } from 'vitest'
import { retryAt } from './retry-at.ts'

describe('retryAt', () => {
  const limits = { retryMaxSeconds: 600 }
  it.each([
    ['the first pause', 1, { attempts: 3, pauseSeconds: 60, steady: false }, 61_000],
    ['twice as long', 2, { attempts: 3, pauseSeconds: 60, steady: false }, 121_000],
    ['never longer than the most', 9, { attempts: 100, pauseSeconds: 60, steady: false }, 601_000],
    ['after no try at all', 0, { attempts: 3, pauseSeconds: 60, steady: false }, 61_000],
    ['steady', 2, { attempts: 3, pauseSeconds: 60, steady: true }, 61_000],
    ['steady beyond the most', 2, { attempts: 3, pauseSeconds: 6_000, steady: true }, 6_001_000],
    ['all tries used', 3, { attempts: 3, pauseSeconds: 60, steady: false }, undefined],
    ['one try only', 1, { attempts: 1, pauseSeconds: 0, steady: true }, undefined],
  ])('%s', (_name, attempts, retry, at) => {
    expect(retryAt(retry, { attempts, changedAt: 1_000 }, limits)).toBe(at)
  })
})
