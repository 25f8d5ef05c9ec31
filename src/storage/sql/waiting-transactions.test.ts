import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import type { Storage } from '../../core/ports.ts'
import { openSqliteStorage } from './sqlite-storage.ts'

const MOST = 50
const FLOOD = 50_000

let storage: Storage | undefined
const folder = mkdtempSync(join(tmpdir(), 'godwit-limit-'))

afterEach(async () => {
  await storage?.close()
  rmSync(folder, { recursive: true, force: true })
})

it('refuses what a database that stands still cannot take in, in bounded memory, and loses nothing it admitted', async () => {
  const db = await openSqliteStorage({
    kind: 'sqlite',
    file: join(folder, 'a.db'),
    readWorker: false,
    waitingTransactions: MOST,
  })
  storage = db
  const stall = Promise.withResolvers<void>()
  const first = db.transaction(() => stall.promise)
  const admitted = Array.from({ length: MOST - 1 }, (_, index) =>
    db.transaction((stores) => stores.settings.set(`name-${index}`, 'x')),
  )
  const before = process.memoryUsage().heapUsed
  let refused = 0
  for (let sent = 0; sent < FLOOD; sent++)
    await db
      .transaction((stores) => stores.settings.set('too-late', 'x'))
      .catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'unavailable', details: { retryAfterSeconds: 5 } })
        refused += 1
      })
  expect(refused).toBe(FLOOD)
  expect((process.memoryUsage().heapUsed - before) / 2 ** 20).toBeLessThan(64)

  stall.resolve()
  await Promise.all([first, ...admitted])
  expect(await db.read.settings.get(`name-${MOST - 2}`)).toBe('x')
  expect(await db.read.settings.get('too-late')).toBeUndefined()
  await db.transaction((stores) => stores.settings.set('after', 'x'))
  expect(await db.read.settings.get('after')).toBe('x')
})
