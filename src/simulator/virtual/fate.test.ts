import { describe, expect, it } from 'vitest'
import { DEFAULT_FAILURES, Fates } from './fate.ts'

const draws = (model: Partial<typeof DEFAULT_FAILURES>, rate = 0.3, count = 2000) => {
  const fates = new Fates(7, { ...DEFAULT_FAILURES, ...model })
  return Array.from({ length: count }, () => fates.draw(rate))
}
const share = (drawn: ReturnType<typeof draws>, fate: string) =>
  drawn.filter((one) => one.fate === fate).length / drawn.length

describe('Fates', () => {
  it('lets the same devices fail however they fail', () => {
    const fails = (drawn: ReturnType<typeof draws>) => drawn.map(({ fate }) => fate !== 'good')
    expect(fails(draws({ silentShare: 1 }))).toEqual(fails(draws({ silentShare: 0 })))
    expect(fails(draws({ rollBackShare: 0.5, installSeconds: 10 }))).toEqual(fails(draws({})))
  })

  it('keeps the rates that it was given', () => {
    const drawn = draws({ silentShare: 0.5, rollBackShare: 0.5 }, 0.4)
    expect(share(drawn, 'good')).toBeCloseTo(0.6, 1)
    expect(share(drawn, 'falls-silent')).toBeCloseTo(0.2, 1)
    expect(share(drawn, 'rolls-back')).toBeCloseTo(0.1, 1)
    expect(share(drawn, 'fails')).toBeCloseTo(0.1, 1)
  })

  it('keeps the mean times, and a minute at least', () => {
    const good = draws({ installSeconds: 1000 }, 0)
    const mean = good.reduce((sum, one) => sum + one.seconds, 0) / good.length
    expect(Math.min(...good.map((one) => one.seconds))).toBeGreaterThanOrEqual(60)
    expect(mean).toBeGreaterThan(1000)
    expect(mean).toBeLessThan(1120)
  })

  it('keeps a fate at further tries', () => {
    const fates = new Fates(1, DEFAULT_FAILURES)
    expect(fates.again('fails').fate).toBe('fails')
  })
})
