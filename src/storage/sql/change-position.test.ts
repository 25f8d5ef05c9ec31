import { describe, expect, it } from 'vitest'
import { ChangePosition, type ChangeReading } from './change-position.ts'

const reading = (
  serials: readonly number[],
  writers?: readonly string[],
  oldest: number | null = 1,
): ChangeReading => ({
  rows: serials.map((serial) => ({ serial, origin: 'x/1', what: '' })),
  oldest,
  ...(writers && { writers }),
})

/** A reader at 10 that has caught up. */
function at10(): ChangePosition {
  const position = new ChangePosition(10)
  position.take(reading([], []))
  return position
}
const serials = (rows: ReturnType<ChangePosition['take']>) => rows?.map(({ serial }) => serial)

describe('a reader of changes', () => {
  it('has caught up once all have ended that wrote when it came', () => {
    const position = new ChangePosition(10)
    expect(position.question).toEqual({ after: 10, gaps: [], looks: true })
    position.take(reading([], ['a', 'b']))
    expect(position.isCaughtUp).toBe(false)
    position.take(reading([11], ['b', 'c']))
    expect(position.isCaughtUp).toBe(false)
    position.take(reading([], ['c', 'd']))
    expect(position.isCaughtUp).toBe(true)
    expect(position.question).toEqual({ after: 11, gaps: [], looks: false })
  })

  it('asks for numbers that are missing until whoever may have drawn them has ended', () => {
    const position = at10()
    expect(serials(position.take(reading([11, 14])))).toEqual([11, 14])
    expect(position.question).toEqual({ after: 14, gaps: [12, 13], looks: true })
    expect(serials(position.take(reading([15], ['a', 'b'])))).toEqual([15])
    expect(position.question).toEqual({ after: 15, gaps: [12, 13], looks: true })
    expect(serials(position.take(reading([12], ['b', 'c'])))).toEqual([12])
    expect(position.question.gaps).toEqual([13])
    // Nobody of those writes any more, but this reading's snapshot may be older than the end of the last.
    position.take(reading([], ['c']))
    expect(position.question.gaps).toEqual([13])
    expect(serials(position.take(reading([13], ['c'])))).toEqual([13])
    expect(position.question).toEqual({ after: 15, gaps: [], looks: false })
  })

  it('gives up a number whose transaction failed', () => {
    const position = at10()
    position.take(reading([12], []))
    expect(position.question.gaps).toEqual([11])
    position.take(reading([], []))
    expect(position.question).toEqual({ after: 12, gaps: [], looks: false })
  })

  it.each([
    ['an empty log', reading([], [], null)],
    ['a log whose oldest row is newer than its position', reading([20], [], 20)],
    ['more missing numbers than there can be', reading([1_000_000_000])],
  ])('begins anew before %s', (_, lost) => {
    expect(at10().take(lost)).toBeUndefined()
  })

  it('begins anew when what it misses may have been pruned', () => {
    const position = at10()
    position.take(reading([15], ['a'], 10))
    expect(position.take(reading([], ['a'], 11))).toBeDefined()
    expect(position.take(reading([], ['a'], 12))).toBeUndefined()
  })
})
