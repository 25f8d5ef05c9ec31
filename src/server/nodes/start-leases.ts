import { hostname } from 'node:os'
import type { FastifyBaseLogger } from 'fastify'
import type { Core } from '../../core/create-core.ts'
import { connectionsOf } from '../../storage/sql/connections.ts'
import { NEWEST_MIGRATION } from '../../storage/sql/newest-migration.ts'
import { JOB_NAMES } from '../background-jobs.ts'
import type { Config } from '../config/settings.ts'
import { VERSION } from '../version.ts'
import { WEBHOOKS } from '../webhooks/webhook-job.ts'
import { type JobLeases, sharedLeases, soleLeases } from './job-leases.ts'
import { LeaseKeeper } from './lease-keeper.ts'

export interface RunningLeases {
  readonly leases: JobLeases
  stop(): Promise<void>
}

/** The leases of this process's jobs: shared with the other processes on PostgreSQL, its own on SQLite. */
export function startLeases(core: Core, config: Config, log: FastifyBaseLogger): RunningLeases {
  const { storage, ids, limits } = core.deps
  if (storage.invalidation.isSoleWriter) return { leases: soleLeases(core.deps), stop: async () => undefined }
  const keeper = new LeaseKeeper({
    storage,
    log,
    names: [...JOB_NAMES, WEBHOOKS],
    leaseMs: Math.max(limits.jobLeaseSeconds, 1) * 1000,
    node: {
      id: ids.uuid(),
      host: hostname(),
      pid: process.pid,
      version: VERSION,
      schema: NEWEST_MIGRATION,
      connections: connectionsOf(config.database),
    },
  })
  keeper.start()
  return { leases: sharedLeases(core.deps, keeper), stop: () => keeper.stop() }
}
