import { connectionsOf } from '../../storage/sql/connections.ts'
import { type ClusterFacts, inspectCluster } from '../../storage/sql/inspect-cluster.ts'
import type { Config } from '../config/settings.ts'
import { VERSION } from '../version.ts'
import type { DoctorSources, Finding } from './finding.ts'

/** What a clock may differ from the database's before it is worth a warning, and before tokens and deadlines suffer. */
const NOTABLE_MS = 1_000
const HARMFUL_MS = 30_000

/** The servers on one PostgreSQL: clocks, versions, connections. Nothing of it on SQLite. */
export async function checkCluster(config: Config, { now }: DoctorSources): Promise<Finding[]> {
  if (config.databaseUrl === undefined) return []
  const offset = now - Date.now()
  const facts = await inspectCluster(config.databaseUrl, () => Date.now() + offset)
  return [skewFinding(facts), nodesFinding(facts), connectionsFinding(facts, config)]
}

/** The clock here against the database's, by which leases are kept. */
export function skewFinding({ skew: { aheadMs, withinMs } }: ClusterFacts): Finding {
  const check = 'clock skew'
  // As much as is certain, whatever the question took.
  const certain = Math.max(Math.abs(aheadMs) - withinMs, 0)
  const seconds = (certain / 1000).toFixed(1)
  if (certain < NOTABLE_MS) return { check, verdict: 'ok', detail: 'the clock here agrees with the database\u2019s' }
  const detail = `the clock here is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} the database\u2019s: let both follow NTP`
  return { check, verdict: certain < HARMFUL_MS ? 'warn' : 'fail', detail }
}

/** Which servers run, and whether they are of one version. */
export function nodesFinding({ nodes }: ClusterFacts, own: string = VERSION): Finding {
  const check = 'servers'
  if (nodes.length === 0) return { check, verdict: 'ok', detail: 'none was seen within the last minute' }
  const versions = [...new Set(nodes.map(({ version }) => version))]
  const others = nodes.filter(({ version }) => version !== own)
  if (others.length === 0) return { check, verdict: 'ok', detail: `${nodes.length} of version ${own}` }
  const who = others.map(({ host, pid, version }) => `${version} on ${host} (process ${pid})`).join(', ')
  const remedy =
    versions.length > 1 ? 'an upgrade is under way; replace' : `this command is of version ${own}; compare with`
  return { check, verdict: 'warn', detail: `${nodes.length} run; ${remedy} ${who}` }
}

/** Whether the database grants all connections that the servers may open, with one more server for an upgrade. */
export function connectionsFinding({ nodes, maxConnections }: ClusterFacts, config: Config): Finding {
  const check = 'connections'
  const each = connectionsOf(config.database)
  const open = nodes.length === 0 ? each * config.workers : nodes.reduce((sum, { connections }) => sum + connections, 0)
  const detail = `${Math.max(nodes.length, config.workers)} servers may open ${open} connections; PostgreSQL grants ${maxConnections}`
  if (open > maxConnections)
    return { check, verdict: 'fail', detail: `${detail}: raise max_connections or lower database.poolSize` }
  if (open + each > maxConnections)
    return {
      check,
      verdict: 'warn',
      detail: `${detail}, too few for one more server (${each}), as when one is replaced`,
    }
  return { check, verdict: 'ok', detail }
}
