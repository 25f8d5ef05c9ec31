import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fixedClock } from '../../../test/support/fixed-clock.ts'
import { STORAGES } from '../../../test/support/storages.ts'
import { createTestCore } from '../../../test/support/test-core.ts'
import type { Storage } from '../../core/ports.ts'
import { createLogger } from '../logger.ts'
import { type JobLeases, sharedLeases } from './job-leases.ts'
import { LeaseKeeper } from './lease-keeper.ts'

const LEASE_MS = 600
const SOON = { timeout: 5_000, interval: 20 }
const JOB = 'rollouts'

interface Node {
  readonly keeper: LeaseKeeper
  readonly leases: JobLeases
  /** Until it is false, nothing that this node asks of the database comes back. */
  isCutOff: boolean
  /** Lets through what was asked meanwhile. */
  reconnect(): void
  readonly lines: string[]
}

// Two processes are two of everything but the database; any storage shows it, as the keeper knows no dialect.
describe.each(STORAGES)('leases of two nodes, on $name', ({ open }) => {
  let storage: Storage
  let nodes: Node[]

  beforeEach(async () => {
    storage = await open()
    nodes = []
  })
  afterEach(async () => {
    for (const node of nodes) node.reconnect()
    for (const node of nodes) await node.keeper.stop()
    await storage.close()
  })

  function join(id: string, leaseMs = LEASE_MS): Node {
    const { promise, resolve } = Promise.withResolvers<void>()
    const lines: string[] = []
    const through: Storage = {
      read: storage.read,
      management: storage.management,
      invalidation: storage.invalidation,
      onChange: (listener) => storage.onChange(listener),
      check: () => storage.check(),
      close: async () => undefined,
      transaction: async (work) => {
        if (node.isCutOff) await promise
        return storage.transaction(work)
      },
    }
    const core = createTestCore({ clock: fixedClock(), storage: through })
    const facts = { id, host: 'here', pid: 1, version: '0', schema: '0009', connections: 1 }
    const log = createLogger({ level: 'warn', destination: { write: (line) => lines.push(line) } }, [])
    const keeper = new LeaseKeeper({ storage: through, log, names: [JOB], leaseMs, node: facts })
    const node: Node = {
      keeper,
      leases: sharedLeases(core.deps, keeper),
      isCutOff: false,
      reconnect() {
        this.isCutOff = false
        resolve()
      },
      lines,
    }
    keeper.start()
    nodes.push(node)
    return node
  }
  const holds = ({ leases }: Node) => leases.turn(JOB) !== undefined
  const write = (node: Node, value: string) =>
    node.leases.turn(JOB)?.deps.storage.transaction((stores) => stores.settings.set('by', value))

  it('one does the job, for as long as it is there', async () => {
    const leaseMs = 2_000
    const a = join('a', leaseMs)
    await expect.poll(() => holds(a), SOON).toBe(true)
    const b = join('b', leaseMs)
    const turn = a.leases.turn(JOB)
    for (let look = 0; look < 20; look += 1) {
      await new Promise((resume) => setTimeout(resume, leaseMs / 10))
      expect([holds(a), holds(b)]).toEqual([true, false])
    }
    expect(a.leases.turn(JOB)).toBe(turn)
    await write(a, 'a')
    expect(await storage.read.settings.get('by')).toBe('a')
    expect((await storage.read.nodes.listSeen(60_000)).map(({ id }) => id).toSorted()).toEqual(['a', 'b'])
  })

  it('the other goes on when one is cut off, and what the first was about to write is refused', async () => {
    const a = join('a')
    await expect.poll(() => holds(a), SOON).toBe(true)
    const late = a.leases.turn(JOB)
    a.isCutOff = true
    const b = join('b')
    await expect.poll(() => holds(b), SOON).toBe(true)
    expect(holds(a)).toBe(false)
    expect(late?.isCurrent()).toBe(false)
    await write(b, 'b')
    a.reconnect()
    await expect(late?.deps.storage.transaction((stores) => stores.settings.set('by', 'a'))).rejects.toMatchObject({
      code: 'unavailable',
      details: { lease: JOB },
    })
    await expect.poll(() => a.lines.join(''), SOON).toContain('the lease of a job was lost')
    expect(await storage.read.settings.get('by')).toBe('b')
  })

  it('the other goes on at once when one gives its leases back, however long they would last', async () => {
    const a = join('a', 600_000)
    await expect.poll(() => holds(a), SOON).toBe(true)
    const b = join('b', 600_000)
    await a.leases.release([JOB])
    expect(holds(a)).toBe(false)
    await expect.poll(() => holds(b), SOON).toBe(true)
    expect(holds(a)).toBe(false)
  })
})
