import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { configFor, plant, withCore } from '../../../../test/support/installation.ts'
import { sharedPostgres } from '../../../../test/support/postgres.ts'
import { temporaryFolder } from '../../../../test/support/temporary-folder.ts'
import { SYSTEM } from '../../../core/event/event.ts'
import { migrateDatabase } from '../inspect-database.ts'
import { fillPostgres, readPostgres } from './postgres-tables.ts'
import { SqliteFile } from './sqlite-file.ts'
import { copyTables, type StoredRow, type TableSource } from './tables.ts'

const postgres = await sharedPostgres()
const folder = await temporaryFolder()
afterAll(() => folder.remove())
let count = 0
const newFile = () => SqliteFile.open(join(folder.path, `copy-${count++}.db`))
const KEY = Buffer.alloc(32, 7).toString('base64')

interface Contents {
  readonly rows: Record<string, StoredRow[]>
  readonly serials: Record<string, number | undefined>
}

async function contents(source: TableSource, tables: readonly string[]): Promise<Contents> {
  const found: Contents = { rows: {}, serials: {} }
  for (const table of tables) {
    const rows: StoredRow[] = []
    for await (const batch of source.rows(table)) rows.push(...batch)
    found.rows[table] = rows
      .map((row) => mapped(row))
      .toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
    found.serials[table] = await source.lastSerial(table)
  }
  return found
}

/** Flags are numbers in one database and booleans in the other; columns stand in an order of their own. */
function mapped(row: StoredRow): StoredRow {
  const entries = Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([name, value]) => [name, typeof value === 'boolean' ? Number(value) : value]))
}

/** A whole installation with awkward text, and one table of more rows than a batch has. */
async function installation(): Promise<string> {
  const url = await database()
  const config = configFor(join(folder.path, `data-${count++}`), { GODWIT_DATABASE_URL: url, GODWIT_MASTER_KEY: KEY })
  const { organisation } = await plant(config)
  await withCore(config, async (core) => {
    const tags = { note: '"quoted" \\u0041 ü 🐦\n' }
    await core.devices.create({ actor: SYSTEM, organisation }, { key: 'truck-18', tags })
  })
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query("insert into settings (name, value) select 's' || n, n::text from generate_series(1, 4500) n")
  await client.end()
  return url
}

/** A migrated database without rows. */
async function database(): Promise<string> {
  if (postgres.kind === 'none') throw new Error(postgres.skip)
  const url = await postgres.createDatabase()
  await migrateDatabase({ kind: 'postgres', url })
  return url
}

describe.skipIf(postgres.kind === 'none')('from PostgreSQL to a file and back', () => {
  it('is the same in every row, and no number is given again', { timeout: 60_000 }, async () => {
    const url = await installation()
    const file = await newFile()
    const tables = await file.tables()
    const before = await readPostgres(url, (source) => contents(source, tables))
    const rows = await readPostgres(url, (source) => copyTables(source, file))
    expect(rows).toBe(Object.values(before.rows).reduce((sum, { length }) => sum + length, 0))
    expect(await contents(file, tables)).toEqual(before)
    expect(before.rows['settings']?.length).toBeGreaterThanOrEqual(4_500)

    const back = await database()
    await fillPostgres(back, (target) => copyTables(file, target, { serialJump: 1_000_000 }))
    const after = await readPostgres(back, (source) => contents(source, tables))
    expect(after.rows).toEqual(before.rows)
    expect(before.serials['devices']).toBe(2)
    expect(after.serials['devices']).toBe(1_000_002)
    expect(after.serials['data_files']).toBe(1_000_000)

    await expect(fillPostgres(back, (target) => copyTables(file, target))).rejects.toMatchObject({ code: 'conflict' })
    expect((await readPostgres(back, (source) => contents(source, tables))).rows).toEqual(before.rows)
    file.close()
  })

  it('copies every table that PostgreSQL has', async () => {
    const file = await newFile()
    const there = await fillPostgres(await database(), (target) => target.tables())
    expect([...there].toSorted()).toEqual(await file.tables())
    file.close()
  })
})
