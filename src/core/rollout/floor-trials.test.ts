import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { expectCounted, type Recounting } from '../../../test/support/recount.ts'
import { NATIVE, RolloutFleet } from '../../../test/support/rollout-fleet.ts'
import { STORAGES } from '../../../test/support/storages.ts'
import type { Storage } from '../ports.ts'
import type { RolloutInput } from './rollout-input.ts'

const REASON = 'it moves the partitions'
const MUTE = { via: 'spoke-zone', reporting: 'silent', isVerifiable: false } as const

let fleets = 0

describe.each(STORAGES)('trials that begin at a floor, on $name', ({ open }) => {
  let storage: Storage
  let fleet: RolloutFleet

  beforeAll(async () => {
    storage = await open()
  })
  afterAll(() => storage.close())
  beforeEach(async () => {
    fleet = await RolloutFleet.open({ storage, key: `floors-${fleets++}` })
    const floor = { product: 'panel', firmware: { version: '1.1.0' }, reason: REASON }
    await fleet.core.floors.create(fleet.scope, floor)
  })

  /** `spring` of 1.2.0, for which devices that run 1.0.0 need 1.1.0 first. */
  const start = (input: Partial<RolloutInput> = {}) =>
    fleet.start({ release: { product: 'panel', version: '1.2.0' }, ...input })
  const counts = async () => (await fleet.room()).whole.counts
  const counted = async (recounting?: Recounting) => expectCounted(storage.read, await fleet.rollout(), recounting)
  const member = async (key: string) => {
    const found = await storage.read.rolloutMembers.find(
      (await fleet.rollout()).serial,
      (await fleet.device(key)).serial,
    )
    if (!found) throw new Error(`${key} is no member`)
    return found
  }
  const installAll = async (keys: readonly string[], version: string) => {
    for (const key of keys) await fleet.install(key, version)
  }
  const words = async () => {
    const { stop } = await fleet.rollout()
    return stop?.kind === 'gate' ? stop.words : undefined
  }

  it('take a place with the first step, keep it over the next, and settle when T has passed for each', async () => {
    const keys = await fleet.addDevices(12)
    await start()
    const first = keys.slice(0, 10)
    expect(await fleet.grantAll(keys)).toEqual(first)
    expect(await fleet.why('d10')).toBe(
      '10 devices of rollout spring hold the release without a verdict; 10 may at once until more have matured.',
    )
    await fleet.later({ minutes: 30 })
    await installAll(first, '1.1.0')
    expect(await counts()).toEqual({ granted: 10, settled: 0, failed: 0, settledFailed: 0, silent: 0 })
    expect(await fleet.grant('d10')).toBeUndefined()
    expect(await fleet.grantAll(first)).toEqual(first)
    expect((await member('d0')).settleAt).toBe(((await member('d0')).grantedAt ?? 0) + 2 * 3_600_000)
    await installAll(first, '1.2.0')
    await fleet.later({ minutes: 89 })
    expect(await counts()).toMatchObject({ granted: 10, settled: 0 })
    await counted()
    await fleet.later({ minutes: 1 })
    expect(await counts()).toMatchObject({ granted: 10, settled: 10, failed: 0 })
    expect(await fleet.grantAll(['d10', 'd11'])).toEqual(['d10', 'd11'])
    const { whole, cohorts } = await fleet.room()
    expect(whole.devices).toBe(12)
    // The version that they came from is the one at the beginning.
    expect([...cohorts.keys()]).toEqual(['cohort/from-version=1.0.0'])
    await counted()
  })

  it('stop a rollout whose floor fails, and say so', async () => {
    const keys = await fleet.addDevices(12)
    await start()
    const granted = await fleet.grantAll(keys)
    expect(granted).toHaveLength(10)
    for (const key of granted) await fleet.fail(key)
    expect((await fleet.rollout()).state).toBe('stopped')
    expect(await words()).toMatch(
      /^(\d) of 10 devices that hold the release failed already \(\d0\.0 %\), \1 of them at floor 1\.1\.0; the others/,
    )
    expect(await fleet.why('d11')).toContain('of them at floor 1.1.0')
    const [stopped] = await storage.read.events.list(
      { organisation: fleet.scope.organisation, type: 'rollout.stopped' },
      { limit: 9 },
    )
    const failed = (await counts()).failed
    expect(stopped?.details).toMatchObject({ evidence: { floors: [{ version: '1.1.0', failed: expect.any(Number) }] } })
    expect(failed).toBe(10)
    await counted()
  })

  it('stop a rollout whose floor makes devices fall silent', async () => {
    const keys = await fleet.addDevices(12)
    await start()
    const granted = await fleet.grantAll(keys)
    await fleet.later({ hours: 1 })
    // Their second hour is for the step that follows; until then they hold their places.
    expect(await fleet.grantAll(['d10', 'd11'])).toEqual([])
    expect((await fleet.rollout()).state).toBe('running')
    await fleet.later({ hours: 1 })
    expect(granted).toHaveLength(10)
    expect(await words()).toMatch(
      /^10 of 10 matured devices failed \(100\.0 %\), 10 of them in silence \(not confirmed within 1 h\), 10 of them at floor 1\.1\.0\./,
    )
    await counted()
  })

  it('stop a rollout whose release fails behind a good floor, before it reaches more', async () => {
    const keys = await fleet.addDevices(12)
    await start()
    const granted = await fleet.grantAll(keys)
    await fleet.fail('d0')
    await installAll(granted.slice(1), '1.1.0')
    await fleet.grantAll(granted.slice(1))
    for (const key of granted.slice(1)) await fleet.fail(key)
    expect(granted).toHaveLength(10)
    expect(await words()).toMatch(/, 1 of them at floor 1\.1\.0; the others are taken as good\./)
    await counted()
  })

  it('begin anew when the next step comes too late to be watched', async () => {
    const keys = await fleet.addDevices(2)
    await start({ health: { allowance: { initial: 1 } } })
    expect(await fleet.grantAll(keys)).toEqual(['d0'])
    await fleet.install('d0', '1.1.0')
    await fleet.later({ minutes: 61 })
    const before = await member('d0')
    expect(await fleet.why('d0')).toBe(
      '1 device of rollout spring holds the release without a verdict; 1 may at once until more have matured.',
    )
    await fleet.later({ minutes: 59 })
    expect(await counts()).toMatchObject({ granted: 1, settled: 1, failed: 0 })
    await fleet.grant('d0')
    const { whole, cohorts } = await fleet.room()
    expect(whole).toMatchObject({ counts: { granted: 2, settled: 1 }, devices: 1 })
    expect(cohorts.get('cohort/from-version=1.1.0')?.counts.granted).toBe(1)
    await counted({ ended: [{ ...before, isSettled: true }] })
    // It falls silent, which is a failure of the trial that it is in.
    await fleet.later({ hours: 1 })
    expect(await counts()).toEqual({ granted: 2, settled: 2, failed: 1, settledFailed: 1, silent: 1 })
    await counted({ ended: [{ ...before, isSettled: true }] })
  })

  it('settle at once when another begins before their time is over', async () => {
    await fleet.addDevices(1)
    await start({ health: { cohorts: [] } })
    await fleet.grant('d0')
    await fleet.install('d0', '1.1.0')
    await fleet.later({ minutes: 90 })
    const ended = [await member('d0')]
    await fleet.grant('d0')
    expect(await counts()).toMatchObject({ granted: 2, settled: 1, failed: 0 })
    await counted({ ended })
  })

  it('fail once: further tries of the floor and of the release take no place and tell nothing more', async () => {
    await fleet.addDevices(1)
    await start({ options: { retry: { attempts: 9, pauseSeconds: 60 } } })
    await fleet.grant('d0')
    await fleet.fail('d0')
    await fleet.later({ minutes: 2 })
    await fleet.grant('d0')
    await fleet.install('d0', '1.1.0')
    await fleet.grant('d0')
    await fleet.fail('d0')
    expect(await counts()).toEqual({ granted: 1, settled: 0, failed: 1, settledFailed: 0, silent: 0 })
    await fleet.later({ hours: 2 })
    expect(await counts()).toEqual({ granted: 1, settled: 1, failed: 1, settledFailed: 1, silent: 0 })
    await counted()
  })

  it('fail when a device falls back from the floor', async () => {
    await fleet.addDevices(1)
    await start()
    await fleet.grant('d0')
    await fleet.install('d0', '1.1.0')
    await fleet.later({ minutes: 5 })
    await fleet.install('d0', '1.0.0')
    expect(await counts()).toMatchObject({ granted: 1, failed: 1 })
    await counted()
  })

  it('settle when their device is deleted at the floor', async () => {
    await fleet.addDevices(1)
    await start()
    await fleet.grant('d0')
    await fleet.install('d0', '1.1.0')
    const left = [await member('d0')]
    await fleet.core.devices.delete(fleet.scope, 'd0')
    expect(await counts()).toMatchObject({ granted: 1, settled: 1, failed: 0 })
    await counted({ left })
  })

  it('end with their cohort: a device that stands at the floor is of the one that it came from', async () => {
    const keys = await fleet.addDevices(80, { running: '1.1.0' })
    await start({ health: { allowance: 'unlimited', cohorts: ['from-version'] } })
    const old = keys.slice(0, 8)
    await installAll(old, '1.0.0')
    await fleet.grantAll([...keys.slice(8), ...old])
    await installAll(keys.slice(8), '1.2.0')
    await fleet.install('d0', '1.1.0')
    for (const key of old.slice(1)) await fleet.fail(key)
    expect((await fleet.rollout()).state).toBe('running')
    expect(await fleet.why('d0')).toMatch(
      /^Devices like it \(from 1\.0\.0\) are excluded from rollout spring: Devices that came from 1\.0\.0: \d of 8 devices that hold the release failed already \(\d+\.\d %\), \d of them at floor 1\.1\.0; the others/,
    )
    expect(await fleet.grant('d0')).toBeUndefined()
    await counted()
  })

  it('count devices of a verification from their first step', async () => {
    const keys = await fleet.addDevices(3)
    await start({ kind: 'verification', stages: [{ count: 2 }] })
    expect(await fleet.grantAll(keys)).toEqual(['d0', 'd1'])
    await installAll(['d0', 'd1'], '1.1.0')
    expect(await fleet.why('d2')).toMatch('is for 2 devices, which all came before it')
    expect(await fleet.grantAll(keys)).toEqual(['d0', 'd1'])
    await counted()
  })

  it('take places of those that cannot be verified over protocols that do not tell', async () => {
    const keys = await fleet.addDevices(12)
    await start({ health: { minVerifiableShare: 0.5 } })
    expect(await fleet.grantAll(keys, MUTE)).toHaveLength(10)
    expect(await fleet.why('d11', MUTE)).toMatch(/^What became of 10 devices of rollout spring cannot be verified/)
    expect(await fleet.why('d11', NATIVE)).toMatch(/^It must install 1\.1\.0 first/)
    await counted()
  })
})
