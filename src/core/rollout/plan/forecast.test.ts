import { describe, expect, it } from 'vitest'
import { START } from '../../../../test/support/fixed-clock.ts'
import { healthPolicy } from '../health/health-policy.ts'
import type { Stage } from '../rollout.ts'
import { type StageInput, stagesFrom } from '../stage-input.ts'
import { Ages } from './ages.ts'
import { type Forecast, forecast } from './forecast.ts'
import type { ForecastInput } from './forecast-input.ts'

const MINUTE = 60
const HOUR = 3600
const DAY = 86_400

/** Devices that ask every so many seconds: their ages are even up to it. */
function every(...periods: readonly number[]): Ages {
  const ages = new Ages(30)
  for (const period of periods)
    for (let index = 0; index < 5_000; index++) ages.add(START - ((index + 0.5) / 5_000) * period * 1000, START)
  return ages
}

const OFF = healthPolicy({ mode: 'off' })
const ON = healthPolicy()

interface Case {
  readonly name: string
  /** Devices of each stage. */
  readonly stages: ReadonlyArray<readonly [StageInput, number]>
  readonly ages?: Ages
  readonly input?: Partial<ForecastInput>
  readonly untilHalf: number | null
  readonly until95: number | null
  readonly more?: Partial<Forecast>
}

const cases: readonly Case[] = [
  {
    name: 'devices that ask every hour, no limits',
    stages: [[{ percent: 100 }, 1_000]],
    untilHalf: 30 * MINUTE,
    until95: 57 * MINUTE,
    more: { brake: 'check-ins', approvals: 0, stuck: null },
  },
  {
    name: 'half of them every minute, half of them once a week',
    stages: [[{ percent: 100 }, 1_000]],
    ages: every(MINUTE, 7 * DAY),
    untilHalf: MINUTE,
    until95: 0.9 * 7 * DAY,
    more: { brake: 'check-ins' },
  },
  {
    name: 'the health gate lets 10 devices in, and 2.5 times as many after each hour',
    stages: [[{ percent: 100 }, 1_000_000]],
    ages: every(MINUTE),
    input: { health: ON },
    untilHalf: 12 * HOUR,
    until95: 13 * HOUR,
    more: { brake: 'health-gate' },
  },
  {
    name: 'a small fleet behind the gate: ten, and the next ten after an hour',
    stages: [[{ percent: 100 }, 20]],
    ages: every(MINUTE),
    input: { health: ON },
    untilHalf: 0.5 * MINUTE,
    until95: HOUR,
  },
  {
    name: 'a rate',
    stages: [[{ percent: 100, ratePerMinute: 100 }, 10_000]],
    ages: every(MINUTE),
    untilHalf: 50 * MINUTE,
    until95: 95 * MINUTE,
    more: { brake: 'rate' },
  },
  {
    name: 'slots, each held for a quarter of an hour',
    stages: [[{ percent: 100, concurrency: 100 }, 10_000]],
    ages: every(MINUTE),
    untilHalf: 49 * 15 * MINUTE,
    until95: 94 * 15 * MINUTE,
    more: { brake: 'slots' },
  },
  {
    name: 'a stage that soaks for a day',
    stages: [
      [{ percent: 5, soakSeconds: DAY, successThreshold: 0 }, 50],
      [{ percent: 100 }, 950],
    ],
    ages: every(10 * MINUTE),
    untilHalf: DAY + (450 / 950) * 10 * MINUTE,
    until95: DAY + (900 / 950) * 10 * MINUTE,
    more: { brake: 'stages' },
  },
  {
    name: 'a stage that waits for the first verdict, T after its grant',
    stages: [
      [{ percent: 5 }, 50],
      [{ percent: 100 }, 950],
    ],
    ages: every(MINUTE),
    untilHalf: HOUR + MINUTE,
    until95: HOUR + 1.5 * MINUTE,
    more: { brake: 'stages' },
  },
  {
    name: 'approvals are counted and cost no time',
    stages: [
      [{ percent: 5, approvals: 1, successThreshold: 0 }, 50],
      [{ percent: 100, approvals: 2 }, 950],
    ],
    untilHalf: 30 * MINUTE,
    until95: 57 * MINUTE,
    more: { approvals: 3 },
  },
  {
    name: 'half an hour a day, and devices that ask twice a day: each day a 24th of those left',
    stages: [[{ percent: 100, window: { kind: 'daily', from: '05:04', to: '05:34', zone: 'UTC' } }, 1_000]],
    ages: every(DAY / 2),
    untilHalf: 16.3 * DAY,
    until95: 70 * DAY,
    more: { brake: 'window' },
  },
  {
    name: 'a window that is open, and long enough',
    stages: [[{ percent: 100, window: { kind: 'daily', from: '01:00', to: '05:00', zone: 'device' } }, 1_000]],
    untilHalf: 30 * MINUTE,
    until95: 57 * MINUTE,
    more: { brake: 'check-ins' },
  },
  {
    name: 'a window that opens in 15 hours',
    stages: [[{ percent: 100, window: { kind: 'daily', from: '18:04', to: '20:00', zone: 'UTC' } }, 1_000]],
    ages: every(MINUTE),
    untilHalf: 15 * HOUR,
    until95: 15 * HOUR,
    more: { brake: 'window' },
  },
  {
    name: 'a window that opens tomorrow',
    stages: [
      [
        {
          percent: 100,
          window: { kind: 'absolute', startAt: START + DAY * 1000, endAt: START + 9 * DAY * 1000 },
        },
        1_000,
      ],
    ],
    ages: every(MINUTE),
    untilHalf: DAY,
    until95: DAY,
    more: { brake: 'window' },
  },
  {
    name: 'a window that is over',
    stages: [[{ percent: 100, window: { kind: 'absolute', startAt: START - 2, endAt: START - 1 } }, 1_000]],
    untilHalf: null,
    until95: null,
    more: { stuck: { stage: 0, kind: 'window' } },
  },
  {
    name: 'spread over a day',
    stages: [[{ percent: 100, spreadSeconds: DAY }, 1_000]],
    ages: every(MINUTE),
    untilHalf: DAY / 2,
    until95: 0.95 * DAY,
  },
  {
    name: 'a stage that nobody is in, and whose threshold asks for a verdict, is never left',
    stages: [
      [{ groups: ['pilot'] }, 0],
      [{ percent: 100 }, 1_000],
    ],
    untilHalf: null,
    until95: null,
    more: { stuck: { stage: 0, kind: 'threshold' } },
  },
  {
    name: 'a stage that nobody is in, without a threshold',
    stages: [
      [{ groups: ['pilot'], successThreshold: 0 }, 0],
      [{ percent: 100 }, 1_000],
    ],
    untilHalf: 30 * MINUTE,
    until95: 57 * MINUTE,
  },
  {
    name: 'devices that cannot be verified go on once somebody approves',
    stages: [[{ percent: 100 }, 1_000]],
    ages: every(MINUTE),
    input: { health: ON, verifiableShare: 0 },
    untilHalf: 0.5 * MINUTE,
    until95: MINUTE,
    more: { approvals: 1 },
  },
  {
    name: 'a rollout under way goes on from what it has',
    stages: [[{ percent: 100 }, 500]],
    ages: every(MINUTE),
    input: {
      health: ON,
      underWay: {
        elapsedSeconds: DAY,
        granted: 1_000,
        settled: 1_000,
        settledInStage: 1_000,
        unverifiable: 0,
        isApproved: false,
      },
    },
    untilHalf: 0.5 * MINUTE,
    until95: 0.95 * MINUTE,
  },
  {
    name: 'nobody at all',
    stages: [[{ percent: 100 }, 0]],
    untilHalf: null,
    until95: null,
    more: { brake: 'check-ins' },
  },
]

/** Within a tenth, or two minutes where the devices ask so often that steps count. */
function expectAbout(found: number | null, wanted: number | null): void {
  if (wanted === null || found === null) expect(found).toBe(wanted)
  else
    expect(Math.abs(found - wanted), `${found} s for ${wanted} s`).toBeLessThanOrEqual(
      Math.max(wanted * 0.1, 2 * MINUTE),
    )
}

describe('forecast', () => {
  it.each(cases)('$name', ({ stages, ages = every(HOUR), input, untilHalf, until95, more = {} }) => {
    const kept = stagesFrom(stages.map(([stage]) => stage))
    const found = forecast({
      stages: stages.map(([, devices], index) => ({ stage: kept[index] as Stage, devices })),
      ages,
      health: OFF,
      verifiableShare: 1,
      now: START,
      timeZone: 'UTC',
      ...input,
    })
    expectAbout(found.untilHalf, untilHalf)
    expectAbout(found.until95, until95)
    expect(found).toMatchObject(more)
  })

  it('is the same whenever it is asked', () => {
    const [stage] = stagesFrom([{ percent: 100, ratePerMinute: 7 }])
    const input = {
      stages: [{ stage: stage as Stage, devices: 999 }],
      ages: every(77),
      health: ON,
      verifiableShare: 0.5,
      now: START,
      timeZone: 'UTC',
    }
    expect(forecast(input)).toEqual(forecast(input))
  })

  it('takes a moment, whatever the fleet and however long it goes on', () => {
    const stages = stagesFrom([
      { percent: 1, soakSeconds: 30 * DAY },
      { percent: 100, ratePerMinute: 5 },
    ])
    const began = performance.now()
    const found = forecast({
      stages: stages.map((stage, index) => ({ stage, devices: index === 0 ? 10_000 : 990_000 })),
      ages: every(10, 20 * DAY),
      health: healthPolicy({ confirmSeconds: 10 }),
      verifiableShare: 1,
      now: START,
      timeZone: 'UTC',
    })
    expect(performance.now() - began).toBeLessThan(2_000)
    expect(found).toMatchObject({ untilHalf: expect.any(Number), until95: expect.any(Number), brake: 'rate' })
  })
})
