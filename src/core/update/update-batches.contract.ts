import { describe, expect, it } from 'vitest'
import { START } from '../../../test/support/fixed-clock.ts'
import * as rows from '../../../test/support/rows.ts'
import { insertFleet, times, useStorage } from '../../../test/support/storage-suite.ts'
import type { Change, Storage } from '../ports.ts'
import type { Update } from './update.ts'
import type { Advance } from './update-store.ts'

/** Many updates that move at once. */
export function describeUpdateBatches(name: string, open: () => Promise<Storage>): void {
  describe(`batches of updates: ${name}`, () => {
    const suite = useStorage(open)
    const insert = async (given: Partial<Update> = {}) => {
      const { device, release } = await suite.write(insertFleet)
      return suite.write((stores) => stores.updates.insert(rows.newUpdate(device, release, given)))
    }
    const lock = (ids: readonly string[]) => suite.write((stores) => stores.updates.lockByIds(ids))
    const advance = (advances: readonly Advance[]) => suite.write((stores) => stores.updates.advanceAll(advances))
    const devicesOf = (changes: readonly Change[]) =>
      changes.flatMap((change) => (change.kind === 'device' ? [change.device] : [])).sort((a, b) => a - b)

    it('locks those that are there, each once, by serial', async () => {
      const [first, second] = [await insert(), await insert({ steps: [] })]
      expect(await lock([second.id, rows.someId(), first.id, second.id])).toEqual([first, second])
      expect(await lock([])).toEqual([])
      const many = await times(70, () => insert())
      expect(await lock(many.map(({ id }) => id).reverse())).toEqual(many)
    })

    it('changes each as it is told and nothing else, and names the devices to whom it matters', async () => {
      const heard: Change[] = []
      suite.storage.onChange((changes) => heard.push(...changes))
      const offered = await insert({ state: 'offered', confirmAfter: START, deadline: START + 1, reason: 'old' })
      const downloading = await insert({ state: 'downloading', progress: 10, reason: 'kept' })
      const other = await insert()
      heard.length = 0
      const moved = {
        ...offered,
        state: 'installing',
        progress: 100,
        reason: 'it said "ä\n\\"',
        changedAt: START + 5,
        confirmAfter: null,
        deadline: START + 2 ** 40,
      } as const
      const further = { ...downloading, progress: 40, deadline: null }
      await advance([
        { before: offered, after: moved },
        { before: downloading, after: further },
      ])
      expect(await lock([offered.id, downloading.id, other.id])).toEqual([
        { ...moved, revision: 2 },
        { ...further, revision: 2 },
        other,
      ])
      // How far a step is changes no answer.
      expect(devicesOf(heard)).toEqual([offered.device])
      await advance([{ before: further, after: { ...further, progress: -7, state: 'downloading' } }])
      expect(devicesOf(heard)).toEqual([offered.device, downloading.device])
      await advance([])
    })

    it('is undone with its transaction', async () => {
      const update = await insert({ state: 'offered' })
      const after = { ...update, state: 'installing' as const }
      const undone = suite.write(async (stores) => {
        await stores.updates.advanceAll([{ before: update, after }])
        throw new Error('later step')
      })
      await expect(undone).rejects.toThrow('later step')
      expect(await lock([update.id])).toEqual([update])
    })
  })
}
