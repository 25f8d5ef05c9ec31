import { PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, type RawBuilder, sql } from 'kysely'
import { camelCase } from '../camel-case.ts'
import type { Failure, SqlDialect } from './dialect.ts'
import { createDeviceSearch, hasDeviceSearch } from './postgres-device-search.ts'

/** Announced numbers are advisory locks with this added: far from the keys that others use. */
const ANNOUNCED = sql.raw('6900000000000000000')

/** Escapes in JSON that stand for what PostgreSQL's text cannot hold: NUL and halves of surrogate pairs. */
const UNKEPT = sql.lit(String.raw`(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})`)

export const postgresDialect: SqlDialect = {
  name: 'PostgreSQL',
  types: {
    // "C": the order of code points whatever the server's locale, and no index breaks when the C library is upgraded.
    text: sql`text collate "C"`,
    integer: 'bigint',
    flag: 'boolean',
  },
  withSerial: (table) =>
    table.addColumn('serial', 'bigint', (column) => column.primaryKey().generatedByDefaultAsIdentity()),
  pushSerial: (table, serial) => {
    const sequence = `${table}_serial_seq`
    return sql`select setval(${sequence}::regclass, ${serial}::bigint) from ${sql.table(sequence)}
      where last_value <= ${serial}`
  },
  canDropNotNull: true,
  locksRows: true,
  log: {
    // Shared, so nobody waits; the lock goes once the transaction has become visible, never before.
    announce: (table) => sql`select pg_advisory_xact_lock_shared(
        ${ANNOUNCED} + case when is_called then last_value else last_value - 1 end)::text as announced
      from ${sql.table(`${table}_serial_seq`)}`,
    next: (table) => sql<number>`nextval(${sql.lit(`${table}_serial_seq`)})`,
    lowest: sql<number | null>`(select min((classid::bigint << 32) + objid::bigint) - ${ANNOUNCED} from pg_locks
      where locktype = 'advisory' and objsubid = 1
        and database = (select oid from pg_database where datname = current_database())
        and (classid::bigint << 32) + objid::bigint between ${ANNOUNCED} and ${ANNOUNCED} + 9007199254740992)`,
  },
  tellsOthers: true,
  now: sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`,
  hasStatistics: true,
  bulkRows: 1_000,
  bulk: {
    isOneOf: (column, list, type) => sql<boolean>`${sql.ref(column)} = any(cast(${list} as ${sql.raw(type)}[]))`,
    given: (json, columns) => {
      const typed = Object.entries(columns).map(([name, type]) => sql`${sql.ref(name)} ${sql.raw(type)}`)
      return sql`json_to_recordset(cast(${json} as json)) as given(${sql.join(typed)})`
    },
  },
  labelOf: (column, name) => textAt(column, [name]),
  textAt,
  holds: (text, part) => sql`strpos(${text}, ${part}) > 0`,
  createDeviceSearch,
  hasDeviceSearch,
  findDeviceParts: () => undefined,
  maxParameters: 65_535,
  createAdapter: () => new PostgresAdapter(),
  createQueryCompiler: () => new PostgresQueryCompiler(),
  createIntrospector: (db) => new PostgresIntrospector(db),
  failureOf,
}

/** An escape that cannot be kept, anywhere in the column, would fail the query: it becomes the replacement character. */
function textAt(column: string, path: ReadonlyArray<string | number>): RawBuilder<string | null> {
  const json = sql.ref(column)
  const kept = sql`(case when strpos(${json}, ${sql.lit('\\u')}) = 0 then ${json}
    else regexp_replace(${json}, ${UNKEPT}, ${sql.lit('\\1\ufffd')}, 'g') end)::json`
  return path.reduce<RawBuilder<string | null>>(
    (at, step, index) => {
      const key = typeof step === 'number' ? sql`cast(${step} as integer)` : sql`cast(${step} as text)`
      return index === path.length - 1 ? sql`${at} ->> ${key}` : sql`(${at} -> ${key})`
    },
    kept as RawBuilder<string | null>,
  )
}

const TEXT = new Set(['22021', '22P05'])
const AGAIN = new Set(['40001', '40P01'])
const DISK_FULL = '53100'
/** The server shuts down or crashed; the socket broke. */
const DISCONNECTED = new Set(['57P01', '57P02', '08003', '08006', 'ECONNRESET', 'EPIPE'])
/** The server is starting or stopping, or has no connection left; nobody listens at its address. */
const UNREACHABLE = new Set(['57P03', '53300', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'EAI_AGAIN'])
/** What `pg` says of a connection that broke under a statement, or before it. */
const BROKEN = /^Connection terminated|not queryable$/
/** What `pg` says when connecting takes too long. */
const NO_CONNECTION =
  /^(timeout exceeded when trying to connect|timeout expired|Connection terminated due to connection timeout)/

function failureOf(error: unknown): Failure {
  const code = textOf(error, 'code')
  if (code === '23505') return { kind: 'unique', ...uniqueKey(textOf(error, 'constraint'), textOf(error, 'table')) }
  if (code === '23503') return { kind: 'reference' }
  if (TEXT.has(code)) return { kind: 'text' }
  if (AGAIN.has(code)) return { kind: 'again' }
  if (code === DISK_FULL) return { kind: 'full' }
  if (UNREACHABLE.has(code) || NO_CONNECTION.test(textOf(error, 'message'))) return { kind: 'unreachable' }
  const isDisconnected = DISCONNECTED.has(code) || BROKEN.test(textOf(error, 'message'))
  return { kind: isDisconnected ? 'disconnected' : 'other' }
}

/** Unique indexes are called `<table>__<field>`, primary keys `<table>_pkey`. */
function uniqueKey(constraint: string, table: string): { table: string; field: string } {
  const [, field = 'serial'] = /__(\w+)$/.exec(constraint) ?? []
  return { table, field: camelCase(field) }
}

function textOf(error: unknown, name: string): string {
  const value: unknown = error instanceof Error ? Reflect.get(error, name) : undefined
  return typeof value === 'string' ? value : ''
}
