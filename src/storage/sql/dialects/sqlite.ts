import { type RawBuilder, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler, sql } from 'kysely'
import { camelCase } from '../camel-case.ts'
import type { Failure, SqlDialect } from './dialect.ts'
import { createDeviceSearch, findDeviceParts } from './sqlite-device-search.ts'

const BUSY = 5
const FULL = 13
/** Growing the WAL's index in shared memory, which is a file too. */
const IOERR_SHMSIZE = 4874
/** The second is what `on delete restrict` reports. */
const REFERENCE: readonly unknown[] = [787, 1811]
const CONSTRAINT_PRIMARY_KEY = 1555
const CONSTRAINT_UNIQUE = 2067
const CONSTRAINT_ROWID = 2579
const UNIQUE: readonly unknown[] = [CONSTRAINT_UNIQUE, CONSTRAINT_PRIMARY_KEY, CONSTRAINT_ROWID]

export const sqliteDialect: SqlDialect = {
  name: 'SQLite',
  types: { text: 'text', integer: 'integer', flag: 'boolean' },
  withSerial: (table) => table.addColumn('serial', 'integer', (column) => column.primaryKey().autoIncrement()),
  pushSerial: undefined,
  canDropNotNull: false,
  locksRows: false,
  log: undefined,
  tellsOthers: false,
  now: sql<number>`cast(unixepoch('subsec') * 1000 as integer)`,
  hasStatistics: false,
  bulkRows: 1,
  bulk: undefined,
  labelOf: (column, name) => textAt(column, [name]),
  textAt,
  holds: (text, part) => sql`instr(${text}, ${part}) > 0`,
  createDeviceSearch,
  hasDeviceSearch: async () => true,
  findDeviceParts,
  maxParameters: 32_766,
  createAdapter: () => new TransactionalSqliteAdapter(),
  createQueryCompiler: () => new SqliteQueryCompiler(),
  createIntrospector: (db) => new SqliteIntrospector(db),
  failureOf,
}

/** A name in a path is quoted as in JSON. */
function textAt(column: string, path: ReadonlyArray<string | number>): RawBuilder<string | null> {
  const steps = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${JSON.stringify(step)}`))
  return sql`json_extract(${sql.ref(column)}, ${`$${steps.join('')}`})`
}

/** Kysely leaves migrations of SQLite outside a transaction, although SQLite can undo DDL. */
class TransactionalSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return { kind: 'other' }
  if (UNIQUE.includes(error.errcode)) return { kind: 'unique', ...uniqueKey(error.message) }
  if (REFERENCE.includes(error.errcode)) return { kind: 'reference' }
  if ((error.errcode & 0xff) === BUSY) return { kind: 'again' }
  if (error.errcode === FULL || error.errcode === IOERR_SHMSIZE) return { kind: 'full' }
  return { kind: 'other' }
}

/** `UNIQUE constraint failed: devices.organisation, devices.key`, or `… failed: index 'firmware__version'`. */
function uniqueKey(message: string): { table: string; field: string } {
  const [, table = '', column = ''] =
    /index '(\w+?)__(\w+)'/.exec(message) ?? /(\w+)\.(\w+)$/.exec(message.trim()) ?? []
  return { table, field: camelCase(column) }
}
