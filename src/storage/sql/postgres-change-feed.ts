import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import type { Change, Invalidation } from '../../core/ports.ts'
import { ChangePosition, type ChangeQuestion, type ChangeReading, type ChangeRow } from './change-position.ts'
import { changeText, parseChangeText } from './change-text.ts'

export interface ChangeFeedOptions {
  /** A connection of its own, not yet connected. */
  readonly client: () => pg.Client
  /** The log is read so often when nobody says that there is something, ms. */
  readonly pollMs: number
  /** After so long without a complete reading nothing that is remembered is believed, ms. */
  readonly trustMs: number
  readonly onChanges: (changes: readonly Change[]) => void
}

/** What a transaction writes as its last statement, in one message with its `commit`. */
export interface Announcement {
  readonly sql: string
  /** The transaction ended, or may have ended, without the process knowing its outcome. */
  unsure(): void
  /** The transaction was committed. */
  committed(): void
}

const CHANNEL = 'godwit_changes'
/** Rows of one reading. */
const BATCH = 5_000
/** Between two readings, and between two calls to others, ms. */
const PAUSE_MS = 25
/** Between two attempts to connect, ms. */
const RECONNECT_MS = 500
/** Rows are kept so long: a process that stood still for longer begins anew. */
const RETAINED_SECONDS = 300
const PRUNE_MS = 60_000
const PRUNED_AT_ONCE = 10_000
/** Own commits of unknown outcome that are remembered. */
const MOST_UNSURE = 10_000

/** Rows and the oldest one in the statement's snapshot, and then, which is later, who writes. */
const READ = `select m.oldest, m.writers, n.serial, n.origin, n.what
  from (select (select min(serial) from changes) as oldest, case when $3::boolean then (
    select coalesce(array_agg(virtualtransaction), '{}') from pg_locks
    where locktype = 'relation' and relation = 'changes'::regclass and mode = 'RowExclusiveLock' and granted
      and database = (select oid from pg_database where datname = current_database())) end as writers) m
  left join lateral (
    select * from (
      select serial, origin, what from changes where serial = any($2::bigint[])
      union all (select serial, origin, what from changes where serial > $1 order by serial limit ${BATCH})
    ) found order by serial limit ${BATCH}) n on true
  order by n.serial`

/** The newest row stays: readers see by the oldest one whether rows are lost. */
const PRUNE = `delete from changes where serial in (
    select serial from (select serial, at from changes order by serial limit ${PRUNED_AT_ONCE}) oldest
    where at < clock_timestamp() - interval '${RETAINED_SECONDS} seconds')
  and serial < (select max(serial) from changes)`

/**
 * Tells other processes what this one commits, and this one what others do. Each transaction writes one row with what it
 * changed; rows are read in turn, at once when a notification comes and every `pollMs` without. Without connection, or
 * without a complete reading for `trustMs`, nothing is current; a new connection begins anew and announces that anything
 * may have changed, since another server may have taken over.
 */
export class PostgresChangeFeed implements Invalidation {
  readonly isSoleWriter = false
  readonly #options: ChangeFeedOptions
  readonly #name = randomBytes(9).toString('hex')
  readonly #unsure = new Set<string>()
  #commits = 0
  #currentUntil = Number.NEGATIVE_INFINITY
  #wake: () => void = () => undefined
  #hasNews = false
  #prunedAt = Number.NEGATIVE_INFINITY
  #isClosed = false
  #running: Promise<void> | undefined

  constructor(options: ChangeFeedOptions) {
    this.#options = options
  }

  isCurrent(): boolean {
    return performance.now() < this.#currentUntil
  }

  /** Resolves once everything is current, has failed or takes too long; goes on in the background in either case. */
  async start(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#running = this.#run(resolve)
    const waiting = new AbortController()
    await Promise.race([promise, sleep(this.#options.trustMs, undefined, { signal: waiting.signal })])
    waiting.abort()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#wake()
    await this.#running
  }

  /** What a transaction with these changes has to say; undefined when it changed nothing. */
  announce(changes: readonly Change[]): Announcement | undefined {
    if (changes.length === 0) return undefined
    this.#commits += 1
    const origin = `${this.#name}/${this.#commits}`
    return {
      sql: `insert into changes (origin, what) values ('${origin}', '${changeText(changes)}')`,
      unsure: () => {
        this.#unsure.add(origin)
        const [oldest] = this.#unsure
        if (oldest !== undefined && this.#unsure.size > MOST_UNSURE) this.#unsure.delete(oldest)
      },
      committed: () => {
        this.#hasNews = true
        this.#wake()
      },
    }
  }

  async #run(attempted: () => void): Promise<void> {
    while (!this.#isClosed) {
      const client = this.#options.client()
      try {
        await this.#follow(client, attempted)
      } catch {
        // The next attempt says whether the database is back; meanwhile every poll reads, and reports what is wrong.
      }
      this.#distrust()
      attempted()
      const ended = client.end().catch(() => undefined)
      // One that answers no more is left behind.
      await (this.#isClosed ? Promise.race([ended, sleep(RECONNECT_MS)]) : sleep(RECONNECT_MS))
    }
  }

  #distrust(): void {
    this.#currentUntil = Number.NEGATIVE_INFINITY
  }

  /** Until the connection breaks or rows are lost. */
  async #follow(client: pg.Client, attempted: () => void): Promise<void> {
    const link = { isBroken: false, isCalled: false }
    const broke = () => {
      link.isBroken = true
      this.#distrust()
      this.#wake()
    }
    client.on('error', broke)
    client.on('end', broke)
    client.on('notification', ({ payload }) => {
      if (payload === this.#name) return
      link.isCalled = true
      this.#wake()
    })
    await client.connect()
    const position = await this.#begin(client)
    let isCurrent = false
    while (!this.#isClosed && !link.isBroken) {
      link.isCalled = false
      const startedAt = performance.now()
      const rows = position.take(await read(client, position.question))
      if (!rows) return
      this.#tell(rows)
      if (position.isCaughtUp && !isCurrent) {
        this.#options.onChanges([{ kind: 'fleet', organisation: null }])
        isCurrent = true
      }
      if (rows.length === BATCH) continue
      if (isCurrent && !link.isBroken) {
        this.#currentUntil = startedAt + this.#options.trustMs
        attempted()
      }
      await this.#prune(client)
      await sleep(PAUSE_MS)
      const until = position.isWaiting ? startedAt : startedAt + this.#options.pollMs
      while (!this.#isClosed && !link.isBroken && !link.isCalled && performance.now() < until)
        await this.#callOrWait(client, until)
      if (this.#hasNews) await this.#call(client)
    }
  }

  async #callOrWait(client: pg.Client, until: number): Promise<void> {
    if (!this.#hasNews) return this.#pause(until - performance.now())
    await this.#call(client)
    await sleep(PAUSE_MS)
  }

  /** One call for all commits that come close together. */
  async #call(client: pg.Client): Promise<void> {
    this.#hasNews = false
    await client.query(`notify ${CHANNEL}, '${this.#name}'`)
  }

  /** The first row is this reader's own, so that there is one. */
  async #begin(client: pg.Client): Promise<ChangePosition> {
    // Wake-up calls are worth no disk, and other commits need not wait for theirs.
    await client.query(`set synchronous_commit = off`)
    await client.query(`listen ${CHANNEL}`)
    const values = [`${this.#name}/0`]
    const { rows } = await client.query(`insert into changes (origin, what) values ($1, '') returning serial`, values)
    return new ChangePosition(rows[0].serial)
  }

  /** What this process committed it has announced already, except where it did not know. */
  #tell(rows: readonly ChangeRow[]): void {
    const own = `${this.#name}/`
    const changes: Change[] = []
    for (const { origin, what } of rows)
      if (!origin.startsWith(own) || this.#unsure.delete(origin)) changes.push(...parseChangeText(what))
    if (changes.length > 0) this.#options.onChanges(changes)
  }

  async #prune(client: pg.Client): Promise<void> {
    if (performance.now() < this.#prunedAt + PRUNE_MS) return
    const { rowCount } = await client.query(PRUNE)
    if ((rowCount ?? 0) < PRUNED_AT_ONCE) this.#prunedAt = performance.now()
  }

  #pause(ms: number): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, ms)).unref()
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

async function read(client: pg.Client, { after, gaps, looks }: ChangeQuestion): Promise<ChangeReading> {
  const { rows } = await client.query({ name: 'read-changes', text: READ, values: [after, gaps, looks] })
  const { oldest = null, writers } = rows[0] ?? {}
  return {
    oldest,
    rows: rows.filter(({ serial }) => serial !== null),
    ...(writers && { writers }),
  }
}
