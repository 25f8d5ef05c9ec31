import { beforeEach, describe, expect, it } from 'vitest'
import { newEvent, newOrganisation } from '../../../test/support/rows.ts'
import type { Serial } from '../../core/common.ts'
import type { Event } from '../../core/event/event.ts'
import type { Storage } from '../../core/ports.ts'
import { openMemoryStorage } from '../../storage/memory/memory-storage.ts'
import { EventFeed } from './event-feed.ts'
import { EventFollower } from './follow-events.ts'

const failed = (error: unknown) => {
  throw error
}

describe('following events', () => {
  let storage: Storage
  let feed: EventFeed
  let organisation: Serial
  beforeEach(async () => {
    storage = openMemoryStorage()
    feed = new EventFeed(storage, { pollMs: 5, onError: failed })
    organisation = (await storage.transaction((stores) => stores.organisations.insert(newOrganisation()))).serial
  })
  const append = (count: number, of = organisation) =>
    storage.transaction(async (stores) => {
      for (let index = 0; index < count; index += 1) await stores.events.append(newEvent(of))
    })
  const follower = async (after?: Serial) => {
    const made = new EventFollower(feed, storage.management.events, { organisation, types: [], after })
    await made.open()
    return made
  }
  const serials = (events: readonly Event[]) => events.map(({ serial }) => serial)
  const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, index) => first + index)

  it('catches up in portions and goes on live', async () => {
    await append(450)
    const one = await follower(0)
    const seen: number[] = []
    while (seen.length < 450) seen.push(...serials(await one.next()))
    const next = one.next()
    await append(3)
    seen.push(...serials(await next))
    expect(seen).toEqual(upTo(453))
    one.close()
  })

  it('takes from the store what is too much to wait in memory', async () => {
    const one = await follower()
    const idle = await follower()
    expect(await one.poll()).toEqual([])
    await append(2500)
    const waiting = one.next()
    const seen = serials(await waiting)
    while (seen.length < 2500) seen.push(...serials(await one.next()))
    expect(seen).toEqual(upTo(2500))
    await append(1)
    expect(serials(await one.next())).toEqual([2501])
    one.close()
    idle.close()
  })

  it('moves on past what is of others', async () => {
    const other = (await storage.transaction((stores) => stores.organisations.insert(newOrganisation()))).serial
    const one = await follower()
    expect(await one.poll()).toEqual([])
    await append(5, other)
    await expect.poll(() => one.position).toBe(5)
    await append(1)
    expect(serials(await one.next())).toEqual([6])
    one.close()
  })

  it('can be interrupted, before and while it waits', async () => {
    const one = await follower()
    one.interrupt()
    expect(await one.next()).toEqual([])
    const next = one.next()
    setImmediate(() => one.interrupt())
    expect(await next).toEqual([])
    one.close()
  })

  it('begins where the log is, though nobody listened for a while', async () => {
    const first = await follower()
    first.close()
    await append(3)
    const second = await follower()
    expect(second.position).toBe(3)
    await append(1)
    expect(serials(await second.next())).toEqual([4])
    second.close()
  })

  it('of a position that lies ahead brings nothing old', async () => {
    const one = await follower(10)
    expect(await one.poll()).toEqual([])
    await append(12)
    const seen: number[] = []
    while (seen.length < 2) seen.push(...serials(await one.next()))
    expect(seen).toEqual([11, 12])
    one.close()
  })
})
