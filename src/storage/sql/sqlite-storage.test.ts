import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { newDevice, newOrganisation } from '../../../test/support/rows.ts'
import { type TemporaryFolder, temporaryFolder } from '../../../test/support/temporary-folder.ts'
import type { Change, Storage, Stores } from '../../core/ports.ts'
import { openSqlStorage } from './open-storage.ts'

describe('SQLite storage', () => {
  let folder: TemporaryFolder
  let storage: Storage
  const file = () => join(folder.path, 'godwit.db')
  beforeEach(async () => {
    folder = await temporaryFolder()
    storage = await openSqlStorage({ kind: 'sqlite', file: file() })
  })
  afterEach(async () => {
    await storage.close()
    await folder.remove()
  })

  const insertOrganisation = async () =>
    (await storage.transaction((stores) => stores.organisations.insert(newOrganisation()))).serial

  it('runs one transaction at a time, in the order asked for', async () => {
    const steps: string[] = []
    const work = (name: string) => async (stores: Stores) => {
      steps.push(`${name} begins`)
      await new Promise((resume) => setImmediate(resume))
      await stores.settings.set(name, 'x')
      steps.push(`${name} ends`)
    }
    await Promise.all([storage.transaction(work('a')), storage.transaction(work('b')), storage.transaction(work('c'))])
    expect(steps).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
  })

  it('undoes a failed transaction alone, though its neighbours share the commit', async () => {
    const heard: Change[][] = []
    const organisation = await insertOrganisation()
    storage.onChange((changes) => heard.push([...changes]))
    const insert = (key: string, fails: boolean) =>
      storage.transaction(async (stores) => {
        const device = await stores.devices.insert(newDevice(organisation, { key }))
        if (fails) throw new Error(`no ${key}`)
        return device.serial
      })
    const outcomes = await Promise.allSettled([insert('a', false), insert('b', true), insert('c', false)])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    const kept = await storage.read.devices.list({ organisation }, { limit: 9 })
    expect(kept.map(({ key }) => key)).toEqual(['a', 'c'])
    // One commit, one notification.
    expect(heard).toEqual([kept.map(({ serial }) => ({ kind: 'device', device: serial }))])
  })

  it('shows later work of the same commit what earlier work wrote, and readers nothing before the commit', async () => {
    const seen: Array<string | undefined> = []
    await Promise.all([
      storage.transaction((stores) => stores.settings.set('name', 'written')),
      storage.transaction(async (stores) => {
        seen.push(await stores.settings.get('name'), await storage.read.settings.get('name'))
      }),
    ])
    expect(seen).toEqual(['written', undefined])
    expect(await storage.read.settings.get('name')).toBe('written')
  })

  it('answers poll reads while a transaction is waiting for something', async () => {
    const organisation = await insertOrganisation()
    const { promise: event, resolve } = Promise.withResolvers<void>()
    const waiting = storage.transaction(async (stores) => {
      await stores.organisations.update(organisation, { name: 'renamed' })
      await event
    })
    expect((await storage.read.organisations.find(organisation))?.revision).toBe(1)
    expect((await storage.management.organisations.find(organisation))?.revision).toBe(1)
    resolve()
    await waiting
    expect((await storage.read.organisations.find(organisation))?.revision).toBe(2)
  })

  it('refuses stores that outlive their transaction', async () => {
    const kept = await storage.transaction(async (stores) => stores)
    await expect(kept.settings.set('late', '1')).rejects.toMatchObject({ code: 'internal' })
    await expect(kept.settings.get('late')).rejects.toMatchObject({ code: 'internal' })
  })

  it('goes on when a listener throws, after the commit', async () => {
    const thrown: unknown[] = []
    const uncaught = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', (error) => thrown.push(error))
    try {
      storage.onChange(() => {
        throw new Error('a bug')
      })
      await storage.transaction((stores) => stores.settings.set('name', 'kept'))
      expect(await storage.read.settings.get('name')).toBe('kept')
      await new Promise((resume) => setImmediate(resume))
      expect(thrown).toMatchObject([{ message: 'a bug' }])
    } finally {
      for (const listener of uncaught) process.on('uncaughtException', listener)
    }
  })

  it('finishes what was begun when it closes, and refuses the rest', async () => {
    const begun = storage.transaction((stores) => stores.settings.set('name', 'kept'))
    const closed = storage.close()
    await begun
    await expect(storage.transaction(async () => 1)).rejects.toMatchObject({ code: 'unavailable' })
    await closed
    await storage.close()
    storage = await openSqlStorage({ kind: 'sqlite', file: file(), readWorker: false })
    expect(await storage.read.settings.get('name')).toBe('kept')
    expect(await storage.management.settings.get('name')).toBe('kept')
  })

  it('belongs to one storage at a time', async () => {
    const second = openSqlStorage({ kind: 'sqlite', file: file() })
    await expect(second).rejects.toMatchObject({
      code: 'storage-failed',
      message: expect.stringContaining('Another process'),
    })
    await storage.close()
    storage = await openSqlStorage({ kind: 'sqlite', file: file() })
    await storage.check()
  })

  it('says so when it cannot be opened', async () => {
    const nowhere = openSqlStorage({ kind: 'sqlite', file: join(folder.path, 'absent', 'godwit.db') })
    await expect(nowhere).rejects.toMatchObject({ code: 'storage-failed' })
  })

  it('keeps numbers, texts and members in their order', async () => {
    const organisation = await insertOrganisation()
    const attributes = { z: '1', a: '2', '10': '3', 'nul\u0000': 'lone \ud800' }
    const row = newDevice(organisation, { lastSeenAt: Number.MAX_SAFE_INTEGER, attributes })
    const { serial } = await storage.transaction((stores) => stores.devices.insert(row))
    const device = await storage.read.devices.find(serial)
    expect(device).toMatchObject({ lastSeenAt: Number.MAX_SAFE_INTEGER, attributes })
    expect(Object.keys(device?.attributes ?? {})).toEqual(Object.keys(attributes))
  })
})
