import type { Serial } from '../../../core/common.ts'
import type { Core } from '../../../core/create-core.ts'
import type { Organisation } from '../../../core/organisation/organisation.ts'
import { type Job, jobOf } from './job-facts.ts'

/** Rollouts read at a time. */
const BATCH = 500

/** The jobs of an organisation, newest first; what other protocols and operators made is none. */
export async function* listJobs(core: Core, organisation: Organisation): AsyncGenerator<Job> {
  const filter = { organisation: organisation.serial }
  for (let after: Serial | undefined; ; ) {
    const slice = { limit: BATCH, order: 'desc', ...(after !== undefined && { after }) } as const
    const rollouts = await core.deps.storage.management.rollouts.list(filter, slice)
    for (const rollout of rollouts) {
      const job = jobOf(rollout)
      if (job) yield job
    }
    if (rollouts.length < BATCH) return
    after = rollouts.at(-1)?.serial
  }
}
