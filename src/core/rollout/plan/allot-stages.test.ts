import { describe, expect, it } from 'vitest'
import type { StageReach } from '../rollout.ts'
import { allotStages } from './allot-stages.ts'

const percent = (value: number): StageReach => ({ kind: 'percent', percent: value })
const count = (value: number): StageReach => ({ kind: 'count', count: value })
const groups: StageReach = { kind: 'groups', groups: ['pilot'] }

interface Case {
  readonly name: string
  readonly reaches: readonly StageReach[]
  readonly own: readonly number[]
  readonly none?: number
  readonly from?: { stage: number; taken: number }
  readonly stages: readonly number[]
  readonly leftOut?: number
}

const cases: readonly Case[] = [
  { name: 'percents', reaches: [percent(5), percent(100)], own: [50, 950], stages: [50, 950] },
  {
    name: 'a last stage below 100 % leaves devices out',
    reaches: [percent(50)],
    own: [50],
    none: 51,
    stages: [50],
    leftOut: 51,
  },
  { name: 'a count takes whoever comes first', reaches: [count(10), percent(100)], own: [0, 100], stages: [10, 90] },
  { name: 'a count that nobody fills', reaches: [count(10), percent(100)], own: [0, 4], stages: [4, 0] },
  { name: 'a count alone', reaches: [count(5)], own: [0], none: 12, stages: [5], leftOut: 7 },
  {
    name: 'a count takes of each later stage its share',
    reaches: [count(100), percent(10), percent(100)],
    own: [0, 100, 900],
    stages: [100, 90, 810],
  },
  {
    name: 'shares are rounded so that they sum up',
    reaches: [count(10), groups, percent(50), percent(100)],
    own: [0, 7, 7, 7],
    stages: [10, 4, 3, 4],
  },
  { name: 'groups, and nobody else', reaches: [groups], own: [3], none: 9, stages: [3], leftOut: 9 },
  {
    name: 'goes on from the current stage, with what earlier ones left',
    reaches: [groups, percent(50), percent(100)],
    own: [2, 20, 30],
    from: { stage: 1, taken: 0 },
    stages: [0, 22, 30],
  },
  {
    name: 'a count under way has its taken places no more',
    reaches: [count(10), percent(100)],
    own: [0, 20],
    from: { stage: 0, taken: 8 },
    stages: [2, 18],
  },
  {
    name: 'an earlier count is over',
    reaches: [count(10), percent(100)],
    own: [0, 20],
    from: { stage: 1, taken: 3 },
    stages: [0, 20],
  },
  { name: 'no devices', reaches: [count(10), percent(100)], own: [0, 0], stages: [0, 0] },
]

describe('devices of each stage', () => {
  it.each(cases)('$name', ({ reaches, own, none = 0, from, stages, leftOut = 0 }) => {
    const allotted = allotStages(
      reaches.map((reach) => ({ reach })),
      { own, none },
      from,
    )
    expect(allotted).toEqual({ stages, leftOut })
    expect(allotted.stages.reduce((a, b) => a + b, 0) + allotted.leftOut).toBe(own.reduce((a, b) => a + b, none))
  })
})
