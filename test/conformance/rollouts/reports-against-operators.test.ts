import { describe, expect, it } from 'vitest'
import type { DeviceFacts } from '../../../src/core/device/device-facts.ts'
import type { RolloutMember } from '../../../src/core/rollout/member.ts'
import { RACE_SEED, races, refusal } from '../../support/race.ts'
import { NATIVE, type RolloutFleet } from '../../support/rollout-fleet.ts'
import { useStorage } from '../../support/storage-suite.ts'
import { STORAGES } from '../../support/storages.ts'

const OFF = { health: { mode: 'off', allowance: 'unlimited' } } as const
const ONCE = { ...OFF, options: { retry: { attempts: 1 } } } as const

describe.each(STORAGES)(`reports against operators, on $name (seed ${RACE_SEED})`, ({ open }) => {
  const suite = useStorage(() => open({ connections: 12 }))
  const race = races(() => suite.storage)

  it(
    'cancel: an update ends once, as whoever was first wants it',
    race(async ({ fleet, atOnce, counted }) => {
      const keys = await fleet.addDevices(15)
      await fleet.start(ONCE)
      const updates = await installing(fleet, keys)
      const ends = keys.map((key, index) => {
        if (index % 3 === 0) return () => fleet.install(key)
        return () => (index % 3 === 1 ? fleet.fail(key) : acknowledge(fleet, key))
      })
      const cancels = updates.map(
        ({ id }) =>
          () =>
            refusal(fleet.core.updates.cancel(fleet.scope, id)),
      )
      await atOnce<unknown>([...ends, ...cancels])
      for (const key of keys) await acknowledge(fleet, key)
      for (const { id } of updates) {
        const events = await eventsOf(fleet, id)
        const closed = events.filter((type) => /\.(succeeded|failed|cancelled)$/.test(type))
        expect(closed, id).toHaveLength(1)
      }
      expect((await fleet.room()).whole).toMatchObject({ slots: 0, outcomes: { open: 0 } })
      await counted()
    }),
  )

  it(
    'stop with cancel, by two tenders: everything under way ends once',
    race(async ({ fleet, atOnce, counted }) => {
      const keys = await fleet.addDevices(15)
      await fleet.start(ONCE)
      const updates = await installing(fleet, keys.slice(0, 12))
      const stop = () => fleet.core.rolloutControl.stop(fleet.scope, 'spring', { cancel: true })
      await atOnce<unknown>([
        stop,
        () => fleet.tend(),
        ...keys.slice(0, 4).map((key) => () => fleet.install(key)),
        ...keys.slice(4, 8).map((key) => () => fleet.fail(key)),
        ...keys.slice(12).map((key) => () => fleet.grant(key)),
      ])
      await atOnce<unknown>([
        () => fleet.tend(),
        () => fleet.tend(),
        ...keys.slice(8, 10).map((key) => () => fleet.fail(key)),
      ])
      await fleet.tend()
      for (const key of keys) await acknowledge(fleet, key)
      await fleet.tend()
      expect(await fleet.rollout()).toMatchObject({ state: 'stopped', cancelling: false })
      expect((await fleet.outcomes())['open']).toBeUndefined()
      for (const { id } of updates) {
        const asked = (await eventsOf(fleet, id)).filter((type) => type === 'update.cancelling')
        expect(asked.length).toBeLessThanOrEqual(1)
      }
      await counted()
    }),
  )

  it(
    'a release that fails on every device reaches ten, however failures and polls meet',
    race(async ({ fleet, atOnce, counted }) => {
      const keys = await fleet.addDevices(40)
      await fleet.start({ options: { retry: { attempts: 1 } } })
      const live = (key: string) => async () => {
        if (await fleet.grant(key)) await fleet.fail(key)
        await fleet.grant(key)
      }
      await atOnce([...keys.map(live), () => fleet.tend(), () => fleet.tend()])
      await fleet.grantAll(keys)
      const { whole } = await fleet.room()
      expect(whole.devices).toBeLessThanOrEqual(10)
      expect(await fleet.rollout()).toMatchObject({ state: 'stopped', stop: { kind: 'gate' } })
      const { id } = await fleet.rollout()
      expect((await eventsOf(fleet, id)).filter((type) => type === 'rollout.stopped')).toHaveLength(1)
      await counted()
    }),
  )

  it(
    'exclusion of many devices that fail at the same time: neither waits for the other, and none is open after it',
    race(async ({ fleet, atOnce, counted }) => {
      const keys = await fleet.addDevices(16)
      await fleet.start(ONCE)
      await installing(fleet, keys)
      const input = { devices: keys.slice(0, 12), reason: 'on loan' }
      const exclude = () => fleet.core.rolloutMembers.exclude(fleet.scope, 'spring', input)
      await atOnce<unknown>([...keys.map((key) => () => fleet.fail(key)), exclude])
      for (const key of keys) await acknowledge(fleet, key)
      expect((await fleet.outcomes())['open']).toBeUndefined()
      await counted()
    }),
  )

  it(
    'deletion of devices that ask and report at the same time: they leave the counters as they were',
    race(async ({ fleet, atOnce, counted }) => {
      const keys = await fleet.addDevices(16)
      await fleet.start(ONCE)
      await installing(fleet, keys.slice(0, 8))
      const [pattern] = await membersOf(fleet)
      const { gateway } = fleet.core
      const left: RolloutMember[] = []
      const facts = await Promise.all(keys.map((key) => fleet.facts(key)))
      const gone = [...facts.slice(0, 4), ...facts.slice(8, 12)].map(({ device }) => device)
      const isGone = ({ device }: DeviceFacts) => gone.some(({ serial }) => serial === device.serial)
      const leaves = (known: DeviceFacts, hasFailed: boolean) => {
        if (pattern && isGone(known)) left.push({ ...pattern, device: known.device.serial, hasFailed })
      }
      const report = (known: DeviceFacts) => async () =>
        leaves(known, await gateway.report(known, 'native', { trigger: 'fail', reason: 'flash full' }))
      const poll = (known: DeviceFacts) => async () => {
        if (await gateway.grant(known, NATIVE)) leaves(known, false)
      }
      const remove = (key: string) => () => fleet.core.devices.delete(fleet.scope, key)
      await atOnce([
        ...gone.map(({ key }) => remove(key)),
        ...facts.slice(0, 8).map(report),
        ...facts.slice(8).map(poll),
      ])
      await counted(['spring'], { left })
    }),
  )

  it(
    'deletion of devices that settle at the same time: each settles once',
    race(async ({ fleet, atOnce, counted }) => {
      const keys = await fleet.addDevices(10)
      await fleet.start(ONCE)
      await fleet.grantAll(keys)
      fleet.clock.advance({ hours: 1 })
      const before = await membersOf(fleet)
      const deletions = keys.slice(0, 5).map((key) => () => fleet.core.devices.delete(fleet.scope, key))
      await atOnce([...deletions, () => fleet.tend(), () => fleet.tend()])
      await fleet.tend()
      // Those that were deleted first were not silent yet.
      const { counts } = (await fleet.room()).whole
      expect(counts.settled).toBe(10)
      const silent = counts.silent - 5
      expect(silent).toBeGreaterThanOrEqual(0)
      const left = before
        .slice(0, 5)
        .map((member, index) => ({ ...member, hasFailed: index < silent, isSettled: index < silent }))
      await counted(['spring'], { left })
    }),
  )

  it(
    'undo: what arrives in the meantime is taken back too, and nothing twice',
    race(async ({ fleet, atOnce, counted }) => {
      const keys = await fleet.addDevices(12)
      await fleet.start(ONCE)
      await installing(fleet, keys)
      const undo = () => fleet.core.undos.undo(fleet.scope, 'spring', { allowDowngrade: true, ...OFF })
      const undos = [undo, undo].map((one) => () => refusal(one()))
      const polls = keys.slice(0, 6).map((key) => () => fleet.grant(key))
      await atOnce<unknown>([...keys.map((key) => () => fleet.install(key)), ...undos, ...polls])
      await fleet.tend()
      await fleet.grantAll(keys)
      const [spring, undone] = [await fleet.outcomes(), await fleet.outcomes('spring-undo')]
      expect(spring).toEqual({ succeeded: 12 })
      expect(undone).toEqual({ open: 12 })
      await counted(['spring', 'spring-undo'])
    }),
  )

  it(
    'deletion of a stopped rollout whose devices report: their updates go on without it',
    race(async ({ fleet, atOnce }) => {
      const keys = await fleet.addDevices(10)
      await fleet.start(ONCE)
      const updates = await installing(fleet, keys)
      await fleet.core.rolloutControl.stop(fleet.scope, 'spring')
      const remove = async () => {
        await fleet.core.rollouts.delete(fleet.scope, 'spring')
        await fleet.tend()
      }
      await atOnce<unknown>([...keys.map((key) => () => fleet.fail(key)), remove, () => fleet.tend()])
      await fleet.tend()
      for (const { serial } of updates)
        expect(await suite.read.updates.find(serial)).toMatchObject({ rollout: null, state: 'failed' })
    }),
  )
})

/** Grants all of them, and lets them install. */
async function installing(fleet: RolloutFleet, keys: readonly string[]) {
  const updates = []
  for (const key of keys) {
    const update = await fleet.grant(key)
    if (!update) throw new Error(`${key} was granted nothing`)
    await fleet.core.gateway.report(await fleet.facts(key), 'native', { trigger: 'install' })
    updates.push(update)
  }
  return updates
}

/** Says that it stopped, when it was asked to. */
async function acknowledge(fleet: RolloutFleet, key: string): Promise<void> {
  await fleet.core.gateway.report(await fleet.facts(key), 'native', { trigger: 'acknowledge-cancel' })
}

async function eventsOf({ core, scope }: RolloutFleet, id: string): Promise<string[]> {
  const filter = { organisation: scope.organisation, subjectId: id }
  return (await core.deps.storage.read.events.list(filter, { limit: 1000 })).map(({ type }) => type)
}

async function membersOf(fleet: RolloutFleet): Promise<RolloutMember[]> {
  const { serial } = await fleet.rollout()
  return fleet.core.deps.storage.read.rolloutMembers.list({ rollout: serial }, { limit: 1000 })
}
