import { describe, expect, it } from 'vitest'
import { newEvent, newOrganisation } from '../../../test/support/rows.ts'
import { expectSlices, times, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'

export function describeEventStore(name: string, open: () => Promise<Storage>): void {
  describe(`event store: ${name}`, () => {
    const suite = useStorage(open)
    const insertOrganisation = async () =>
      (await suite.write((stores) => stores.organisations.insert(newOrganisation()))).serial
    const append = (...given: Parameters<typeof newEvent>) =>
      suite.write((stores) => stores.events.append(newEvent(...given)))

    it('returns events whole, oldest first', async () => {
      const organisation = await insertOrganisation()
      const first = newEvent(organisation, {
        actor: { kind: 'account', id: 'a', name: 'ops@example.test' },
        details: { before: null, after: { tags: ['x', 1, true] }, text: 'ä' },
      })
      const second = newEvent(organisation)
      await suite.write(async (stores) => {
        await stores.events.append(first)
        await stores.events.append(second)
      })
      expect(await suite.read.events.list({ organisation }, { limit: 9 })).toEqual([
        { ...first, serial: expect.any(Number) },
        { ...second, serial: expect.any(Number) },
      ])
    })

    it('slices a list', async () => {
      const organisation = await insertOrganisation()
      await times(5, () => append(organisation))
      const all = await suite.read.events.list({ organisation }, { limit: 9 })
      await expectSlices((slice) => suite.storage.management.events.list({ organisation }, slice), all)
    })

    it('filters by organisation, type and subject; null means the server itself', async () => {
      const [mine, other] = [await insertOrganisation(), await insertOrganisation()]
      const subject = { kind: 'firmware', id: 'f1' }
      await append(mine, { type: 'firmware.created', subject })
      await append(mine, { type: 'firmware.deleted', subject: { kind: 'firmware', id: 'f2' } })
      await append(mine, { type: 'product.created', subject: { kind: 'product', id: 'f1' } })
      await append(other, { type: 'firmware.created', subject })
      await append(null, { type: 'server.frozen', subject: { kind: 'server', id: '' } })
      const types = async (filter: object) => {
        const events = await suite.read.events.list(filter, { limit: 99, order: 'desc' })
        return events.map(({ type }) => type)
      }
      expect(await types({ organisation: mine, subjectKind: 'firmware' })).toEqual([
        'firmware.deleted',
        'firmware.created',
      ])
      expect(await types({ organisation: mine, subjectId: 'f1' })).toEqual(['product.created', 'firmware.created'])
      expect(await types({ organisation: mine, type: 'firmware.deleted' })).toEqual(['firmware.deleted'])
      expect(await types({ organisation: null })).toEqual(['server.frozen'])
      expect(await types({ type: 'firmware.created', subjectId: 'f1' })).toHaveLength(2)
      expect((await types({})).slice(0, 3)).toEqual(['server.frozen', 'firmware.created', 'product.created'])
    })

    it('deletes what happened before a time, in batches', async () => {
      const organisation = await insertOrganisation()
      for (const at of [1000, 1000, 1000, 2000]) await append(organisation, { at })
      const collect = (limit: number) => suite.write((stores) => stores.events.deleteBefore(2000, limit))
      expect(await collect(2)).toBe(2)
      expect(await collect(2)).toBe(1)
      expect(await collect(2)).toBe(0)
      const kept = await suite.read.events.list({ organisation }, { limit: 9 })
      expect(kept.map(({ at }) => at)).toEqual([2000])
    })
  })
}
