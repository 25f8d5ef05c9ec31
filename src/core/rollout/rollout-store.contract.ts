import { describe, expect, it } from 'vitest'
import { START } from '../../../test/support/fixed-clock.ts'
import { newRollout, newStage } from '../../../test/support/rollout-rows.ts'
import * as rows from '../../../test/support/rows.ts'
import { conflict, expectSlices, insertFleet, times, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'
import { ROLLOUT_STATES, type Rollout } from './rollout.ts'

export function describeRolloutStore(name: string, open: () => Promise<Storage>): void {
  describe(`rollout store: ${name}`, () => {
    const suite = useStorage(open)
    const insert = (...given: Parameters<typeof newRollout>) =>
      suite.write((stores) => stores.rollouts.insert(newRollout(...given)))
    const keys = (rollouts: readonly Rollout[]) => rollouts.map(({ key }) => key)

    it('returns a new rollout whole, and only to its organisation', async () => {
      const [{ release }, other] = [await suite.write(insertFleet), await suite.write(insertFleet)]
      const undone = await insert(release)
      const row = newRollout(release, {
        kind: 'undo',
        undoes: undone.serial,
        state: 'stopped',
        priority: -3,
        membership: 'snapshot',
        snapshot: { kind: 'taking', after: 7, devices: 3 },
        selection: { filter: { kind: 'not', of: { kind: 'all', of: [] } }, reportingOnly: true },
        stages: [
          newStage({ reach: { kind: 'percent', percent: 12.5 }, approvals: 2, concurrency: 12, ratePerMinute: 3 }),
          newStage({ reach: { kind: 'groups', groups: ['pilot', 'Ärzte'] }, soakSeconds: 3600 }),
        ],
        stage: 1,
        stageStartedAt: START,
        run: 2,
        unverifiableApproved: true,
        cancelling: true,
        startedAt: START + 1,
        endedAt: START + 2,
        stop: { kind: 'operator', reason: 'too "hot"' },
        extra: { jobType: 'upgrade', nested: { list: [1, null] } },
      })
      const rollout = await suite.write((stores) => stores.rollouts.insert(row))
      expect(rollout).toEqual({ ...row, serial: expect.any(Number), revision: 1 })
      expect(await suite.read.rollouts.find(rollout.serial)).toEqual(rollout)
      expect(await suite.read.rollouts.findById(release.organisation, row.id)).toEqual(rollout)
      expect(await suite.read.rollouts.findByKey(release.organisation, row.key)).toEqual(rollout)
      expect(await suite.read.rollouts.findById(other.organisation.serial, row.id)).toBeUndefined()
      expect(await suite.read.rollouts.findByKey(other.organisation.serial, row.key)).toBeUndefined()
    })

    it('refuses a taken key or id, and one that refers to nothing', async () => {
      const [{ release }, other] = [await suite.write(insertFleet), await suite.write(insertFleet)]
      const { id, key } = await insert(release)
      await expect(insert(release, { key })).rejects.toMatchObject(conflict('rollout', 'key'))
      await expect(insert(release, { id })).rejects.toMatchObject(conflict('rollout', 'id'))
      expect((await insert(other.release, { key })).key).toBe(key)
      const nothing = { code: 'not-found' }
      await expect(insert(release, { product: 999_999 })).rejects.toMatchObject(nothing)
      await expect(insert(release, { release: 999_999 })).rejects.toMatchObject(nothing)
      await expect(insert(release, { undoes: 999_999 })).rejects.toMatchObject(nothing)
    })

    it('changes what is given, of the expected revision only', async () => {
      const { release } = await suite.write(insertFleet)
      const rollout = await insert(release, { stop: { kind: 'operator', reason: 'x' }, stageStartedAt: START })
      const update = (...change: [Partial<Rollout>, number?]) =>
        suite.write((stores) => stores.rollouts.update(rollout.serial, ...change))
      const patch = { state: 'running', stop: null, stageStartedAt: null, name: 'Spring' } as const
      expect(await update(patch, 1)).toEqual({ ...rollout, ...patch, revision: 2 })
      expect(await update({ state: 'paused' }, 1)).toBeUndefined()
      const taken = { snapshot: { kind: 'taken', devices: 12 }, cancelling: true } as const
      expect(await update(taken)).toEqual({ ...rollout, ...patch, ...taken, revision: 3 })
      expect(await suite.read.rollouts.find(rollout.serial)).toMatchObject({ ...patch, ...taken })
      expect(await suite.write((stores) => stores.rollouts.update(999_999, patch))).toBeUndefined()
    })

    it('slices a list and filters and counts it', async () => {
      const { organisation, release, product } = await suite.write(insertFleet)
      const all = await times(5, () => insert(release))
      const filter = { organisation: organisation.serial }
      await expectSlices((slice) => suite.storage.management.rollouts.list(filter, slice), all)
      const special = await insert(release, {
        key: '50%_Off',
        name: 'Frühling',
        kind: 'verification',
        state: 'running',
      })
      const second = await suite.write(async (stores) => {
        const firmware = await stores.firmware.insert(
          rows.newFirmware(organisation.serial, { product: product.serial }),
        )
        return stores.releases.insert(rows.newRelease(firmware))
      })
      const later = await insert(second, { name: 'later' })
      const found = async (more: object) => {
        const listed = await suite.storage.management.rollouts.list({ ...filter, ...more }, { limit: 20 })
        expect(await suite.storage.management.rollouts.count({ ...filter, ...more })).toBe(listed.length)
        return listed.map(({ serial }) => serial)
      }
      const drafts = all.map(({ serial }) => serial)
      expect(await found({ product: product.serial })).toEqual([...drafts, special.serial, later.serial])
      expect(await found({ product: 999_999 })).toEqual([])
      expect(await found({ release: second.serial })).toEqual([later.serial])
      expect(await found({ states: ['draft'], release: release.serial })).toEqual(drafts)
      expect(await found({ states: ['running', 'paused'] })).toEqual([special.serial])
      expect(await found({ states: [] })).toEqual([])
      expect(await found({ kind: 'verification' })).toEqual([special.serial])
      expect(await found({ search: '%_o' })).toEqual([special.serial])
      expect(await found({ search: 'FRÜH' })).toEqual([special.serial])
      expect(await found({ search: 'nowhere' })).toEqual([])
      const { organisation: stranger } = await suite.write(insertFleet)
      expect(await found({ organisation: stranger.serial, product: product.serial })).toEqual([])
    })

    it('lists what a device may meet: live ones by rank, then the newest stopped ones', async () => {
      const [{ release, product }, other] = [await suite.write(insertFleet), await suite.write(insertFleet)]
      const { listOffering } = { listOffering: suite.read.rollouts.listOffering.bind(suite.read.rollouts) }
      await insert(other.release, { state: 'running', key: 'of-another-product' })
      await insert(release, { state: 'stopped', key: 'stopped-1' })
      await insert(release, { state: 'running', key: 'low', priority: -1 })
      await insert(release, { state: 'running', key: 'younger', createdAt: START + 1 })
      await insert(release, { state: 'paused', key: 'older' })
      await insert(release, { state: 'stopped', key: 'stopped-2', priority: 100 })
      await insert(release, { state: 'running', key: 'high', priority: 10, createdAt: START + 2 })
      await insert(release, { state: 'draft', key: 'draft', priority: 100 })
      await insert(release, { state: 'finished', key: 'finished', priority: 100 })
      await insert(release, { state: 'stopped', key: 'stopped-3' })
      const offered = async (live: number, stopped: number) =>
        keys(await listOffering(product.serial, { live, stopped }))
      expect(await offered(9, 9)).toEqual(['high', 'older', 'younger', 'low', 'stopped-3', 'stopped-2', 'stopped-1'])
      expect(await offered(2, 1)).toEqual(['high', 'older', 'stopped-3'])
      expect(await listOffering(999_999, { live: 9, stopped: 9 })).toEqual([])
    })

    it('lists those in some states on the whole server', async () => {
      const [one, other] = [await suite.write(insertFleet), await suite.write(insertFleet)]
      const made = await times(6, (index) =>
        insert(index % 2 === 0 ? one.release : other.release, { state: ROLLOUT_STATES[index % 5] ?? 'draft' }),
      )
      const mine = new Set(made.map(({ serial }) => serial))
      const listed = await suite.read.rollouts.listInStates(['draft', 'paused'], { limit: 500 })
      expect(listed.filter(({ serial }) => mine.has(serial))).toEqual([made[0], made[2], made[5]])
      const after = made[0]?.serial ?? 0
      const next = await suite.read.rollouts.listInStates(['draft', 'paused'], { limit: 1, after })
      expect(next).toEqual([made[2]])
      expect(await suite.read.rollouts.listInStates([], { limit: 1 })).toEqual([])
    })

    it('lists those with work to do, until it is done', async () => {
      const { release } = await suite.write(insertFleet)
      await insert(release, { snapshot: { kind: 'taken', devices: 3 } })
      const taking = await insert(release, { snapshot: { kind: 'taking', after: 0, devices: 0 } })
      const cancelling = await insert(release, { cancelling: true })
      const atWork = async (limit = 500) => {
        const listed = await suite.read.rollouts.listAtWork(limit)
        return listed.filter(({ organisation }) => organisation === release.organisation)
      }
      expect(await atWork()).toEqual([taking, cancelling])
      expect(await suite.read.rollouts.listAtWork(1)).toHaveLength(1)
      const moved = await suite.write((stores) =>
        stores.rollouts.update(taking.serial, { snapshot: { kind: 'taking', after: 5, devices: 2 } }),
      )
      expect(await atWork()).toEqual([moved, cancelling])
      await suite.write(async ({ rollouts }) => {
        await rollouts.update(taking.serial, { snapshot: { kind: 'taken', devices: 3 } })
        await rollouts.update(cancelling.serial, { cancelling: false })
      })
      expect(await atWork()).toEqual([])
    })

    it('counts one approval for each account, stage and run', async () => {
      const { release } = await suite.write(insertFleet)
      const { serial } = await insert(release)
      const approval = { rollout: serial, stage: 1, run: 0, account: rows.someId(), name: 'Zoë', at: START + 1 }
      const approve = (more: object = {}) => suite.write((stores) => stores.rollouts.approve({ ...approval, ...more }))
      expect(await Promise.all([approve(), approve(), approve()])).toEqual(expect.arrayContaining([true, false, false]))
      expect(await approve({ at: START + 9, name: 'again' })).toBe(false)
      const other = { account: rows.someId(), at: START }
      expect(await approve(other)).toBe(true)
      expect(await approve({ run: 1 })).toBe(true)
      expect(await approve({ stage: 2, at: START + 2 })).toBe(true)
      const approvals = await suite.read.rollouts.listApprovals(serial)
      expect(approvals[0]).toEqual({ ...approval, ...other })
      expect(approvals).toContainEqual(approval)
      expect(approvals.map(({ at }) => at - START)).toEqual([0, 1, 1, 2])
      await expect(approve({ rollout: 999_999 })).rejects.toMatchObject({ code: 'not-found' })
    })

    it('keeps of two with one key that come at once only one', async () => {
      const { release } = await suite.write(insertFleet)
      const outcomes = await Promise.allSettled([insert(release, { key: 'same' }), insert(release, { key: 'same' })])
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    })
  })
}
