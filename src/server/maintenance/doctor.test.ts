import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, expect, it } from 'vitest'
import { configFor, plant } from '../../../test/support/installation.ts'
import { sharedPostgres } from '../../../test/support/postgres.ts'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { invalid } from '../../core/errors.ts'
import { DEVICE_SEARCH_REMEDY } from '../../storage/sql/dialects/postgres-device-search.ts'
import { migrateDatabase } from '../../storage/sql/inspect-database.ts'
import type { Config } from '../config/settings.ts'
import { examine } from './doctor.ts'
import type { Finding } from './finding.ts'

const postgres = await sharedPostgres()
const folder = await temporaryFolder()
afterAll(() => folder.remove())
let count = 0
const newFolder = () => join(folder.path, `data-${count++}`)

async function findings(
  config: Config,
  more: { now?: number; nodeVersion?: string } = {},
): Promise<Record<string, Finding['verdict']>> {
  const found = await examine({ config: () => config, nodeVersion: 'v24.21.0', now: Date.now(), ...more })
  return Object.fromEntries(found.map(({ check, verdict }) => [check, verdict]))
}

const GOOD = {
  'Node.js': 'ok',
  configuration: 'ok',
  'data directory': 'ok',
  disk: 'ok',
  database: 'ok',
  'master key': 'ok',
  blobs: 'ok',
  clock: 'ok',
}

it('finds a planted installation good', async () => {
  const config = configFor(newFolder())
  await plant(config)
  expect(await findings(config)).toEqual(GOOD)
})

it('warns of what the first start will make', async () => {
  const found = await findings(configFor(newFolder()))
  expect(found).toMatchObject({ 'data directory': 'warn', database: 'warn', 'master key': 'warn' })
  expect(Object.values(found)).not.toContain('fail')
})

it('fails on a bad configuration and looks no further', async () => {
  const config = () => {
    throw invalid('port', 'is not a number')
  }
  const found = await examine({ config, nodeVersion: 'v24.21.0', now: Date.now() })
  expect(found).toEqual([
    { check: 'Node.js', verdict: 'ok', detail: 'v24.21.0' },
    { check: 'configuration', verdict: 'fail', detail: 'port: is not a number' },
  ])
})

it('fails on an old Node.js', async () => {
  expect(await findings(configFor(newFolder()), { nodeVersion: 'v24.6.0' })).toMatchObject({ 'Node.js': 'fail' })
})

it('fails without the master key, and under another one', async () => {
  const config = configFor(newFolder())
  await plant(config)
  const key = join(config.data, 'master.key')
  rmSync(key)
  expect(await findings(config)).toEqual({ ...GOOD, 'master key': 'fail' })
  writeFileSync(key, Buffer.alloc(32).toString('base64'), { mode: 0o600 })
  expect(await findings(config)).toEqual({ ...GOOD, 'master key': 'fail' })
})

it('warns of rights that let others in', async () => {
  const config = configFor(newFolder())
  await plant(config)
  chmodSync(config.data, 0o755)
  chmodSync(join(config.data, 'master.key'), 0o644)
  expect(await findings(config)).toEqual({ ...GOOD, 'data directory': 'warn', 'master key': 'warn' })
})

it('fails on a clock that runs behind', async () => {
  const config = configFor(newFolder())
  await plant(config)
  expect(await findings(config, { now: Date.UTC(2025, 5, 1) })).toEqual({ ...GOOD, clock: 'fail' })
  expect(await findings(config, { now: 0 })).toEqual({ ...GOOD, clock: 'fail' })
})

it('fails on a database that is none', async () => {
  const config = configFor(newFolder())
  await plant(config)
  writeFileSync(join(config.data, 'godwit.db'), 'not a database at all, only text')
  expect(await findings(config)).toEqual({ ...GOOD, database: 'fail' })
})

it.skipIf(postgres.kind === 'none')('says when searches have no index on PostgreSQL, and how it is made', async () => {
  if (postgres.kind === 'none') return
  const url = await postgres.createDatabase()
  await migrateDatabase({ kind: 'postgres', url })
  const config = configFor(newFolder(), {
    GODWIT_DATABASE_URL: url,
    GODWIT_MASTER_KEY: Buffer.alloc(32).toString('base64'),
  })
  expect(await findings(config)).toMatchObject({ database: 'ok' })
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query('drop extension pg_trgm cascade')
  expect(await findings(config)).toMatchObject({ database: 'warn' })
  for (const statement of DEVICE_SEARCH_REMEDY.split('; ')) await client.query(statement)
  await client.end()
  expect(await findings(config)).toMatchObject({ database: 'ok' })
})

it.skipIf(postgres.kind === 'none')('says when PostgreSQL needs its migrations', async () => {
  if (postgres.kind === 'none') return
  const env = {
    GODWIT_DATABASE_URL: await postgres.createDatabase(),
    GODWIT_MASTER_KEY: Buffer.alloc(32).toString('base64'),
  }
  const config = configFor(newFolder(), env)
  expect(await findings(config)).toMatchObject({ database: 'fail', 'master key': 'ok' })
})
