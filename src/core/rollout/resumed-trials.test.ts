import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { expectCounted, type Recounting } from '../../../test/support/recount.ts'
import { NATIVE, RolloutFleet } from '../../../test/support/rollout-fleet.ts'
import { STORAGES } from '../../../test/support/storages.ts'
import type { Storage } from '../ports.ts'

const RETRY = { options: { retry: { attempts: 9, pauseSeconds: 60 }, ignorePenalty: true } } as const
/** Nothing stops it but the test. */
const NEVER = { mode: { kind: 'threshold', failures: 1_000 } } as const
const MUTE = { via: 'spoke-zone', reporting: 'silent', isVerifiable: false } as const

let fleets = 0

describe.each(STORAGES)('devices that had the release before a stop, on $name', ({ open }) => {
  let storage: Storage
  let fleet: RolloutFleet

  beforeAll(async () => {
    storage = await open()
  })
  afterAll(() => storage.close())
  beforeEach(async () => {
    fleet = await RolloutFleet.open({ storage, key: `resumed-${fleets++}` })
  })

  const control = () => fleet.core.rolloutControl
  const counts = async () => (await fleet.room()).whole.counts
  const counted = async (recounting?: Recounting) => expectCounted(storage.read, await fleet.rollout(), recounting)
  const stopAndResume = async () => {
    await control().stop(fleet.scope, 'spring', { reason: 'a break' })
    await fleet.later({ minutes: 5 })
    await control().resume(fleet.scope, 'spring')
  }
  const member = async (key: string) => {
    const found = await storage.read.rolloutMembers.find(
      (await fleet.rollout()).serial,
      (await fleet.device(key)).serial,
    )
    if (!found) throw new Error(`${key} is no member`)
    return found
  }

  it('take a place of the new run and give it evidence, once', async () => {
    const keys = await fleet.addDevices(4)
    await fleet.start({ ...RETRY, health: { ...NEVER, allowance: { initial: 2 }, cohorts: ['from-version'] } })
    expect(await fleet.grantAll(keys)).toEqual(['d0', 'd1'])
    for (const key of ['d0', 'd1']) await fleet.fail(key)
    await stopAndResume()
    expect(await counts()).toMatchObject({ granted: 0, failed: 0 })
    expect(await fleet.grantAll(['d0', 'd2'])).toEqual(['d0', 'd2'])
    expect(await fleet.why('d1')).toBe(
      '2 devices of rollout spring hold the release without a verdict; 2 may at once until more have matured.',
    )
    expect(await fleet.grant('d1')).toBeUndefined()
    const { whole, stages, cohorts } = await fleet.room()
    for (const tally of [whole, stages[0], cohorts.get('cohort/from-version=1.0.0')])
      expect(tally).toMatchObject({ run: 1, counts: { granted: 2, failed: 0 } })
    // Each device counts once, over all runs.
    expect(whole.devices).toBe(3)
    await fleet.fail('d0')
    expect(await counts()).toMatchObject({ granted: 2, failed: 1 })
    await counted()
    // A further try within the run takes no place and tells nothing more.
    await fleet.later({ minutes: 10 })
    await fleet.grant('d0')
    await fleet.fail('d0')
    expect(await counts()).toMatchObject({ granted: 2, failed: 1 })
    await fleet.later({ hours: 1 })
    expect(await counts()).toEqual({ granted: 2, settled: 2, failed: 2, settledFailed: 2, silent: 1 })
    await counted()
  })

  it('are silent in the new run as in the first, however often they were tried before', async () => {
    await fleet.addDevices(1)
    await fleet.start(RETRY)
    for (let attempt = 0; attempt < 3; attempt++) {
      await fleet.later({ hours: 1 })
      await fleet.grant('d0')
      await fleet.fail('d0')
    }
    await fleet.later({ hours: 1 })
    await stopAndResume()
    await fleet.grant('d0')
    expect((await member('d0')).attempts).toBe(4)
    await fleet.later({ hours: 1 })
    expect(await counts()).toEqual({ granted: 1, settled: 1, failed: 1, settledFailed: 1, silent: 1 })
    await counted()
  })

  it('leave their outcome to the run in which they were granted', async () => {
    await fleet.addDevices(2)
    await fleet.start(RETRY)
    await fleet.grantAll(['d0', 'd1'])
    for (const key of ['d0', 'd1'])
      await fleet.core.gateway.report(await fleet.facts(key), 'native', { trigger: 'install' })
    await stopAndResume()
    await fleet.fail('d0')
    await fleet.install('d1')
    await fleet.later({ hours: 2 })
    expect(await counts()).toEqual({ granted: 0, settled: 0, failed: 0, settledFailed: 0, silent: 0 })
    await counted()
  })

  it('count where they are told to retry, too', async () => {
    const keys = await fleet.addDevices(2)
    await fleet.start({ health: NEVER, options: { retry: { attempts: 1 } } })
    await fleet.grantAll(keys)
    for (const key of keys) await fleet.fail(key)
    await stopAndResume()
    expect(await fleet.grantAll(keys)).toEqual([])
    await fleet.core.rolloutMembers.retry(fleet.scope, 'spring')
    expect(await fleet.grantAll(keys)).toEqual(keys)
    await fleet.fail('d0')
    expect(await counts()).toMatchObject({ granted: 2, failed: 1 })
    await counted()
  })

  it('that cannot be verified take places of their kind', async () => {
    const keys = await fleet.addDevices(2)
    await fleet.start({ health: { allowance: { initial: 1 }, minVerifiableShare: 0.5 } })
    await fleet.grant('d0', MUTE)
    const update = await storage.read.updates.findOpen((await fleet.device('d0')).serial)
    await fleet.core.updates.cancel(fleet.scope, update?.id ?? '')
    await stopAndResume()
    await fleet.core.rolloutMembers.retry(fleet.scope, 'spring', ['d0'])
    expect(await fleet.grantAll(keys, MUTE)).toEqual(['d0'])
    expect((await fleet.room()).whole).toMatchObject({ unverifiable: 1, devices: 1, counts: { granted: 0 } })
    await counted()
  })

  it('do not take the place of another device in a stage of a count', async () => {
    const keys = await fleet.addDevices(3)
    await fleet.start({ ...RETRY, stages: [{ count: 2 }, { percent: 100 }] })
    expect(await fleet.grantAll(keys)).toEqual(['d0', 'd1'])
    await fleet.fail('d0')
    await stopAndResume()
    expect(await fleet.grantAll(['d2', 'd0'])).toEqual(['d0'])
    expect(await fleet.why('d2')).toBe('Stage 1 of rollout spring is for 2 devices, which all came before it.')
    await control().advance(fleet.scope, 'spring')
    await fleet.fail('d0')
    await fleet.later({ minutes: 10 })
    expect(await fleet.grantAll(['d0', 'd2'])).toEqual(['d0', 'd2'])
    expect((await fleet.room()).stages.map(({ devices }) => devices)).toEqual([2, 1])
    await counted()
  })

  it('of a cohort that is taken in again take places once more, there and in the whole', async () => {
    const keys = await fleet.addDevices(80)
    const bad = keys.slice(0, 8)
    for (const key of keys)
      await fleet.core.gateway.checkIn(await fleet.facts(key), {
        attributes: { hardwareRevision: bad.includes(key) ? 'C' : 'A' },
      })
    await fleet.start({ ...RETRY, health: { allowance: 'unlimited', cohorts: ['hardwareRevision'] } })
    await fleet.grantAll([...keys.slice(8), ...bad])
    for (const key of keys.slice(8)) await fleet.install(key)
    for (const key of bad) await fleet.fail(key)
    const scope = 'cohort/hardwareRevision=C'
    expect((await fleet.room()).cohorts.get(scope)).toMatchObject({
      isActive: false,
      counts: { granted: 8, failed: 8 },
    })
    await fleet.later({ minutes: 5 })
    await control().resume(fleet.scope, 'spring', { cohorts: ['hardwareRevision=C'] })
    const ended = [await member('d0')]
    await fleet.grant('d0')
    await fleet.fail('d0')
    const { whole, cohorts } = await fleet.room()
    expect(cohorts.get(scope)).toMatchObject({ run: 1, counts: { granted: 1, failed: 1 } })
    expect(whole).toMatchObject({ run: 0, counts: { granted: 81, failed: 9 }, devices: 80 })
    await counted({ ended })
  })

  it('do not let a bad release further than the allowance of each run', async () => {
    const keys = await fleet.addDevices(60)
    await fleet.start(RETRY)
    for (let run = 0; run < 3; run++) {
      const granted = await fleet.grantAll(keys)
      for (const key of granted) await fleet.fail(key)
      const { state, run: now } = await fleet.rollout()
      expect([state, now, granted.length]).toEqual(['stopped', run, 10])
      await fleet.later({ hours: 2 })
      await control().resume(fleet.scope, 'spring')
    }
    const { organisation } = fleet.scope
    expect(await storage.read.updates.list({ organisation }, { limit: 1_000 })).toHaveLength(30)
    expect((await fleet.room()).whole.devices).toBe(10)
    await counted()
  })
})

it('a grant that was decided before a resume is lost: it would take no place of the new run', async () => {
  const fleet = await RolloutFleet.open()
  await fleet.addDevices(1)
  await fleet.start(RETRY)
  await fleet.grant('d0')
  await fleet.fail('d0')
  await fleet.later({ minutes: 5 })
  const facts = await fleet.facts('d0')
  const decision = fleet.core.gateway.decide(facts, NATIVE)
  expect(decision).toMatchObject({ kind: 'update' })
  await fleet.core.rolloutControl.stop(fleet.scope, 'spring')
  await fleet.core.rolloutControl.resume(fleet.scope, 'spring')
  expect(await fleet.core.gateway.grant(facts, NATIVE)).toBeDefined()
  expect((await fleet.room()).whole.counts).toMatchObject({ granted: 1 })
})
