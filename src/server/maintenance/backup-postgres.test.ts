import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Client } from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { configFor, type Planted, plant, withCore } from '../../../test/support/installation.ts'
import { sharedPostgres } from '../../../test/support/postgres.ts'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { SYSTEM } from '../../core/event/event.ts'
import { blobPlace } from '../../storage/blob/blob-path.ts'
import { migrateDatabase } from '../../storage/sql/inspect-database.ts'
import { masterKeyFile } from '../config/places.ts'
import type { Config } from '../config/settings.ts'
import { createBackup } from './create-backup.ts'
import { restoreBackup } from './restore-backup.ts'

const postgres = await sharedPostgres()
const folder = await temporaryFolder()
afterAll(() => folder.remove())
let count = 0
const newPlace = () => join(folder.path, `place-${count++}`)
const KEY = Buffer.alloc(32, 9).toString('base64')
const options = { now: Date.UTC(2026, 10, 1, 12) }

/** An empty PostgreSQL database, and a data directory for its firmware. */
async function onPostgres(url?: string): Promise<Config> {
  if (postgres.kind === 'none') throw new Error(postgres.skip)
  const database = url ?? (await postgres.createDatabase())
  return configFor(newPlace(), { GODWIT_DATABASE_URL: database, GODWIT_MASTER_KEY: KEY })
}

async function planted(): Promise<{ config: Config; planted: Planted }> {
  const config = await onPostgres()
  await migrateDatabase({ kind: 'postgres', url: config.databaseUrl ?? '' })
  return { config, planted: await plant(config) }
}

/** Device, secret and bytes are there, and the next device has a number that none had. */
async function expectSame(config: Config, planted: Planted): Promise<void> {
  await withCore(config, async (core) => {
    const device = await core.devices.get(planted.organisation, 'truck-17')
    expect(device.id).toBe(planted.deviceId)
    const [credential] = await core.deps.storage.read.credentials.listByDevice(device.serial, 'iotaap')
    expect(credential && core.credentials.reveal(credential)).toBe(planted.iotaapToken)
    const scope = { actor: SYSTEM, organisation: planted.organisation }
    expect((await core.devices.create(scope, { key: 'truck-18' })).serial).toBe(device.serial + 1_000_001)
  })
  expect(readFileSync(blobPlace(join(config.data, 'blobs'), planted.sha256).file).equals(planted.bytes)).toBe(true)
}

describe.skipIf(postgres.kind === 'none')('a backup', () => {
  it('of PostgreSQL fills another PostgreSQL, or a data directory', { timeout: 60_000 }, async () => {
    const { config, planted: made } = await planted()
    const file = newPlace()
    expect(await createBackup(config, file, options)).toMatchObject({ blobs: 1 })
    const other = await onPostgres()
    expect(await restoreBackup(other, file)).toMatchObject({ blobs: 1, masterKey: 'present' })
    await expectSame(other, made)
    expect(readdirSync(other.data).toSorted()).toEqual(['blobs', 'tmp'])

    const embedded = configFor(newPlace(), { GODWIT_MASTER_KEY: KEY })
    await restoreBackup(embedded, file)
    await expectSame(embedded, made)
  })

  it('of a data directory fills PostgreSQL: the way to grow', { timeout: 60_000 }, async () => {
    const small = configFor(newPlace(), { GODWIT_MASTER_KEY: KEY })
    const made = await plant(small)
    const file = newPlace()
    await createBackup(small, file, options)
    const large = await onPostgres()
    await restoreBackup(large, file)
    await expectSame(large, made)
    await expect(restoreBackup(large, file)).rejects.toMatchObject({ code: 'conflict' })
  })

  it('is of one moment, while servers write', { timeout: 60_000 }, async () => {
    const { config, planted: made } = await planted()
    const file = newPlace()
    await withCore(config, async (core) => {
      const scope = { actor: SYSTEM, organisation: made.organisation }
      const writing = Promise.all(
        Array.from({ length: 50 }, (_, index) => core.devices.create(scope, { key: `late-${index}` })),
      )
      await createBackup(config, file, options)
      await writing
    })
    const to = configFor(newPlace(), { GODWIT_MASTER_KEY: KEY })
    await restoreBackup(to, file)
    const database = new DatabaseSync(join(to.data, 'godwit.db'), { readOnly: true })
    const number = (query: string) => Number(Object.values(database.prepare(query).get() ?? {})[0])
    const devices = number('select count(*) from devices')
    expect(number("select count from tallies where name = 'devices'")).toBe(devices)
    expect(number("select count(*) from events where type = 'device.created'")).toBe(devices)
    database.close()
  })

  it('with its key opens the secrets elsewhere; PostgreSQL is told the key by the operator', async () => {
    const { config } = await planted()
    const file = newPlace()
    await createBackup(config, file, { ...options, withKey: true })
    const to = configFor(newPlace())
    expect(await restoreBackup(to, file)).toMatchObject({ masterKey: 'backup' })
    expect(readFileSync(masterKeyFile(to), 'utf8').trim()).toBe(KEY)
  })

  it('that is damaged leaves PostgreSQL empty', { timeout: 60_000 }, async () => {
    const { config } = await planted()
    const file = newPlace()
    await createBackup(config, file, options)
    const good = readFileSync(file)
    const database = new DatabaseSync(file)
    database.prepare("update backup_part set bytes = x'00' where part = 0 and entry = 2").run()
    database.close()
    const to = await onPostgres()
    await expect(restoreBackup(to, file)).rejects.toMatchObject({ code: 'blob-damaged' })
    writeFileSync(file, good)
    expect(await restoreBackup(to, file)).toMatchObject({ blobs: 1 })
  })

  it('by other tools: the statement of docs/backup.md makes every sequence jump', async () => {
    const { config, planted: made } = await planted()
    const page = readFileSync(new URL('../../../docs/backup.md', import.meta.url), 'utf8')
    const [, statement = ''] = /```sql\n([\s\S]*?)```/.exec(page) ?? []
    const client = new Client({ connectionString: config.databaseUrl ?? '' })
    await client.connect()
    await client.query(statement)
    await client.end()
    await withCore(config, async (core) => {
      const scope = { actor: SYSTEM, organisation: made.organisation }
      const { serial } = await core.devices.create(scope, { key: 'truck-18' })
      expect(serial).toBeGreaterThan(made.device + 1_000_000)
      expect(serial).toBeLessThan(made.device + 1_000_010)
    })
  })
})
