import { describe, expect, it } from 'vitest'
import { START } from '../../../test/support/fixed-clock.ts'
import { newRollout } from '../../../test/support/rollout-rows.ts'
import { insertFleet, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'
import type { DeviceName } from './rollout-store.ts'

export function describeRolloutOffering(name: string, open: () => Promise<Storage>): void {
  describe(`rollouts that name devices: ${name}`, () => {
    const suite = useStorage(open)
    type Release = Awaited<ReturnType<typeof insertFleet>>['release']
    const insert = (release: Release, names: readonly DeviceName[], given: Parameters<typeof newRollout>[1] = {}) =>
      suite.write(async (stores) => {
        const row = newRollout(release, { state: 'running', namesDevices: true, ...given })
        const rollout = await stores.rollouts.insert(row)
        await stores.rollouts.name(rollout.serial, names)
        return rollout
      })

    it('are met by these alone, by rank, behind live ones the newest stopped ones', async () => {
      const [{ release, product }, other] = [await suite.write(insertFleet), await suite.write(insertFleet)]
      const [a, b] = [
        { id: 'a'.repeat(24), key: 'a' },
        { id: 'b'.repeat(24), key: 'b' },
      ]
      await insert(release, [{ key: 'a' }, { key: 'b' }], { key: 'low', priority: -1 })
      await insert(release, [{ id: a.id }], { key: 'younger', createdAt: START + 1 })
      await insert(release, [{ key: 'a' }], { key: 'older', state: 'paused' })
      await insert(release, [{ key: 'a' }], { key: 'stopped-1', state: 'stopped', priority: 9 })
      await insert(release, [{ id: a.id }], { key: 'stopped-2', state: 'stopped' })
      await insert(release, [{ key: 'a' }], { key: 'draft', state: 'draft' })
      await insert(release, [{ key: 'a' }], { key: 'finished', state: 'finished' })
      await insert(release, [{ id: b.key }], { key: 'an-id-is-no-key' })
      await insert(other.release, [{ key: 'a' }, { id: a.id }], { key: 'of-another-product' })
      await suite.write((stores) => stores.rollouts.insert(newRollout(release, { state: 'running', key: 'for-all' })))
      const met = async (device: typeof a, live = 9, stopped = 9) =>
        (await suite.read.rollouts.listNaming(product.serial, device, { live, stopped })).map(({ key }) => key)
      expect(await met(a)).toEqual(['older', 'younger', 'low', 'stopped-2', 'stopped-1'])
      expect(await met(a, 1, 1)).toEqual(['older', 'stopped-2'])
      expect(await met(b)).toEqual(['low'])
      expect(await met({ id: 'c', key: 'A' })).toEqual([])
      const offering = await suite.read.rollouts.listOffering(product.serial, { live: 9, stopped: 9 })
      expect(offering.map(({ key }) => key)).toEqual(['for-all'])
      expect(await suite.read.rollouts.countOffering(product.serial)).toBe(1)
    })

    it('are counted for the device that has most of them', async () => {
      const [{ release }, other] = [await suite.write(insertFleet), await suite.write(insertFleet)]
      const draft = await insert(release, [{ key: 'x' }, { key: 'y' }, { id: 'z' }], { state: 'draft' })
      const count = () => suite.read.rollouts.countNaming(draft.serial)
      expect(await count()).toBe(0)
      await insert(release, [{ key: 'x' }])
      await insert(release, [{ key: 'y' }], { state: 'paused' })
      expect(await count()).toBe(1)
      await insert(release, [{ key: 'y' }, { id: 'z' }])
      await insert(release, [{ key: 'y' }], { state: 'stopped' })
      await insert(other.release, [{ key: 'y' }])
      expect(await count()).toBe(2)
      expect(await suite.read.rollouts.countNaming(999_999)).toBe(0)
    })
  })
}
