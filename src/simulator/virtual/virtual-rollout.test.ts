import { describe, expect, it } from 'vitest'
import { NO_OUTCOMES, type Outcomes } from '../../core/rollout/tally.ts'
import { DEFAULT_FAILURES } from './fate.ts'
import { type FleetMix, fleetKinds } from './fleet-kinds.ts'
import { runVirtually, type VirtualRun } from './virtual-rollout.ts'

type Given = Partial<Omit<VirtualRun, 'kinds' | 'failures'>> & {
  readonly mix?: Partial<FleetMix>
  readonly failures?: Partial<typeof DEFAULT_FAILURES>
}

/** 300 native devices without failures, and Godwit's defaults. */
function run({ mix, failures, ...rest }: Given = {}) {
  const kinds = fleetKinds({ devices: 300, failureRate: 0, ...mix })
  return runVirtually({ seed: 1, kinds, failures: { ...DEFAULT_FAILURES, ...failures }, ...rest })
}

const outcomes = (some: Partial<Outcomes>): Outcomes => ({ ...NO_OUTCOMES, ...some })

describe('a rollout in virtual time', () => {
  it('is the same for the same seed, whatever else', async () => {
    const given: Given = { mix: { failureRate: 0.03 }, seed: 5 }
    expect(await run(given)).toEqual(await run(given))
    expect(await run({ ...given, seed: 6 })).not.toEqual({ ...(await run(given)), seed: 6 })
  })

  it('brings a good release to everybody, at the pace of the gate', async () => {
    const result = await run()
    expect(result).toMatchObject({ stopped: false, why: null, reached: 300, answers: 300, stoppedCohorts: [] })
    expect(result.outcomes).toEqual(outcomes({ succeeded: 300 }))
    // 10 at once, then 15, 37, 93 more, each an hour after those before.
    expect(result.hoursTo95).toBeGreaterThan(4)
    expect(result.hoursTo95).toBeLessThan(7)
    const reachedAt = (hours: number) => result.timeline.findLast((moment) => moment.hours <= hours)?.reached ?? 10
    expect(reachedAt(1)).toBe(10)
    expect(reachedAt(2)).toBeGreaterThan(10)
  })

  it('ends at the stop, with the words of the gate', async () => {
    const result = await run({ mix: { failureRate: 1 } })
    expect(result).toMatchObject({ stopped: true, reached: 10, hoursTo95: null })
    expect(result.why).toMatch(/^\d of 10 devices that hold the release failed already/)
  })

  it('sees silence when the hour is over', async () => {
    const result = await run({ mix: { failureRate: 1 }, failures: { silentShare: 1 } })
    expect(result).toMatchObject({ stopped: true, reached: 10 })
    expect(result.why).toMatch(/in silence/)
    expect(result.hours).toBeGreaterThanOrEqual(1)
    expect(result.hours).toBeLessThan(1.1)
  })

  it('sees devices go back to their old version', async () => {
    const result = await run({ mix: { failureRate: 1 }, failures: { rollBackShare: 1 } })
    expect(result.stopped).toBe(true)
    // One of the four may be trying again.
    expect(result.outcomes['rolled-back']).toBeGreaterThanOrEqual(3)
    expect(result.outcomes.failed).toBe(0)
  })

  it('says which cohort was excluded, when and why, and goes on', async () => {
    const result = await run({ mix: { devices: 1000, rare: { share: 0.1, failureRate: 1 } } })
    expect(result.stopped).toBe(false)
    expect(result.stoppedCohorts).toMatchObject([
      { cohort: 'hardwareRevision C', why: expect.stringContaining('hardwareRevision C') },
    ])
    const rare = result.reachedByKind.slice(6).reduce((sum, count) => sum + count, 0)
    expect(result.reached).toBe(900 + rare)
    expect(rare).toBeLessThanOrEqual(10)
  })

  it('tries failed devices again, and then no more', async () => {
    const {
      reached,
      answers,
      outcomes: ends,
    } = await run({
      mix: { devices: 20, failureRate: 1 },
      choice: { health: { mode: 'off' } },
    })
    expect([reached, answers]).toEqual([20, 60])
    expect(ends).toEqual(outcomes({ failed: 20 }))
  })

  it('gives up at the horizon', async () => {
    const result = await run({ hours: 2.5 })
    expect(result).toMatchObject({ stopped: false, hoursTo95: null })
    // (10 + 15) * 2.5
    expect(result.reached).toBe(63)
  })
})

describe('limits of a stage in virtual time', () => {
  it('goes from stage to stage', async () => {
    const stages = [{ percent: 10, soakSeconds: 7_200 }, { percent: 100 }]
    const result = await run({ choice: { health: { mode: 'off' }, stages } })
    const early = result.timeline.filter(({ hours, settled }) => hours < 2 && settled > 0)
    expect(early.every(({ reached }) => reached > 10 && reached < 60)).toBe(true)
    expect(result.reached).toBe(300)
    expect(result.hours).toBeGreaterThan(3)
  })

  it('keeps the rate of grants', async () => {
    const stages = [{ percent: 100, ratePerMinute: 2 }]
    const result = await run({ choice: { health: { mode: 'off' }, stages } })
    expect(result.reached).toBe(300)
    // 150 minutes, and an hour for the last to settle.
    expect(result.hours).toBeGreaterThan(3.4)
    expect(result.hours).toBeLessThan(4)
  })

  it('keeps concurrency: silent devices hold their slot', async () => {
    const stages = [{ percent: 100, concurrency: 5 }]
    const choice = { health: { mode: 'off' }, stages } as const
    const result = await run({ mix: { failureRate: 1 }, failures: { silentShare: 1 }, choice, hours: 48 })
    expect(result).toMatchObject({ stopped: false, reached: 5 })
  })

  it('waits for its window, and spreads', async () => {
    // The start is a Thursday at midnight, UTC.
    const stages = [
      { percent: 100, window: { kind: 'daily', from: '06:00', to: '09:00', zone: 'UTC' }, spreadSeconds: 600 },
    ]
    const result = await run({ choice: { health: { mode: 'off' }, stages } })
    expect(result.reached).toBe(300)
    expect(result.hours).toBeGreaterThan(7)
    expect(result.hours).toBeLessThan(10)
  })
})

describe('protocols in virtual time', () => {
  it.each(['native', 'enos', 'iotaap'] as const)('%s: good and bad releases are told apart', async (protocol) => {
    const protocols = { [protocol]: 1 }
    const good = await run({ mix: { devices: 60, protocols } })
    expect(good.outcomes).toEqual(outcomes({ succeeded: 60 }))
    for (const failures of [{}, { silentShare: 1 }, { rollBackShare: 1 }]) {
      const bad = await run({ mix: { protocols, failureRate: 1 }, failures })
      expect(bad, JSON.stringify(failures)).toMatchObject({ stopped: true, reached: 10 })
    }
  })

  it('spoke-zone: nothing can be verified, so ten get it until somebody approves', async () => {
    const result = await run({ mix: { protocols: { 'spoke-zone': 1 } } })
    expect(result).toMatchObject({ stopped: false, reached: 10, outcomes: outcomes({ delivered: 10 }) })
  })

  it('a mixed fleet: those that cannot be verified follow those that can', async () => {
    const result = await run({ mix: { protocols: { native: 2, 'spoke-zone': 1 } } })
    expect(result.outcomes).toEqual(outcomes({ succeeded: 200, delivered: 100 }))
  })
})
