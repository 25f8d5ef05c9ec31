import type { FastifyBaseLogger } from 'fastify'
import type { Core } from '../core/create-core.ts'
import { sweep } from '../core/housekeeping.ts'
import { passExhaustedStages } from '../core/rollout/exhausted-stages.ts'
import { finishComplete } from '../core/rollout/finish-complete.ts'
import { type StageRound, tendRollouts } from '../core/rollout/tend.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND

export interface Jobs {
  /** Ends the timers, waits for the job under way and flushes what is written behind. */
  stop(): Promise<void>
}

interface Job {
  readonly name: string
  readonly everyMs: number
  run(): Promise<unknown>
}

/** What a server does on its own. A job that fails is logged and runs again at its next turn; none overlaps itself. */
export function startJobs(core: Core, log: FastifyBaseLogger): Jobs {
  const stages: StageRound = { after: 0 }
  const jobs: readonly Job[] = [
    { name: 'last-seen', everyMs: 3 * SECOND, run: () => core.lastSeen.flush() },
    { name: 'settle-quiet-updates', everyMs: 5 * SECOND, run: () => core.updates.settleQuiet() },
    { name: 'expire-updates', everyMs: 10 * SECOND, run: () => expireOverdue(core) },
    { name: 'rollouts', everyMs: SECOND, run: () => tendRollouts(core.deps, stages) },
    { name: 'exhausted-stages', everyMs: MINUTE, run: () => passExhaustedStages(core.deps) },
    { name: 'complete-rollouts', everyMs: MINUTE, run: () => finishComplete(core.deps) },
    { name: 'housekeeping', everyMs: 10 * MINUTE, run: () => sweep(core.deps) },
  ]
  const running = new Set<Promise<void>>()
  const timers = jobs.map((job) => {
    let busy = false
    return setInterval(() => {
      if (busy) return
      busy = true
      const turn = attempt(job, log).finally(() => {
        busy = false
        running.delete(turn)
      })
      running.add(turn)
    }, job.everyMs).unref()
  })
  void core.deps.blobs.sweep().catch((error) => log.error({ err: error }, 'temporary files could not be swept'))
  return {
    async stop() {
      for (const timer of timers) clearInterval(timer)
      await Promise.all(running)
      await core.lastSeen.flush()
    },
  }
}

/** Batches of one turn; whatever is left has its turn soon. */
const BATCHES = 20
const BATCH = 500

async function expireOverdue(core: Core): Promise<void> {
  for (let batch = 0; batch < BATCHES; batch += 1) if ((await core.updates.expire(BATCH)) < BATCH) return
}

async function attempt(job: Job, log: FastifyBaseLogger): Promise<void> {
  try {
    await job.run()
  } catch (error) {
    log.error({ err: error, job: job.name }, 'background job failed')
  }
}
