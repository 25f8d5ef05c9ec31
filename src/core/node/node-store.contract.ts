import { describe, expect, it } from 'vitest'
import { useStorage } from '../../../test/support/storage-suite.ts'
import type { Storage } from '../ports.ts'

const MINUTE = 60_000
const facts = { host: 'node-1', pid: 17, version: '0.1.0', schema: '0009-leases', connections: 12 }

export function describeNodeStore(name: string, open: () => Promise<Storage>): void {
  describe(`node store: ${name}`, () => {
    const suite = useStorage(open)

    it('knows the processes that were seen lately, each once', async () => {
      const { nodes } = suite.read
      const before = await nodes.now()
      await suite.write((stores) => stores.nodes.note({ ...facts, id: 'b' }))
      await suite.write((stores) => stores.nodes.note({ ...facts, id: 'a', pid: 18 }))
      await suite.write((stores) => stores.nodes.note({ ...facts, id: 'b', version: '0.2.0' }))
      const seen = await nodes.listSeen(MINUTE)
      expect(seen.toSorted((one, other) => one.pid - other.pid)).toEqual([
        { ...facts, id: 'b', version: '0.2.0', seenAt: expect.any(Number) },
        { ...facts, id: 'a', pid: 18, seenAt: expect.any(Number) },
      ])
      for (const { seenAt } of seen) expect(seenAt).toBeGreaterThanOrEqual(before)
      expect(await suite.write((stores) => stores.nodes.deleteUnseen(MINUTE))).toBe(0)
      await suite.write((stores) => stores.nodes.forget('a'))
      expect((await nodes.listSeen(MINUTE)).map(({ id }) => id)).toEqual(['b'])
      await expect.poll(() => suite.write((stores) => stores.nodes.deleteUnseen(1))).toBe(1)
      expect(await nodes.listSeen(MINUTE)).toEqual([])
    })
  })
}
