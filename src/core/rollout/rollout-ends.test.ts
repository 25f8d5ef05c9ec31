import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RolloutFleet } from '../../../test/support/rollout-fleet.ts'
import { metered } from '../../../test/support/statement-meter.ts'
import { STORAGES } from '../../../test/support/storages.ts'
import type { Storage } from '../ports.ts'
import { cancelUnderWay } from './cancel-under-way.ts'
import { finishComplete } from './finish-complete.ts'
import { progressOf } from './progress.ts'
import { purgeDeleted } from './purge-deleted.ts'
import type { RolloutInput } from './rollout-input.ts'

const OFF = { mode: 'off', allowance: 'unlimited' } as const
const ONCE = { retry: { attempts: 1 } } as const

describe.each(STORAGES)('the end of a rollout on $name', ({ name, open }) => {
  let storage: Storage
  let fleet: RolloutFleet

  beforeEach(async () => {
    storage = await open()
    fleet = await RolloutFleet.open({ storage })
  })
  afterEach(() => storage.close())

  const events = async (type: string) => {
    const { organisation } = fleet.scope
    const found = await storage.read.events.list({ organisation, type }, { limit: 100 })
    return found.map(({ actor, details }) => ({ actor: actor.kind, ...details }))
  }

  describe('cancelling what is under way', () => {
    it('asks each device once, and goes on where it was', async () => {
      const keys = await fleet.addDevices(45)
      const { serial } = await fleet.start({ health: OFF })
      await fleet.grantAll(keys)
      await fleet.core.rolloutControl.stop(fleet.scope, 'spring', { cancel: true })
      const turn = async () => cancelUnderWay(fleet.core.deps, await fleet.rollout(), { batches: 1, size: 20 })
      const asked = async () => {
        const filter = { organisation: fleet.scope.organisation, rollout: serial }
        const updates = await storage.read.updates.list(filter, { limit: 1_000 })
        return updates.filter(({ state }) => state === 'cancelling' || state === 'cancelled').length
      }
      const costs = []
      for (const expected of [20, 40, 45]) {
        costs.push(await metered(turn))
        expect(await asked()).toBe(expected)
      }
      expect(await fleet.rollout()).toMatchObject({ state: 'stopped', cancelling: false })
      expect(await events('update.cancelling').then((all) => all.length)).toBeLessThanOrEqual(45)
      // A turn costs what it does, and not what was done before it: 5 devices less than half of what 20 do. On PostgreSQL
      // the process reads what others commit meanwhile, so its rows tell nothing.
      if (name === 'SQLite') expect(costs[2]?.read).toBeLessThan((costs[0]?.read ?? 0) / 2)
      if (name !== 'memory') expect(costs[2]?.statements).toBeLessThan((costs[0]?.statements ?? 0) / 2)
    }, 60_000)

    it('begins anew when it was resumed and is stopped again', async () => {
      const keys = await fleet.addDevices(3)
      await fleet.start({ health: OFF })
      await fleet.grantAll(keys.slice(0, 2))
      await fleet.core.rolloutControl.stop(fleet.scope, 'spring', { cancel: true })
      await fleet.tend()
      await fleet.core.rolloutControl.resume(fleet.scope, 'spring')
      expect(await fleet.rollout()).toMatchObject({ cancelling: false })
      await fleet.grant('d2')
      await fleet.core.rolloutControl.stop(fleet.scope, 'spring', { cancel: true })
      expect(await fleet.rollout()).toMatchObject({ cancelling: true, cancelAfter: 0 })
      await fleet.tend()
      expect((await fleet.facts('d2')).open?.state ?? 'none').not.toBe('offered')
      expect(await fleet.rollout()).toMatchObject({ cancelling: false })
    })
  })

  describe('deleting it', () => {
    it('is over at once for everybody, and frees its key, while its members go in the background', async () => {
      const keys = await fleet.addDevices(3)
      const { serial, id } = await fleet.start({ health: OFF })
      await fleet.grantAll(keys)
      const control = fleet.core.rolloutControl
      await control.stop(fleet.scope, 'spring')
      await fleet.core.rollouts.delete(fleet.scope, 'spring')
      const gone = { code: 'not-found' }
      await expect(fleet.rollout(id)).rejects.toMatchObject(gone)
      await expect(control.resume(fleet.scope, id)).rejects.toMatchObject(gone)
      await expect(fleet.core.rolloutMembers.retry(fleet.scope, id)).rejects.toMatchObject(gone)
      await expect(fleet.core.rollouts.delete(fleet.scope, id)).rejects.toMatchObject(gone)
      const exclusion = { devices: ['d0'], reason: 'x' }
      await expect(fleet.core.rolloutMembers.exclude(fleet.scope, id, exclusion)).rejects.toMatchObject(gone)
      // A device at work goes on, as before, and belongs to none.
      expect((await fleet.facts('d0')).open?.rollout).toBeNull()
      expect(await fleet.core.gateway.report(await fleet.facts('d0'), 'native', { trigger: 'download' })).toBe(true)
      expect(await fleet.start({ health: OFF })).toMatchObject({ key: 'spring', state: 'running' })
      expect(await storage.read.rolloutMembers.count({ rollout: serial })).toBe(3)
      await fleet.tend()
      expect(await storage.read.rolloutMembers.count({ rollout: serial })).toBe(0)
      expect(await storage.read.rollouts.listDeleted(9)).toEqual([])
      await fleet.install('d0')
      expect((await fleet.facts('d0')).latest).toMatchObject({ state: 'succeeded', rollout: null })
    })

    it('takes a bounded part of it in each turn', async () => {
      const keys = await fleet.addDevices(620)
      const { serial } = await fleet.create({ membership: 'snapshot' })
      expect(await storage.read.rolloutMembers.count({ rollout: serial })).toBe(keys.length)
      const cost = await metered(() => fleet.core.rollouts.delete(fleet.scope, 'spring'))
      expect(cost.written).toBeLessThan(20)
      await purgeDeleted(fleet.core.deps, 1)
      expect(await storage.read.rolloutMembers.count({ rollout: serial })).toBe(120)
      await purgeDeleted(fleet.core.deps, 1)
      expect(await storage.read.rollouts.listDeleted(9)).toEqual([])
    }, 60_000)
  })

  describe('a release that proves bad after it', () => {
    it('is told once, and the rollout stays finished', async () => {
      const keys = await fleet.addDevices(10)
      await fleet.start({ options: ONCE })
      await fleet.grantAll(keys)
      await fleet.core.rolloutControl.finish(fleet.scope, 'spring')
      for (const key of keys) await fleet.fail(key)
      expect(await fleet.rollout()).toMatchObject({ state: 'finished', stop: null })
      expect(await events('rollout.stopped')).toEqual([])
      const late = await events('rollout.failed-late')
      expect(late.filter((event) => !('cohort' in event))).toEqual([
        expect.objectContaining({ actor: 'system', key: 'spring', words: expect.stringMatching(/failed/) }),
      ])
      const progress = progressOf(await fleet.rollout(), await fleet.room(), [], fleet.clock.now())
      expect(progress.words).toMatch(/^Finished: 10 failed\. Found bad afterwards: /)
      expect(progress.gate.verdict).toBe('stop')
    })

    it('is told of by silence too', async () => {
      const keys = await fleet.addDevices(10)
      await fleet.start({ options: ONCE })
      await fleet.grantAll(keys)
      await fleet.core.rolloutControl.finish(fleet.scope, 'spring')
      await fleet.later({ hours: 2 })
      expect(await fleet.rollout()).toMatchObject({ state: 'finished', stop: null })
      expect((await events('rollout.failed-late')).length).toBeGreaterThan(0)
    })
  })

  describe('by itself', () => {
    const state = async () => (await fleet.rollout()).state
    const finish = () => finishComplete(fleet.core.deps)

    it.each<[string, Partial<RolloutInput>]>([
      ['a snapshot', { membership: 'snapshot' }],
      ['devices that it names', { select: { devices: ['d0', 'd1'] } }],
    ])('comes when all devices are done and have had their time: %s', async (_, input) => {
      await fleet.addDevices(2)
      await fleet.start(input)
      await fleet.grantAll(['d0'])
      await fleet.install('d0')
      await fleet.later({ hours: 2 })
      await finish()
      // One did not ask yet.
      expect(await state()).toBe('running')
      await fleet.grantAll(['d1'])
      await finish()
      expect(await state()).toBe('running')
      await fleet.install('d1')
      await finish()
      // It may still fall back.
      expect(await state()).toBe('running')
      await fleet.later({ hours: 2 })
      await finish()
      expect(await fleet.rollout()).toMatchObject({ state: 'finished', isComplete: true, endedAt: fleet.clock.now() })
      expect(await events('rollout.finished')).toEqual([{ actor: 'system', key: 'spring', by: 'itself' }])
      const { words } = progressOf(await fleet.rollout(), await fleet.room(), [], fleet.clock.now())
      expect(words).toBe('Finished by itself: 2 succeeded.')
      await finish()
      expect(await events('rollout.finished')).toHaveLength(1)
    })

    it.each<[string, Partial<RolloutInput>]>([
      ['is for whoever is selected', {}],
      ['is to stay open', { membership: 'snapshot', options: { staysOpen: true } }],
      [
        'has a stage to come',
        { membership: 'snapshot', stages: [{ count: 1, soakSeconds: 86_400 }, { percent: 100 }] },
      ],
    ])('does not come where it %s', async (_, input) => {
      await fleet.addDevices(1)
      await fleet.start(input)
      await fleet.grantAll(['d0'])
      await fleet.install('d0')
      await fleet.later({ hours: 2 })
      await finish()
      expect(await state()).toBe('running')
    })

    it('waits for further tries, and for nobody who gave up, was left out, runs it already or is in no stage', async () => {
      await fleet.addDevices(4)
      const lone = (await fleet.core.groups.create(fleet.scope, { key: 'pilot' })).key
      await fleet.core.groups.changeMembers(fleet.scope, lone, { add: ['d0', 'd1', 'd2'], remove: [] })
      const stages = [{ groups: [lone] }]
      await fleet.start({
        membership: 'snapshot',
        stages,
        options: { retry: { attempts: 2, pauseSeconds: 60 } },
        health: OFF,
      })
      await fleet.install('d1')
      await fleet.core.rolloutMembers.exclude(fleet.scope, 'spring', { devices: ['d2'], reason: 'x' })
      await fleet.grantAll(['d0'])
      await fleet.fail('d0')
      await finish()
      expect(await state()).toBe('running')
      fleet.clock.advance({ minutes: 2 })
      await fleet.grantAll(['d0'])
      await fleet.fail('d0')
      await finish()
      expect(await state()).toBe('finished')
    })

    it('is taken back by a retry', async () => {
      await fleet.addDevices(1)
      await fleet.start({ membership: 'snapshot', options: { ...ONCE, ignorePenalty: true }, health: OFF })
      await fleet.grantAll(['d0'])
      await fleet.fail('d0')
      await finish()
      expect(await state()).toBe('finished')
      expect(await fleet.core.rolloutMembers.retry(fleet.scope, 'spring')).toBe(1)
      expect(await fleet.rollout()).toMatchObject({ state: 'running', isComplete: false, endedAt: null })
      expect(await events('rollout.resumed')).toEqual([expect.objectContaining({ from: 'finished' })])
      await finish()
      expect(await state()).toBe('running')
      expect(await fleet.grantAll(['d0'])).toEqual(['d0'])
      // What an operator finished stays so.
      await fleet.fail('d0')
      await fleet.core.rolloutControl.finish(fleet.scope, 'spring')
      await fleet.core.rolloutMembers.retry(fleet.scope, 'spring')
      expect(await state()).toBe('finished')
    })
  })

  describe('a device that a snapshot does not hold', () => {
    it('can be left out by name, and is no member when it is named in a retry', async () => {
      await fleet.addDevices(2)
      await fleet.start({ membership: 'snapshot' })
      await fleet.core.devices.create(fleet.scope, { key: 'late', product: (await fleet.device('d0')).product ?? 0 })
      const { exclude, retry } = {
        exclude: (key: string) =>
          fleet.core.rolloutMembers.exclude(fleet.scope, 'spring', { devices: [key], reason: 'lab' }),
        retry: (key: string) => fleet.core.rolloutMembers.retry(fleet.scope, 'spring', [key]),
      }
      await exclude('late')
      await exclude('d0')
      await expect(retry('late')).rejects.toMatchObject({
        code: 'wrong-state',
        message: 'late is not among the devices that the rollout was made for.',
        details: { device: 'late' },
      })
      expect(await retry('d0')).toBe(1)
      await fleet.install('late', '1.0.0')
      expect(await fleet.grant('late')).toBeUndefined()
      expect(await fleet.grantAll(['d0', 'd1'])).toEqual(['d0', 'd1'])
    })

    it('is one that it comes to later: left out while the list was being made', async () => {
      await fleet.addDevices(2)
      const { serial } = await storage.transaction((stores) =>
        fleet.core.rollouts.insert(stores, fleet.scope, {
          key: 'spring',
          release: { product: 'panel', version: '1.1.0' },
          membership: 'snapshot',
        }),
      )
      await fleet.core.rolloutMembers.exclude(fleet.scope, 'spring', { devices: ['d1'], reason: 'lab' })
      const { serial: device } = await fleet.device('d1')
      expect(await storage.read.rolloutMembers.find(serial, device)).toMatchObject({ isListed: false })
      await fleet.tend()
      expect(await storage.read.rolloutMembers.find(serial, device)).toMatchObject({
        isListed: true,
        excludedReason: 'lab',
      })
      expect(await fleet.core.rolloutMembers.retry(fleet.scope, 'spring', ['d1'])).toBe(1)
    })
  })
})
