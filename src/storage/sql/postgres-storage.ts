import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { OtaError } from '../../core/errors.ts'
import type { Change, ChangeListener, Storage, Stores } from '../../core/ports.ts'
import { WaitingLimit } from '../../core/waiting-limit.ts'
import { CommitListeners } from './commit-listeners.ts'
import { MANAGEMENT_POOL_SIZE } from './connections.ts'
import { DEFAULT_DATABASE_LIMITS } from './database-limits.ts'
import { postgresDialect } from './dialects/postgres.ts'
import { migrate, requireKnown, schemaStanding } from './migrate.ts'
import { migrationsFor } from './migrations/migrations.ts'
import { NestingGuard } from './nesting-guard.ts'
import { type Announcement, PostgresChangeFeed } from './postgres-change-feed.ts'
import { poolExecutor } from './postgres-executor.ts'
import { runTransaction } from './postgres-transaction.ts'
import { Session } from './session.ts'
import { isWorthRepeating, storageFailed, toOtaError } from './sql-failure.ts'
import { createSqlStores } from './sql-stores.ts'

export interface PostgresOptions {
  readonly kind: 'postgres'
  /** `postgres://user:password@host:port/database`. */
  readonly url: string
  /** Connections for transactions and poll reads. Default 10. */
  readonly poolSize?: number
  /** Connections for long reads, so that operators never wait in the way of polls. Default 2. */
  readonly managementPoolSize?: number
  /** Longest time that a long read may take, ms. Default 30,000. */
  readonly managementTimeoutMs?: number
  /** Longest wait for a connection, ms. Default 10,000. */
  readonly connectTimeoutMs?: number
  /** How often other processes' changes are read when no notification came, ms. Default 250. */
  readonly changePollMs?: number
  /** After so long without such a reading nothing that is remembered is believed, ms. Default 2,000. */
  readonly changeTrustMs?: number
  /** See `WaitingLimit`. */
  readonly waitingTransactions?: number | undefined
  /** Bring the schema up to date; otherwise pending migrations are refused. */
  readonly migrate?: boolean
}

/** The database ends a transaction whose process has fallen silent, so that its locks bar nobody for longer. */
const IDLE_TRANSACTION_MS = 10_000

/** How often a transaction runs at most when others keep getting in its way. */
const ATTEMPTS = 8

/** Opens a database that `godwit migrate` has prepared. Throws `storage-failed`, or `unavailable` when nobody answers. */
export async function openPostgresStorage(options: PostgresOptions): Promise<Storage> {
  const pools = createPools(options)
  try {
    await prepareSchema(pools.main, options.migrate ?? false)
    const storage = new PostgresStorage(pools, options)
    await storage.invalidation.start()
    return storage
  } catch (error) {
    await closePools(pools)
    throw toOtaError(error, '', postgresDialect)
  }
}

interface Pools {
  readonly main: pg.Pool
  readonly management: pg.Pool
}

const INT8 = 20

/** 64-bit integers as numbers: whatever Godwit stores is below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === INT8 ? Number : pg.types.getTypeParser(oid, format as 'text'),
}

function createPools(options: PostgresOptions): Pools {
  const {
    url,
    poolSize = DEFAULT_DATABASE_LIMITS.poolSize,
    managementPoolSize = MANAGEMENT_POOL_SIZE,
    managementTimeoutMs = 30_000,
    connectTimeoutMs = 10_000,
  } = options
  const common = { connectionString: url, types, connectionTimeoutMillis: connectTimeoutMs, application_name: 'godwit' }
  const pools = {
    main: new pg.Pool({ ...common, max: poolSize, idle_in_transaction_session_timeout: IDLE_TRANSACTION_MS }),
    management: new pg.Pool({ ...common, max: managementPoolSize, statement_timeout: managementTimeoutMs }),
  }
  // A connection that breaks is replaced at the next query, which reports what is wrong: an idle one, and one that is just
  // being handed out. PostgreSQL may say in one breath that a transaction has begun and that it is going down.
  for (const pool of Object.values(pools)) {
    pool.on('error', () => {})
    pool.on('connect', (client) => client.on('error', () => {}))
  }
  return pools
}

/** Its questions are answered within the time in which the answer is of use, or the connection counts as broken. */
function feedClient(options: PostgresOptions): pg.Client {
  const trustMs = options.changeTrustMs ?? DEFAULT_DATABASE_LIMITS.changeTrustMs
  return new pg.Client({
    connectionString: options.url,
    types,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 10_000,
    query_timeout: trustMs,
    keepAlive: true,
    application_name: 'godwit-changes',
  })
}

async function closePools(pools: Pools): Promise<void> {
  await Promise.all([pools.main.end(), pools.management.end()])
}

async function prepareSchema(pool: pg.Pool, mayMigrate: boolean): Promise<void> {
  const db = new Kysely({ dialect: new PostgresDialect({ pool }) })
  if (mayMigrate) {
    await migrate(db, postgresDialect)
    return
  }
  const standing = await schemaStanding(db, postgresDialect)
  requireKnown(standing, migrationsFor(postgresDialect))
  const { pending } = standing
  if (pending.length > 0) {
    throw new OtaError('storage-failed', `The database schema is behind (${pending.join(', ')}): run godwit migrate`, {
      details: { pending },
    })
  }
}

class PostgresStorage implements Storage {
  readonly invalidation: PostgresChangeFeed
  readonly read: Stores
  readonly management: Stores
  readonly #pools: Pools
  readonly #limit: WaitingLimit
  readonly #listeners = new CommitListeners()
  readonly #nesting = new NestingGuard()
  #closing: Promise<void> | undefined

  constructor(pools: Pools, options: PostgresOptions) {
    this.#pools = pools
    this.#limit = new WaitingLimit(options.waitingTransactions)
    this.invalidation = new PostgresChangeFeed({
      client: () => feedClient(options),
      pollMs: options.changePollMs ?? DEFAULT_DATABASE_LIMITS.changePollMs,
      trustMs: options.changeTrustMs ?? DEFAULT_DATABASE_LIMITS.changeTrustMs,
      onChanges: (changes) => this.#listeners.notify(changes, 'other'),
    })
    this.read = createSqlStores(new Session(postgresDialect, poolExecutor(pools.main), 'read'))
    this.management = createSqlStores(new Session(postgresDialect, poolExecutor(pools.management), 'read'))
  }

  transaction<T>(work: (stores: Stores) => Promise<T>): Promise<T> {
    return this.#nesting.check(() => this.#limit.run(() => this.#transaction(work)))
  }

  async #transaction<T>(work: (stores: Stores) => Promise<T>): Promise<T> {
    if (this.#closing) throw new OtaError('unavailable', 'The database is closed')
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await runTransaction(
          this.#pools.main,
          (stores) => this.#nesting.within(() => work(stores)),
          (changes) => this.#announce(changes),
        )
      } catch (error) {
        if (attempt >= ATTEMPTS || !isWorthRepeating(error, postgresDialect)) throw error
      }
    }
  }

  /** Listeners hear of a commit whose outcome is not known at once, and again when it turns out to have happened. */
  #announce(changes: readonly Change[]): Announcement | undefined {
    const announcement = this.invalidation.announce(changes)
    return (
      announcement && {
        sql: announcement.sql,
        committed: () => {
          this.#listeners.notify(changes, 'own')
          announcement.committed()
        },
        unsure: () => {
          announcement.unsure()
          this.#listeners.notify(changes, 'own')
        },
      }
    )
  }

  onChange(listener: ChangeListener): void {
    this.#listeners.add(listener)
  }

  async check(): Promise<void> {
    try {
      await this.#pools.main.query('select 1 from settings limit 1')
    } catch (cause) {
      throw storageFailed('The database does not answer', cause)
    }
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all([this.invalidation.close(), closePools(this.#pools)]).then(() => undefined)
    return this.#closing
  }
}
