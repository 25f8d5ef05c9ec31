import type { FastifyBaseLogger } from 'fastify'
import { type Core, createUpdateService } from '../core/create-core.ts'
import { sweep } from '../core/housekeeping.ts'
import { isLeaseLost } from '../core/lease/fenced-storage.ts'
import { passExhaustedStages } from '../core/rollout/exhausted-stages.ts'
import { finishComplete } from '../core/rollout/finish-complete.ts'
import { type StageRound, tendRollouts } from '../core/rollout/tend.ts'
import type { ServiceDeps } from '../core/service.ts'
import { type JobLeases, soleLeases } from './nodes/job-leases.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND

export interface Jobs {
  /**
   * Ends the timers, lets other nodes do the jobs at once, waits for the turn under way (whose next batch is refused
   * where another node has gone on) and flushes what is written behind.
   */
  stop(): Promise<void>
}

interface Job {
  readonly name: string
  readonly everyMs: number
  run(deps: ServiceDeps): Promise<unknown>
}

/** Done by one node at a time, whatever their number. */
function fleetJobs(): readonly Job[] {
  const stages: StageRound = { after: 0 }
  return [
    { name: 'settle-quiet-updates', everyMs: 5 * SECOND, run: (deps) => createUpdateService(deps).settleQuiet() },
    { name: 'expire-updates', everyMs: 10 * SECOND, run: expireOverdue },
    { name: 'rollouts', everyMs: SECOND, run: (deps) => tendRollouts(deps, stages) },
    { name: 'exhausted-stages', everyMs: MINUTE, run: passExhaustedStages },
    { name: 'complete-rollouts', everyMs: MINUTE, run: finishComplete },
    { name: 'housekeeping', everyMs: 10 * MINUTE, run: sweep },
  ]
}

/** What leases there are for: each of these jobs has one. */
export const JOB_NAMES: readonly string[] = fleetJobs().map(({ name }) => name)

/**
 * What a server does on its own. A job that fails is logged and runs again at its next turn; none overlaps itself. What
 * a node holds in its own memory and files (signs of life, temporary files) it looks after itself, whoever has the leases.
 */
export function startJobs(core: Core, log: FastifyBaseLogger, leases: JobLeases = soleLeases(core.deps)): Jobs {
  const running = new Set<Promise<void>>()
  const every = (everyMs: number, name: string, run: () => Promise<unknown>) => {
    let busy = false
    return setInterval(() => {
      if (busy) return
      busy = true
      const turn = attempt(name, run, log).finally(() => {
        busy = false
        running.delete(turn)
      })
      running.add(turn)
    }, everyMs).unref()
  }
  const timers = fleetJobs().map((job) =>
    every(job.everyMs, job.name, async () => {
      const turn = leases.turn(job.name)
      if (turn) await job.run(turn.deps)
    }),
  )
  timers.push(every(3 * SECOND, 'last-seen', () => core.lastSeen.flushDue(core.deps.clock.now())))
  void core.deps.blobs.sweep().catch((error) => log.error({ err: error }, 'temporary files could not be swept'))
  return {
    async stop() {
      for (const timer of timers) clearInterval(timer)
      await attempt('release', () => leases.release(JOB_NAMES), log)
      await Promise.all(running)
      await core.lastSeen.flush()
    },
  }
}

/** Batches of one turn; whatever is left has its turn soon. */
const BATCHES = 20
const BATCH = 500

async function expireOverdue(deps: ServiceDeps): Promise<void> {
  const updates = createUpdateService(deps)
  for (let batch = 0; batch < BATCHES; batch += 1) if ((await updates.expire(BATCH)) < BATCH) return
}

async function attempt(job: string, run: () => Promise<unknown>, log: FastifyBaseLogger): Promise<void> {
  try {
    await run()
  } catch (error) {
    if (isLeaseLost(error)) log.warn({ job }, 'another node does the job now; what was begun here is left to it')
    else log.error({ err: error, job }, 'background job failed')
  }
}
