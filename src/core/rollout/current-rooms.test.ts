import { describe, expect, it, vi } from 'vitest'
import { NATIVE, RolloutFleet } from '../../../test/support/rollout-fleet.ts'
import { STORAGES } from '../../../test/support/storages.ts'
import { CurrentRooms } from './current-rooms.ts'
import type { Room } from './room.ts'

const room = () => ({}) as Room

describe('the counters of rollouts as they stand', () => {
  it('are the same map until one of them changes, and one map for all devices that meet them', () => {
    const held = new Map([[1, room()]])
    const rooms = new CurrentRooms((rollout) => held.get(rollout))
    const known = new Map(held)
    expect(rooms.of(known)).toBe(known)
    held.set(1, room())
    const now = rooms.of(known)
    expect(now).not.toBe(known)
    expect(now?.get(1)).toBe(held.get(1))
    expect(rooms.of(new Map([[1, room()]]))).toBe(now)
  })

  it('are one map for devices that meet the same rollouts, whoever was read in between', () => {
    const [first, second] = [room(), room()]
    const rooms = new CurrentRooms(() => undefined)
    const both = rooms.share(
      new Map([
        [1, first],
        [2, second],
      ]),
    )
    expect(rooms.share(new Map([[1, first]]))).not.toBe(both)
    expect(
      rooms.share(
        new Map([
          [1, first],
          [2, second],
        ]),
      ),
    ).toBe(both)
    expect(rooms.share(new Map([[1, second]])).get(1)).toBe(second)
  })

  it('are unknown while those of one rollout have to be read', () => {
    expect(new CurrentRooms(() => undefined).of(new Map([[1, room()]]))).toBeUndefined()
  })
})

describe('the counters of a rollout', () => {
  it('are read once for all devices that meet it, not once for each', async () => {
    const fleet = await RolloutFleet.open()
    const keys = await fleet.addDevices(3)
    await fleet.start({ stages: [{ percent: 100, concurrency: 1 }], health: { mode: 'off', allowance: 'unlimited' } })
    const list = vi.spyOn(fleet.core.deps.storage.read.rolloutTallies, 'list')
    const all = await Promise.all(keys.map((key) => fleet.facts(key)))
    expect(new Set(all.map((facts) => facts.rooms)).size).toBe(1)
    expect(all[0]?.rooms.size).toBe(1)
    expect(list).toHaveBeenCalledTimes(1)
  })
})

describe.each(STORAGES)('what is recalled of a device under a rollout, on $name', ({ open }) => {
  it('stays until the counters change, and then is what the database says', async () => {
    const fleet = await RolloutFleet.open({ storage: await open() })
    await fleet.addDevices(2)
    await fleet.start({ stages: [{ percent: 100, concurrency: 1 }], health: { mode: 'off', allowance: 'unlimited' } })
    const { gateway, deps } = fleet.core
    const { serial } = await fleet.device('d1')
    await fleet.grant('d0')
    // Facts and counters are read first, in a call each.
    const recall = async () => {
      await fleet.facts('d1')
      return gateway.recall({ by: 'serial', serial })
    }
    await expect.poll(recall).toBeDefined()
    const recalled = await recall()
    expect(recalled && decided(recalled)).toBe('slots-taken')
    expect(gateway.recall({ by: 'serial', serial })).toBe(recalled)
    await fleet.install('d0', '1.1.0')
    const after = gateway.recall({ by: 'serial', serial })
    expect(after).not.toBe(recalled)
    expect(after === undefined || decided(after) === 'rollout').toBe(true)
    expect(decided(await fleet.facts('d1'))).toBe('rollout')
    await deps.storage.close()

    function decided(facts: Awaited<ReturnType<typeof fleet.facts>>): string {
      return gateway.decide(facts, NATIVE).because.kind
    }
  })
})
