import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NodeFleet, takeoverMs } from '../nodes/node-fleet.ts'
import { sharedPostgres } from '../support/postgres.ts'

const LEASE_SECONDS = 2
const postgres = await sharedPostgres()

describe.skipIf(postgres.kind === 'none')('jobs of several servers on one PostgreSQL', () => {
  let fleet: NodeFleet
  const begin = async (leaseSeconds: number) => {
    if (postgres.kind === 'none') throw new Error(postgres.skip)
    fleet = await NodeFleet.open(await postgres.createDatabase(), leaseSeconds)
    await fleet.start('a')
    await fleet.until(async () => (await fleet.holders()).size === fleet.jobs, takeoverMs(leaseSeconds))
    await fleet.start('b')
    await fleet.subscribe('a')
  }

  describe('of which one dies', () => {
    beforeAll(() => begin(LEASE_SECONDS))
    afterAll(() => fleet.stop())

    it('each event is delivered once and in order, by one of them', async () => {
      for (const key of ['g1', 'g2', 'g3']) await fleet.createGroup('b', key)
      await fleet.until(async () => fleet.taken.length === 3)
      expect(fleet.taken).toEqual(['g1', 'g2', 'g3'])
      expect(new Set((await fleet.holders()).values())).toEqual(new Set([fleet.pid('a')]))
    })

    it('kill -9 of the one that works: the other goes on within the bound', async () => {
      await fleet.until(() => fleet.isWritten())
      await fleet.kill9('a')
      const killedAt = performance.now()
      await fleet.createGroup('b', 'g4')
      await fleet.until(async () => fleet.taken.includes('g4'), takeoverMs(LEASE_SECONDS))
      await fleet.until(async () => [...(await fleet.holders()).values()].every((pid) => pid === fleet.pid('b')))
      expect(performance.now() - killedAt).toBeLessThan(takeoverMs(LEASE_SECONDS))
      expect(fleet.taken).toEqual(['g1', 'g2', 'g3', 'g4'])
    })

    it('a process that is stopped in the middle of its work is refused when it goes on', async () => {
      await fleet.start('c')
      await fleet.until(() => fleet.isWritten())
      let isFirst = true
      fleet.onDelivery = async (key) => {
        if (key !== 'g5' || !isFirst) return
        isFirst = false
        fleet.signal('b', 'SIGSTOP')
      }
      await fleet.createGroup('c', 'g5')
      await fleet.createGroup('c', 'g6')
      // The stopped one had sent g5 and cannot know that it was taken: another sends it again, with the same id.
      await fleet.until(async () => fleet.taken.includes('g6'), takeoverMs(LEASE_SECONDS) + 10_000)
      expect(new Set((await fleet.holders()).values())).toEqual(new Set([fleet.pid('c')]))
      const before = await fleet.holders()
      fleet.signal('b', 'SIGCONT')
      await fleet.until(async () => /another node delivers now|lease of a job was lost/.test(fleet.log('b')))
      await fleet.createGroup('b', 'g7')
      await fleet.until(async () => fleet.taken.includes('g7'))
      await pause(2 * LEASE_SECONDS * 1000)
      expect(fleet.taken).toEqual(['g1', 'g2', 'g3', 'g4', 'g5', 'g5', 'g6', 'g7'])
      expect(new Set(fleet.idsOf('g5')).size).toBe(1)
      expect(await fleet.holders()).toEqual(before)
    })
  })

  describe('of which one is told to stop', () => {
    beforeAll(() => begin(600))
    afterAll(() => fleet.stop())

    it('its leases are free at once, although they would last for minutes', async () => {
      await fleet.createGroup('b', 'g1')
      await fleet.until(async () => fleet.taken.length === 1)
      await fleet.until(() => fleet.isWritten())
      expect(await fleet.terminate('a')).toBe(0)
      await fleet.until(async () => [...(await fleet.holders()).values()].every((pid) => pid === fleet.pid('b')), 5_000)
      await fleet.createGroup('b', 'g2')
      await fleet.until(async () => fleet.taken.length === 2)
      expect(fleet.taken).toEqual(['g1', 'g2'])
    })
  })
})
