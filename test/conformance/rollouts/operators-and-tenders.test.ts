import { describe, expect, it } from 'vitest'
import { RACE_SEED, races, refusal } from '../../support/race.ts'
import type { RolloutFleet } from '../../support/rollout-fleet.ts'
import { useStorage } from '../../support/storage-suite.ts'
import { STORAGES } from '../../support/storages.ts'

const OFF = { health: { mode: 'off', allowance: 'unlimited' } } as const

describe.each(STORAGES)(`operators and tenders at once, on $name (seed ${RACE_SEED})`, ({ open }) => {
  const suite = useStorage(() => open({ connections: 12 }))
  const race = races(() => suite.storage)
  const twice = <T>(work: () => Promise<T>) => [work, work]

  it(
    'approval twice by one account counts once',
    race(async ({ fleet, atOnce }) => {
      await fleet.start({ stages: [{ percent: 100, approvals: 2 }] })
      const approve = () => refusal(fleet.core.rolloutControl.approve(fleet.person('ann'), 'spring'))
      const answers = await atOnce([approve, approve, approve])
      expect(answers.toSorted()).toEqual(['conflict', 'conflict', undefined])
      expect((await fleet.rollout()).stageStartedAt).toBeNull()
      expect(await eventsOf(fleet, 'rollout.approved')).toBe(1)
      expect(await eventsOf(fleet, 'rollout.stage-started')).toBe(0)
    }),
  )

  it(
    'approval by two accounts begins the stage once, and a third comes too late',
    race(async ({ fleet, atOnce }) => {
      await fleet.start({ stages: [{ percent: 100, approvals: 2 }] })
      const approve = (name: string) => () => refusal(fleet.core.rolloutControl.approve(fleet.person(name), 'spring'))
      const answers = await atOnce(['ann', 'ben', 'cleo'].map(approve))
      expect(answers.toSorted()).toEqual(['wrong-state', undefined, undefined])
      expect((await fleet.rollout()).stageStartedAt).toBe(fleet.clock.now())
      expect(await eventsOf(fleet, 'rollout.approved')).toBe(2)
      expect(await eventsOf(fleet, 'rollout.stage-started')).toBe(1)
    }),
  )

  it(
    'four tenders settle each device once, and stop the silent release once',
    race(async ({ fleet, atOnce, counted }) => {
      const keys = await fleet.addDevices(12)
      await fleet.start()
      await fleet.grantAll(keys)
      for (const key of keys.slice(0, 3)) await fleet.install(key)
      fleet.clock.advance({ hours: 1 })
      const tend = () => fleet.tend()
      await atOnce([tend, tend, tend, tend])
      const { whole } = await fleet.room()
      expect(whole.counts).toMatchObject({ granted: 10, settled: 10, failed: 7, settledFailed: 7, silent: 7 })
      expect(await eventsOf(fleet, 'rollout.stopped')).toBe(1)
      await counted()
    }),
  )

  it(
    'four tenders and last reports: what settles is counted once, whatever is reported meanwhile',
    race(async ({ fleet, atOnce, counted }) => {
      const keys = await fleet.addDevices(18)
      await fleet.start({ health: { acceptableFailureRate: 0.5, allowance: { initial: 20 } } })
      await fleet.grantAll(keys)
      fleet.clock.advance({ hours: 1 })
      const tend = () => fleet.tend()
      const last = keys.map((key, index) => () => (index % 2 ? fleet.install(key) : fleet.fail(key)))
      await atOnce<unknown>([tend, tend, tend, tend, ...last])
      const { whole } = await fleet.room()
      expect(whole.counts).toMatchObject({ granted: 18, settled: 18 })
      expect(whole.counts.settledFailed).toBe(whole.counts.failed)
      await counted()
    }),
  )

  it(
    'four tenders and polls: a stage begins once',
    race(async ({ fleet, atOnce, counted }) => {
      const keys = await fleet.addDevices(12)
      await fleet.start({
        ...OFF,
        stages: [{ count: 4, soakSeconds: 60, successThreshold: 0 }, { count: 5 }, { count: 50 }],
      })
      await fleet.grantAll(keys.slice(0, 4))
      fleet.clock.advance({ minutes: 2 })
      const tend = () => fleet.tend()
      await atOnce<unknown>([tend, tend, tend, tend, ...keys.map((key) => () => fleet.grant(key))])
      expect((await fleet.rollout()).stage).toBe(1)
      expect(await eventsOf(fleet, 'rollout.stage-started')).toBe(2)
      await fleet.grantAll(keys)
      expect((await fleet.room()).stages[1]?.devices).toBe(5)
      await counted()
    }),
  )

  it(
    'two processes take one snapshot together, while devices are deleted, excluded and ask',
    race(async ({ fleet, atOnce, counted }) => {
      const keys = await fleet.addDevices(16)
      const { core, scope } = fleet
      const made = await core.deps.storage.transaction((stores) =>
        core.rollouts.insert(stores, scope, {
          ...OFF,
          key: 'spring',
          release: { product: 'panel', version: '1.1.0' },
          membership: 'snapshot',
        }),
      )
      expect(made.snapshot.kind).toBe('taking')
      await core.rolloutControl.start(scope, 'spring')
      const gone = keys.slice(0, 3)
      await atOnce<unknown>([
        ...twice(() => fleet.tend()),
        ...gone.map((key) => () => core.devices.delete(scope, key)),
        () => core.rolloutMembers.exclude(scope, 'spring', { devices: keys.slice(3, 5), reason: 'on loan' }),
        ...keys.slice(5).map((key) => () => fleet.grant(key)),
      ])
      await fleet.tend()
      expect(await fleet.rollout()).toMatchObject({ snapshot: { kind: 'taken' } })
      expect(await eventsOf(fleet, 'rollout.snapshot-taken')).toBe(1)
      await fleet.grantAll(keys.slice(3))
      const members = await suite.read.rolloutMembers.list({ rollout: made.serial }, { limit: 100 })
      expect(members).toHaveLength(13)
      expect(await fleet.outcomes()).toEqual({ open: 11 })
      await counted()
    }),
  )

  it(
    'a rollout of a snapshot is made while devices are deleted: it has those that stay',
    race(async ({ fleet, atOnce, counted }) => {
      const keys = await fleet.addDevices(16)
      const make = () => fleet.start({ ...OFF, membership: 'snapshot' })
      await atOnce<unknown>([make, ...keys.slice(0, 8).map((key) => () => fleet.core.devices.delete(fleet.scope, key))])
      await fleet.tend()
      expect(await fleet.grantAll(keys.slice(8))).toHaveLength(8)
      await counted()
    }),
  )

  it(
    'resume while devices settle and report: the new run counts only its own devices',
    race(async ({ fleet, atOnce, counted }) => {
      const keys = await fleet.addDevices(30)
      await fleet.start({ options: { retry: { attempts: 1 } } })
      await fleet.grantAll(keys.slice(0, 10))
      for (const key of keys.slice(0, 4)) await fleet.fail(key)
      expect((await fleet.rollout()).state).toBe('stopped')
      fleet.clock.advance({ hours: 1 })
      const resume = () => fleet.core.rolloutControl.resume(fleet.scope, 'spring')
      await atOnce<unknown>([
        resume,
        () => fleet.tend(),
        () => fleet.tend(),
        ...keys.slice(4, 7).map((key) => () => fleet.fail(key)),
        ...keys.slice(10).map((key) => () => fleet.grant(key)),
      ])
      await fleet.tend()
      const { whole } = await fleet.room()
      expect(whole.run).toBe(1)
      expect(whole.counts).toEqual({ granted: whole.devices - 10, settled: 0, failed: 0, settledFailed: 0, silent: 0 })
      await counted()
    }),
  )

  it(
    'resume twice, and stop meanwhile: one of them at a time, and nothing is counted twice',
    race(async ({ fleet, atOnce, counted }) => {
      const keys = await fleet.addDevices(12)
      await fleet.start(OFF)
      await fleet.core.rolloutControl.stop(fleet.scope, 'spring')
      const resume = () => refusal(fleet.core.rolloutControl.resume(fleet.scope, 'spring'))
      const stop = () => refusal(fleet.core.rolloutControl.stop(fleet.scope, 'spring'))
      await atOnce<unknown>([resume, resume, stop, ...keys.map((key) => () => fleet.grant(key))])
      const { run } = await fleet.rollout()
      expect((await fleet.room()).whole.run).toBe(run)
      expect(await eventsOf(fleet, 'rollout.resumed')).toBe(run)
      await counted()
    }),
  )
})

/** How many events of a type the rollout has. */
async function eventsOf(fleet: RolloutFleet, type: string): Promise<number> {
  const { id } = await fleet.rollout()
  const filter = { organisation: fleet.scope.organisation, subjectId: id, type }
  return (await fleet.core.deps.storage.read.events.list(filter, { limit: 1000 })).length
}
