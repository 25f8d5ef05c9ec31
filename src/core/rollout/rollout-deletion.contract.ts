import { describe, expect, it } from 'vitest'
import { START } from '../../../test/support/fixed-clock.ts'
import { newMember, newRollout } from '../../../test/support/rollout-rows.ts'
import * as rows from '../../../test/support/rows.ts'
import { IN_USE, insertFleet, times, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'
import type { Rollout } from './rollout.ts'
import { WHOLE } from './tally.ts'

export function describeRolloutDeletion(name: string, open: () => Promise<Storage>): void {
  describe(`deleted rollouts: ${name}`, () => {
    const suite = useStorage(open)
    const insert = (...given: Parameters<typeof newRollout>) =>
      suite.write((stores) => stores.rollouts.insert(newRollout(...given)))
    const remove = ({ serial }: Rollout) => suite.write((stores) => stores.rollouts.delete(serial))
    const purge = ({ serial }: Rollout, limit: number) => suite.write((stores) => stores.rollouts.purge(serial, limit))
    /** With three members, each with an update of it. */
    async function withMembers(given: Partial<Rollout> = {}) {
      const fleet = await suite.write(insertFleet)
      const { organisation, release } = fleet
      const rollout = await insert(release, given)
      const updates = await times(3, () =>
        suite.write(async (stores) => {
          const device = await stores.devices.insert(rows.newDevice(organisation.serial))
          await stores.rolloutMembers.insert(newMember(rollout, device, { settleAt: START }))
          return stores.updates.insert(rows.newUpdate(device, release, { rollout: rollout.serial }))
        }),
      )
      await suite.write(async (stores) => {
        await stores.rolloutTallies.create(rollout.serial, [WHOLE], { grantLimit: 1, unverifiableLimit: 1 })
        await stores.rollouts.name(rollout.serial, [{ key: 'a' }])
        const approval = { rollout: rollout.serial, stage: 0, run: 0, account: rows.someId(), name: 'a', at: START }
        await stores.rollouts.approve(approval)
      })
      return { ...fleet, rollout, updates }
    }

    it('are gone for everybody at once', async () => {
      const { organisation, release, product, rollout } = await withMembers({ state: 'running', cancelling: true })
      const { rollouts, rolloutTallies } = suite.read
      await remove(rollout)
      await remove(rollout)
      expect(await rollouts.find(rollout.serial)).toBeUndefined()
      expect(await rollouts.findById(organisation.serial, rollout.id)).toBeUndefined()
      expect(await rollouts.findByKey(organisation.serial, rollout.key)).toBeUndefined()
      expect(await rollouts.findByKey(organisation.serial, `~${rollout.serial}`)).toBeUndefined()
      for (const filter of [{}, { product: product.serial }, { release: release.serial }]) {
        const of = { organisation: organisation.serial, ...filter }
        expect(await suite.storage.management.rollouts.list(of, { limit: 9 })).toEqual([])
        expect(await suite.storage.management.rollouts.count(of)).toBe(0)
      }
      expect(await rollouts.listOffering(product.serial, { live: 9, stopped: 9 })).toEqual([])
      expect(await rollouts.listNaming(product.serial, { id: 'x', key: 'a' }, { live: 9, stopped: 9 })).toEqual([])
      expect(await rollouts.countOffering(product.serial)).toBe(0)
      const atWork = await rollouts.listAtWork(500)
      expect(atWork.filter(({ serial }) => serial === rollout.serial)).toEqual([])
      expect(await rolloutTallies.list(rollout.serial, 9)).toEqual([])
      expect(await rollouts.listApprovals(rollout.serial)).toEqual([])
    })

    it('leave their key and id to others, and keep nothing that they referred to', async () => {
      const { organisation, release } = await withMembers()
      const product = await suite.write((stores) => stores.products.insert(rows.newProduct(organisation.serial)))
      const firmware = await suite.write((stores) =>
        stores.firmware.insert(rows.newFirmware(organisation.serial, { product: product.serial })),
      )
      const shipped = await suite.write((stores) => stores.releases.insert(rows.newRelease(firmware)))
      const rollout = await insert(shipped)
      await remove(rollout)
      expect(await suite.read.rollouts.countByRelease(shipped.serial)).toBe(0)
      const again = await insert(release, { key: rollout.key, id: rollout.id })
      expect(await suite.read.rollouts.findByKey(organisation.serial, rollout.key)).toEqual(again)
      await suite.write(async (stores) => {
        await stores.firmware.delete(firmware.serial)
        await stores.products.delete(product.serial)
      })
      expect(await suite.read.products.find(product.serial)).toBeUndefined()
    })

    it('cannot be brought back', async () => {
      const { rollout, device } = await withMembers({ state: 'stopped' })
      await remove(rollout)
      const changed = await suite.write(async (stores) => {
        const claim = { rollout: rollout.serial, scope: WHOLE, now: START, grant: 'first', isVerifiable: true } as const
        expect(await stores.rolloutTallies.claim(claim)).toBe(false)
        return stores.rollouts.update(rollout.serial, { state: 'running' })
      })
      expect(changed).toBeUndefined()
      expect(await suite.read.rollouts.find(rollout.serial)).toBeUndefined()
      while (await purge(rollout, 9));
      const late = suite.write((stores) => stores.rolloutMembers.insert(newMember(rollout, device)))
      await expect(late).rejects.toMatchObject({ code: 'not-found' })
    })

    it('go in parts, and leave updates', async () => {
      const { rollout, updates } = await withMembers()
      const left = async () => {
        const found = await suite.read.rolloutMembers.listByDevices(
          rollout.serial,
          updates.map(({ device }) => device),
        )
        const marked = await suite.read.updates.listBySerials(updates.map(({ serial }) => serial))
        return [found.length, marked.filter((update) => update.rollout === rollout.serial).length]
      }
      const isListed = async () => (await suite.read.rollouts.listDeleted(1_000)).includes(rollout.serial)
      expect(await purge(rollout, 2)).toBe(false)
      expect([await left(), await isListed()]).toEqual([[3, 3], false])
      await remove(rollout)
      expect([await left(), await isListed()]).toEqual([[3, 3], true])
      expect(await purge(rollout, 2)).toBe(true)
      expect([await left(), await isListed()]).toEqual([[1, 1], true])
      expect(await purge(rollout, 2)).toBe(false)
      expect([await left(), await isListed()]).toEqual([[0, 0], false])
      expect(await purge(rollout, 2)).toBe(false)
      for (const update of updates)
        expect(await suite.read.updates.find(update.serial)).toEqual({ ...update, rollout: null })
    })

    it('let what is left of them change until it is gone', async () => {
      const { rollout, updates } = await withMembers()
      const [update] = updates
      await remove(rollout)
      const changed = await suite.write(async (stores) => {
        const member = await stores.rolloutMembers.find(rollout.serial, update?.device ?? 0)
        await stores.rolloutMembers.settle([member?.serial ?? 0], [])
        return stores.updates.move(update?.serial ?? 0, update?.state ?? 'offered', { state: 'failed', reason: 'x' })
      })
      expect(changed).toMatchObject({ state: 'failed', rollout: rollout.serial })
    })

    it('keep, before that, what they refer to, and what they undo', async () => {
      const { organisation, release, firmware } = await suite.write(insertFleet)
      // One that nothing else belongs to.
      const product = await suite.write((stores) => stores.products.insert(rows.newProduct(organisation.serial)))
      const rollout = await insert(release, { product: product.serial })
      const undo = await insert(release, { kind: 'undo', undoes: rollout.serial })
      expect(await suite.read.rollouts.countByRelease(release.serial)).toBe(2)
      await suite.write(async (stores) => {
        await expect(stores.rollouts.delete(rollout.serial)).rejects.toMatchObject(IN_USE)
        await expect(stores.releases.delete(release.serial)).rejects.toMatchObject(IN_USE)
        await expect(stores.firmware.delete(firmware.serial)).rejects.toMatchObject(IN_USE)
        await expect(stores.products.delete(product.serial)).rejects.toMatchObject(IN_USE)
        // The transaction is usable after each refusal.
        await stores.rollouts.delete(undo.serial)
        await stores.rollouts.delete(rollout.serial)
      })
      expect(await suite.read.rollouts.countByRelease(release.serial)).toBe(0)
      await suite.write((stores) => stores.firmware.delete(firmware.serial))
      await suite.write((stores) => stores.products.delete(product.serial))
    })
  })
}
