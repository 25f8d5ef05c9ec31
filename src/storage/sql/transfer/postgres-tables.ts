import { Client } from 'pg'
import { OtaError } from '../../../core/errors.ts'
import { postgresDialect } from '../dialects/postgres.ts'
import { toOtaError } from '../sql-failure.ts'
import { parentsFirst } from './parents-first.ts'
import { NOT_COPIED, type StoredRow, type TableSource, type TableTarget } from './tables.ts'

const BATCH = 2_000

/** Tables of Godwit in the schema that a connection uses by default. */
const TABLES = `select table_name as name from information_schema.tables
  where table_schema = current_schema() and table_type = 'BASE TABLE' order by table_name`

const REFERENCES = `select child.relname as child, parent.relname as parent from pg_constraint
  join pg_class child on child.oid = conrelid join pg_class parent on parent.oid = confrelid
  where contype = 'f' and connamespace = current_schema()::regnamespace`

/** Runs `work` on all tables as they are at this moment, whatever is committed meanwhile. */
export function readPostgres<T>(url: string, work: (source: TableSource) => Promise<T>): Promise<T> {
  return inTransaction(url, 'begin isolation level repeatable read read only', (client) =>
    work({
      tables: () => tablesOf(client),
      rows: (table) => rowsOf(client, table),
      lastSerial: (table) => lastSerial(client, table),
    }),
  )
}

/** Throws `conflict` when there is a row in the (migrated) database. */
export function requireEmptyPostgres(url: string): Promise<void> {
  return fillPostgres(url, async () => undefined)
}

/** Runs `work` on a migrated database in one transaction. Throws `conflict` when there is a row in it. */
export function fillPostgres<T>(url: string, work: (target: TableTarget) => Promise<T>): Promise<T> {
  return inTransaction(url, 'begin', async (client) => {
    const tables = await tablesOf(client)
    await requireEmpty(client, tables)
    return work({
      tables: async () => tables,
      insert: (table, rows) => insert(client, table, rows),
      startAfter: (table, serial) => startAfter(client, table, serial),
    })
  })
}

async function inTransaction<T>(url: string, begin: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, application_name: 'godwit' })
  try {
    await client.connect()
    await client.query(begin)
    const result = await work(client)
    await client.query('commit')
    return result
  } catch (error) {
    throw toOtaError(error, '', postgresDialect)
  } finally {
    // What was not committed is rolled back.
    await client.end().catch(() => undefined)
  }
}

async function tablesOf(client: Client): Promise<readonly string[]> {
  const names = (await client.query(TABLES)).rows.map(({ name }) => String(name))
  const references = (await client.query(REFERENCES)).rows.map(({ child, parent }) => [String(child), String(parent)])
  return parentsFirst(
    names.filter((name) => !NOT_COPIED.has(name)),
    references as [string, string][],
  )
}

async function requireEmpty(client: Client, tables: readonly string[]): Promise<void> {
  for (const table of tables) {
    const { rowCount } = await client.query(`select 1 from "${table}" limit 1`)
    if (rowCount)
      throw new OtaError(
        'conflict',
        `The PostgreSQL database is not empty (${table}); a restore goes into an empty one.`,
      )
  }
}

async function* rowsOf(client: Client, table: string): AsyncGenerator<readonly StoredRow[]> {
  const order = (await isNumbered(client, table)) ? ' order by serial' : ''
  // As JSON, numbers are numbers: the driver gives 64-bit integers as text.
  await client.query(`declare all_rows no scroll cursor for select row_to_json(t) as row from "${table}" t${order}`)
  for (;;) {
    const { rows } = await client.query(`fetch ${BATCH} from all_rows`)
    if (rows.length === 0) break
    yield rows.map(({ row }) => row)
  }
  await client.query('close all_rows')
}

async function isNumbered(client: Client, table: string): Promise<boolean> {
  return (await sequenceOf(client, table)) !== null
}

async function sequenceOf(client: Client, table: string): Promise<string | null> {
  const { rows } = await client.query(
    `select pg_get_serial_sequence(quote_ident(table_name), column_name) as sequence from information_schema.columns
     where table_schema = current_schema() and table_name = $1 and column_name = 'serial'`,
    [table],
  )
  return rows[0]?.sequence ?? null
}

async function lastSerial(client: Client, table: string): Promise<number | undefined> {
  const sequence = await sequenceOf(client, table)
  if (sequence === null) return undefined
  const { rows } = await client.query(
    `select case when is_called then last_value else 0 end::text as last from ${sequence}`,
  )
  return Number(rows[0].last)
}

function insert(client: Client, table: string, rows: readonly StoredRow[]): Promise<void> {
  const columns = Object.keys(rows[0] ?? {}).map((column) => `"${column}"`)
  const names = columns.join(', ')
  return client
    .query(
      `insert into "${table}" (${names}) select ${names} from json_populate_recordset(null::"${table}", $1::json)`,
      [JSON.stringify(rows)],
    )
    .then(() => undefined)
}

async function startAfter(client: Client, table: string, serial: number): Promise<void> {
  const sequence = await sequenceOf(client, table)
  if (sequence !== null && serial > 0) await client.query('select setval($1::regclass, $2::bigint)', [sequence, serial])
}
