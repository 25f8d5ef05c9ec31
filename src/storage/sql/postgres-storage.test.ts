import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sharedPostgres } from '../../../test/support/postgres.ts'
import { newDevice, newEvent, newOrganisation, newUpdate } from '../../../test/support/rows.ts'
import { insertFleet } from '../../../test/support/storage-suite.ts'
import type { Change, Storage, Stores } from '../../core/ports.ts'
import { openSqlStorage } from './open-storage.ts'

const postgres = await sharedPostgres()

describe.skipIf(postgres.kind === 'none')('PostgreSQL storage', () => {
  let url: string
  let storage: Storage
  const createDatabase = () => {
    if (postgres.kind === 'none') throw new Error(postgres.skip)
    return postgres.createDatabase()
  }
  beforeAll(async () => {
    url = await createDatabase()
    storage = await openSqlStorage({ kind: 'postgres', url, poolSize: 2, managementTimeoutMs: 200, migrate: true })
  })
  afterAll(() => storage.close())

  const insertDevices = () =>
    storage.transaction(async (stores) => {
      const { serial } = await stores.organisations.insert(newOrganisation())
      return stores.devices.insertMany([newDevice(serial), newDevice(serial)])
    })
  async function asSuperuser<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      return await work(client)
    } finally {
      await client.end()
    }
  }

  it('refuses a database with pending migrations, and names the way out', async () => {
    const empty = await createDatabase()
    const opening = openSqlStorage({ kind: 'postgres', url: empty })
    await expect(opening).rejects.toMatchObject({
      code: 'storage-failed',
      message: expect.stringContaining('godwit migrate'),
      details: { pending: expect.arrayContaining(['0001-initial']) },
    })
    // Two that migrate at once are one after the other.
    const opened = await Promise.all(
      [1, 2].map(() => openSqlStorage({ kind: 'postgres', url: empty, migrate: true, poolSize: 2 })),
    )
    for (const each of opened) await each.close()
    const prepared = await openSqlStorage({ kind: 'postgres', url: empty })
    expect(prepared.invalidation).toMatchObject({ isSoleWriter: false })
    await prepared.close()
  })

  it('says so when there is no server', async () => {
    const nowhere = new URL(url)
    nowhere.port = '1'
    await expect(openSqlStorage({ kind: 'postgres', url: nowhere.href })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('cannot be reached'),
    })
  })

  it('runs a transaction again that was the victim of a deadlock', async () => {
    const [a, b] = await insertDevices()
    if (!a || !b) throw new Error('two devices')
    let runs = 0
    const bothHoldOne = barrier(2)
    const rename = (first: number, second: number, name: string) =>
      storage.transaction(async (stores) => {
        runs += 1
        await stores.devices.update(first, { name })
        await bothHoldOne()
        await stores.devices.update(second, { name })
      })
    await Promise.all([rename(a.serial, b.serial, 'one'), rename(b.serial, a.serial, 'two')])
    // On a busy machine the second run may be a victim as well.
    expect(runs).toBeGreaterThanOrEqual(3)
    const names = [await storage.read.devices.find(a.serial), await storage.read.devices.find(b.serial)]
    expect(names[0]?.name).toBe(names[1]?.name)
    expect(names[0]?.revision).toBe(3)
  })

  it('does not call a transaction committed in which a statement had failed', async () => {
    const [a, b] = await insertDevices()
    if (!a || !b) throw new Error('two devices')
    const heard: Change[] = []
    storage.onChange((changes) => heard.push(...changes))
    const careless = storage.transaction(async (stores) => {
      await stores.devices.update(a.serial, { name: 'lost' })
      await stores.devices.update(a.serial, { key: b.key }).catch(() => undefined)
    })
    await expect(careless).rejects.toMatchObject({ code: 'storage-failed' })
    expect(await storage.read.devices.find(a.serial)).toEqual(a)
    expect(heard).toEqual([])
  })

  it('never runs what waits behind a failure outside the transaction', async () => {
    const kept: Stores[] = []
    const failing = storage.transaction(async (stores) => {
      kept.push(stores)
      // Not awaited: still queued when the failure ends the transaction.
      const late = [1, 2, 3].map((each) => stores.settings.set(`late-${each}`, 'x').catch(() => undefined))
      void late
      throw new Error('stop')
    })
    await expect(failing).rejects.toThrow('stop')
    await expect(kept[0]?.settings.set('late-4', 'x')).rejects.toMatchObject({ code: 'internal' })
    await storage.transaction((stores) => stores.settings.set('marker', 'x'))
    for (const name of ['late-1', 'late-2', 'late-3']) expect(await storage.read.settings.get(name)).toBeUndefined()
  })

  it('takes questions at once within one transaction', async () => {
    const [a, b] = await insertDevices()
    const found = await storage.transaction((stores) =>
      Promise.all([stores.devices.find(a?.serial ?? 0), stores.devices.find(b?.serial ?? 0)]),
    )
    expect(found).toEqual([a, b])
  })

  it('ends long reads of operators after a time, and lets polls pass meanwhile', async () => {
    await asSuperuser(async (client) => {
      await client.query('begin; lock table devices in access exclusive mode')
      const waiting = storage.management.devices.count({ organisation: 1 })
      expect(await storage.read.settings.get('absent')).toBeUndefined()
      await expect(waiting).rejects.toMatchObject({ code: 'storage-failed' })
    })
    expect(await storage.management.devices.count({ organisation: 0 })).toBe(0)
  })

  it('recovers from broken connections', async () => {
    const [a] = await insertDevices()
    const broken = storage.transaction(async (stores) => {
      await stores.devices.update(a?.serial ?? 0, { name: 'lost' })
      await asSuperuser((client) =>
        client.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'godwit' and datname = current_database()",
        ),
      )
      await stores.devices.update(a?.serial ?? 0, { name: 'lost again' })
    })
    await expect(broken).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('nothing was stored'),
      details: { retryAfterSeconds: 5 },
    })
    expect(await storage.transaction((stores) => stores.devices.find(a?.serial ?? 0))).toEqual(a)
    await storage.check()
  })

  it('goes on with prepared statements when a newer version has added columns meanwhile', async () => {
    const { device, release } = await storage.transaction(insertFleet)
    const update = await storage.transaction((stores) => stores.updates.insert(newUpdate(device, release)))
    const batch = () =>
      storage.transaction(async (stores) => {
        const [locked] = await stores.updates.lockByIds([update.id])
        if (!locked) throw new Error('the update is gone')
        await stores.updates.advanceAll([{ before: locked, after: { ...locked, progress: locked.progress + 1 } }])
        await stores.events.appendAll([newEvent(device.organisation), newEvent(device.organisation)])
        await stores.once.claimAll('prepared', [`r${locked.progress}`], { now: 1, expiresAt: 2 })
        return (await stores.devices.listByTokens('native', ['a'.repeat(64)])).length
      })
    // More often than PostgreSQL makes a new plan each time.
    for (let turn = 0; turn < 20; turn++) await batch()
    await asSuperuser(async (client) => {
      for (const table of ['updates', 'events', 'once', 'devices', 'credentials'])
        await client.query(`alter table "${table}" add column added_later text`)
    })
    for (let turn = 0; turn < 20; turn++) await batch()
    expect((await storage.read.updates.find(update.serial))?.progress).toBe(40)
  })

  it('refuses text that PostgreSQL cannot keep as the caller’s mistake', async () => {
    const insert = storage.transaction((stores) => stores.organisations.insert(newOrganisation({ name: 'nul\u0000' })))
    await expect(insert).rejects.toMatchObject({ code: 'invalid' })
  })

  it('holds events back that a transaction under way may still come before', async () => {
    const organisation = (await storage.transaction((stores) => stores.organisations.insert(newOrganisation()))).serial
    const append = (type: string) =>
      storage.transaction((stores) => stores.events.append(newEvent(organisation, { type })))
    const settled = async () => {
      const through = await storage.management.events.settledThrough()
      const events = await storage.management.events.list({ organisation, through }, { limit: 9 })
      return events.map(({ type }) => type)
    }
    await append('a.first')
    const [appended, mayCommit] = [barrier(2), barrier(2)]
    const slow = storage.transaction(async (stores) => {
      await stores.events.append(newEvent(organisation, { type: 'a.second' }))
      await appended()
      await mayCommit()
    })
    await appended()
    await append('a.third')
    expect(await storage.read.events.list({ organisation }, { limit: 9 })).toHaveLength(2)
    expect(await settled()).toEqual(['a.first'])
    await mayCommit()
    await slow
    expect(await settled()).toEqual(['a.first', 'a.second', 'a.third'])
  })

  it('numbers beyond what was given, though others number at the same time', async () => {
    const organisation = (await storage.transaction((stores) => stores.organisations.insert(newOrganisation()))).serial
    const base = 100_000
    const rows = Array.from({ length: 40 }, (_, index) =>
      newDevice(organisation, index % 4 === 0 ? { serial: base + index * 1000 } : {}),
    )
    const inserted = await Promise.all(rows.map((row) => storage.transaction((stores) => stores.devices.insert(row))))
    expect(new Set(inserted.map(({ serial }) => serial)).size).toBe(40)
    const next = await storage.transaction((stores) => stores.devices.insert(newDevice(organisation)))
    expect(next.serial).toBeGreaterThan(base + 36_000)
    const mixed = [{}, { serial: base * 2 }, { serial: base * 2 + 1 }, {}].map((given) =>
      newDevice(organisation, given),
    )
    const many = await storage.transaction((stores) => stores.devices.insertMany(mixed))
    expect(many.map(({ key }) => key)).toEqual(mixed.map(({ key }) => key))
    const last = await storage.transaction((stores) => stores.devices.insert(newDevice(organisation)))
    expect(last.serial).toBe(base * 2 + 2)
  })
})

/** Resolves for everybody once so many have come; at once for later ones. */
function barrier(parties: number): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let arrived = 0
  return () => {
    arrived += 1
    if (arrived >= parties) resolve()
    return promise
  }
}
