import { createHash } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'

/** A database that is filled by statements of its own, past the server. */
export interface CloneTarget {
  /** SQL of the lower-case hex of the SHA-256 of a text. */
  sha256(text: string): string
  /** SQL of a whole number as 16 hex digits. */
  hex16(number: string): string
  columns(table: string): Promise<string[]>
  /** Statements that each stand for the numbers `:from` to `:to`, exclusive, as `numbers(n)`. */
  numbers(from: number, to: number): string
  one(sql: string): Promise<Record<string, unknown>>
  run(sql: string): Promise<void>
  /** After rows with serials of their own: later ones get larger numbers. */
  pushSerial(table: string): Promise<void>
  /** Statistics and free space as a database that has lived has them; then closed. */
  finish(): Promise<void>
}

/** Not durable while it is filled: a fleet that breaks off is made anew. */
export function sqliteTarget(file: string): CloneTarget {
  const database = new DatabaseSync(file)
  database.exec('pragma synchronous = off; pragma cache_size = -1048576; pragma foreign_keys = off')
  database.function('bench_sha256', { deterministic: true }, (text) =>
    createHash('sha256').update(String(text)).digest('hex'),
  )
  return {
    sha256: (text) => `bench_sha256(${text})`,
    hex16: (number) => `printf('%016x', ${number})`,
    columns: async (table) =>
      database
        .prepare('select name from pragma_table_info(?)')
        .all(table)
        .map((row) => String(row['name'])),
    numbers: (from, to) =>
      `with recursive numbers(n) as (select ${from} union all select n + 1 from numbers where n + 1 < ${to})`,
    one: async (sql) => database.prepare(sql).get() ?? {},
    run: async (sql) => database.exec(sql),
    pushSerial: async () => undefined,
    async finish() {
      database.exec('pragma wal_checkpoint(truncate)')
      database.close()
    },
  }
}

export async function postgresTarget(url: string): Promise<CloneTarget> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query("set synchronous_commit = off; set maintenance_work_mem = '256MB'")
  const one = async (sql: string) => (await client.query(sql)).rows[0] ?? {}
  return {
    sha256: (text) => `encode(sha256(convert_to(${text}, 'UTF8')), 'hex')`,
    hex16: (number) => `lpad(to_hex(${number}), 16, '0')`,
    columns: async (table) =>
      (
        await client.query(
          `select column_name from information_schema.columns
            where table_schema = current_schema() and table_name = $1 and is_generated = 'NEVER'`,
          [table],
        )
      ).rows.map((row) => String(row.column_name)),
    numbers: (from, to) => `with numbers(n) as (select generate_series(${from}::bigint, ${to - 1}::bigint))`,
    one,
    run: async (sql) => {
      await client.query(sql)
    },
    pushSerial: async (table) => {
      await client.query(`select setval('${table}_serial_seq', (select max(serial) from ${table}))`)
    },
    async finish() {
      await client.query('vacuum analyze')
      await client.query('checkpoint')
      await client.end()
    },
  }
}
