import { describe, expect, it } from 'vitest'
import { newEvent, newOrganisation, someId } from '../../../test/support/rows.ts'
import { expectSlices, times, useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'
import type { Event } from './event.ts'

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

    it('numbers many in their order, one after those of the same transaction', async () => {
      const organisation = await insertOrganisation()
      const many = Array.from({ length: 70 }, (_, index) =>
        newEvent(organisation, { details: { text: `ä "${index}\\` }, actor: { kind: 'system', id: '', name: '' } }),
      )
      const [first, ...others] = many
      if (!first) throw new Error('no event')
      await suite.write(async (stores) => {
        await stores.events.append(first)
        await stores.events.appendAll(others)
        await stores.events.appendAll([])
      })
      const listed = await suite.read.events.list({ organisation }, { limit: 99 })
      expect(listed).toEqual(many.map((event) => ({ ...event, serial: expect.any(Number) })))
      expect(await suite.read.events.settledThrough()).toBe(listed.at(-1)?.serial)
      await suite.write((stores) => stores.events.appendAll(many.map((event) => ({ ...event, id: someId() }))))
      expect(await suite.read.events.settledThrough()).toBeGreaterThan(listed.at(-1)?.serial ?? 0)
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

    it('filters by patterns of types, actor and time', async () => {
      const organisation = await insertOrganisation()
      const person = { kind: 'account', id: 'a1', name: 'ops@example.test' } as const
      await append(organisation, { type: 'device.created', actor: person, at: 10_000 })
      await append(organisation, { type: 'device-file.stored', at: 20_000 })
      await append(organisation, { type: 'device.deleted', at: 30_000 })
      await append(organisation, { type: 'update.failed', actor: { ...person, id: 'a2' }, at: 40_000 })
      const types = async (filter: object) =>
        (await suite.storage.management.events.list({ organisation, ...filter }, { limit: 9 })).map(({ type }) => type)
      expect(await types({ type: 'device' })).toEqual(['device.created', 'device.deleted'])
      expect(await types({ type: ['device.*'] })).toEqual(['device.created', 'device.deleted'])
      expect(await types({ type: ['device.deleted', 'update'] })).toEqual(['device.deleted', 'update.failed'])
      expect(await types({ type: [] })).toHaveLength(4)
      expect(await types({ type: 'dev' })).toEqual([])
      expect(await types({ actorKind: 'account' })).toEqual(['device.created', 'update.failed'])
      expect(await types({ actorKind: 'account', actorId: 'a2' })).toEqual(['update.failed'])
      expect(await types({ from: 20_000, until: 40_000 })).toEqual(['device-file.stored', 'device.deleted'])
      const [, second] = await suite.read.events.list({ organisation }, { limit: 9 })
      expect(await types({ through: second?.serial ?? 0 })).toEqual(['device.created', 'device-file.stored'])
    })

    it('finds one by its id, in its organisation', async () => {
      const [mine, other] = [await insertOrganisation(), await insertOrganisation()]
      const at = 1_700_000_000_999
      const id = `${Math.floor(at / 1000).toString(16)}${someId().slice(8)}`
      await append(mine, { id, at })
      expect(await suite.read.events.findById(mine, id)).toMatchObject({ id, at, organisation: mine })
      expect(await suite.read.events.findById(other, id)).toBeUndefined()
      expect(await suite.read.events.findById(mine, someId())).toBeUndefined()
    })

    it('is followed without gap or repetition while writers overtake each other', async () => {
      const organisation = await insertOrganisation()
      const [writers, rounds] = [6, 12]
      const written = Promise.all(
        Array.from({ length: writers }, async (_, writer) => {
          for (let round = 0; round < rounds; round += 1)
            await suite.write(async (stores) => {
              await stores.events.append(newEvent(organisation))
              await turns((writer * 7 + round * 3) % 11)
              if ((writer + round) % 3 === 0) await stores.events.append(newEvent(organisation))
            })
        }),
      )
      let isOver = false
      const over = written.then(() => {
        isOver = true
      })
      const seen: Event[] = []
      for (;;) {
        const wasOver = isOver
        const through = await suite.storage.management.events.settledThrough()
        const after = seen.at(-1)?.serial ?? 0
        const more = await suite.storage.management.events.list({ organisation, through }, { limit: 5, after })
        seen.push(...more)
        if (wasOver && more.length === 0) break
        await turns(1)
      }
      await over
      expect(seen).toHaveLength(writers * rounds * (4 / 3))
      expect(seen).toEqual(await suite.read.events.list({ organisation }, { limit: 1000 }))
    })

    it('is not held back by a transaction that came to nothing', async () => {
      const organisation = await insertOrganisation()
      const failing = suite.write(async (stores) => {
        await stores.events.append(newEvent(organisation))
        throw new Error('later step')
      })
      await expect(failing).rejects.toThrow('later step')
      await append(organisation)
      const [event] = await suite.read.events.list({ organisation }, { limit: 9 })
      expect(await suite.read.events.settledThrough()).toBe(event?.serial)
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

/** Lets others run so many times. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resume) => setImmediate(resume))
}
