import { Client } from 'pg'
import type { SeenNode } from '../../core/node/node-store.ts'
import { postgresDialect } from './dialects/postgres.ts'
import { toOtaError } from './sql-failure.ts'

/** A server that was not seen for so long does not count any more. */
const SEEN_MS = 60_000

/** What the servers on one PostgreSQL have in common. */
export interface ClusterFacts {
  /** What the clock here is ahead of the database's, ms, and how far off that may be: half of what the question took. */
  readonly skew: { readonly aheadMs: number; readonly withinMs: number }
  /** Those seen within the last minute; empty in a database that lacks the table. */
  readonly nodes: readonly SeenNode[]
  /** Connections that the database grants to ordinary users. */
  readonly maxConnections: number
}

/** Looks and changes nothing. Throws `storage-failed` when the database does not answer. */
export async function inspectCluster(url: string, now: () => number = Date.now): Promise<ClusterFacts> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  try {
    await client.connect()
    await client.query('select 1')
    const asked = now()
    const clock = await client.query('select extract(epoch from clock_timestamp()) * 1000 as at')
    const withinMs = (now() - asked) / 2
    const aheadMs = asked + withinMs - Number(clock.rows[0]?.at)
    return { skew: { aheadMs, withinMs }, nodes: await nodesOf(client), maxConnections: await limitOf(client) }
  } catch (error) {
    throw toOtaError(error, '', postgresDialect)
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function nodesOf(client: Client): Promise<SeenNode[]> {
  const table = await client.query(`select to_regclass('nodes') is not null as exists`)
  if (table.rows[0]?.exists !== true) return []
  const { rows } = await client.query(
    `select id, host, pid, version, schema, connections, seen_at from nodes
      where seen_at > extract(epoch from clock_timestamp()) * 1000 - $1 order by host, pid`,
    [SEEN_MS],
  )
  return rows.map((row) => ({
    id: row.id,
    host: row.host,
    pid: Number(row.pid),
    version: row.version,
    schema: row.schema,
    connections: Number(row.connections),
    seenAt: Number(row.seen_at),
  }))
}

async function limitOf(client: Client): Promise<number> {
  const { rows } = await client.query(
    `select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as most`,
  )
  return Number(rows[0]?.most)
}
